"""What 0005 filled may not be empty any more."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0005_what_stood_aside_has_its_bundle")]

    operations = [
        migrations.AlterField(
            model_name="asidemessage",
            name="bundle",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="rows", to="retention.asidebundle"
            ),
        ),
        migrations.AlterField(
            model_name="destruction",
            name="secret",
            field=models.CharField(
                help_text="The secret that dies, by its name in the keystore", max_length=100, unique=True
            ),
        ),
    ]
