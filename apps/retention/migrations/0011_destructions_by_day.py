"""The list of destructions is read in the order of their days."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0010_archives_by_segment")]

    operations = [
        migrations.AddIndex(
            model_name="destruction",
            index=models.Index(fields=["day", "id"], name="destruction_by_day"),
        ),
    ]
