"""A service may ask the gate for permits, if its token says so."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_optional_ways_to_reach'),
    ]

    operations = [
        migrations.AlterField(
            model_name='servicetoken',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('organizations', 'register organizations'), ('people', 'register people'), ('messages', 'hand over messages'), ('gate', 'ask for permits to hand data out')], max_length=20), size=None),
        ),
    ]
