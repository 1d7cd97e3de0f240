"""Searches and evidence are to be named aloud like everything else."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("data_requests", "0015_each_kind_has_its_way")]

    operations = [
        migrations.AddField("scan", "reference", models.CharField(max_length=20, default="", editable=False), preserve_default=False),
        migrations.AddField("evidence", "reference", models.CharField(max_length=20, default="", editable=False), preserve_default=False),
    ]
