"""What is not sound in the keystore alarms too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("retention", "0013_no_samples_of_ciphertext")]

    operations = [
        migrations.AlterField(
            model_name="alarm",
            name="kind",
            field=models.CharField(
                choices=[
                    ("overdue", "over a day past its end, neither destroyed nor kept with a reason"),
                    ("unbalanced", "its account does not add up"),
                    ("parked", "a destruction failed five times and is parked"),
                    ("rescheduling", "a rescheduling failed five times and is parked"),
                    ("archive", "a place for archives fails"),
                    ("mail", "a mail could not be delivered and is parked"),
                    ("keystore", "not sound in the keystore (check_keystore says the mend)"),
                ],
                max_length=12,
            ),
        ),
    ]
