"""A reference is looked up whole: of the two largest tables one index less is written at every decision."""

import apps.gate.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('gate', '0002_what_left_stays'),
    ]

    operations = [
        migrations.AlterField(
            model_name='disclosure',
            name='reference',
            field=models.CharField(default=apps.gate.models.disclosure_reference, max_length=20),
        ),
        migrations.AlterField(
            model_name='permit',
            name='reference',
            field=models.CharField(default=apps.gate.models.permit_reference, max_length=20),
        ),
        migrations.AddConstraint(
            model_name='disclosure',
            constraint=models.UniqueConstraint(fields=('reference',), name='a_disclosure_has_its_own_reference'),
        ),
        migrations.AddConstraint(
            model_name='permit',
            constraint=models.UniqueConstraint(fields=('reference',), name='a_permit_has_its_own_reference'),
        ),
    ]
