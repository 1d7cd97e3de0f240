"""What goes later owes secrets and files to destruction as a step does."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0007_a_link_fetches_once")]

    operations = [
        migrations.AddField(
            model_name="remainder",
            name="owed",
            field=models.JSONField(
                default=list, help_text="Secrets and files to destroy after the commit, by name; emptied when that is done."
            ),
        ),
        migrations.AddConstraint(
            model_name="remainder",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at__isnull", True), ("owed", []), _connector="OR"), name="a_remainder_that_ended_owes_nothing"
            ),
        ),
    ]
