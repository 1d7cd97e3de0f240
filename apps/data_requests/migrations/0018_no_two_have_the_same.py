"""Each search and each evidence has a reference of its own."""

from django.db import migrations, models

import apps.data_requests.models.proof


class Migration(migrations.Migration):

    dependencies = [("data_requests", "0017_those_made_before_get_theirs")]

    operations = [
        migrations.AlterField(
            "scan", "reference", models.CharField(default=apps.data_requests.models.proof.scan_reference, editable=False, max_length=20, unique=True)
        ),
        migrations.AlterField(
            "evidence", "reference",
            models.CharField(default=apps.data_requests.models.proof.evidence_reference, editable=False, max_length=20, unique=True),
        ),
    ]
