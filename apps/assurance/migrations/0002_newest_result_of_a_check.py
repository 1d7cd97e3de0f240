"""The index by which the board finds the newest result of each check."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("assurance", "0001_promises_runs_and_findings"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="checkresult",
            index=models.Index(fields=["promise", "check_code", "-id"], name="newest_result_of_a_check"),
        ),
    ]
