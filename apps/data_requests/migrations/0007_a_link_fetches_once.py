"""What waits and what hands over have links of different kinds."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0006_every_other_move_is_refused")]

    operations = [
        migrations.AlterField(
            model_name="requestlink",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("prove", "to prove control of a contact on file"),
                    ("confirm_agent", "to confirm that an agent may ask"),
                    ("call_back", "to call an erasure back"),
                    ("delivery", "to hear what waits, and have a fresh link sent"),
                    ("fetch", "to fetch what was asked for"),
                ],
                max_length=20,
            ),
        ),
    ]
