"""What was opened and mailed lately is counted by whom it was given, by network and in all: caps look at few rows, however large a flood is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0003_a_package_is_a_row_from_its_first_piece")]

    operations = [
        migrations.RemoveIndex(model_name="arrival", name="arrival_by_address"),
        migrations.RemoveIndex(model_name="arrival", name="arrival_by_prefix"),
        migrations.AddIndex(model_name="arrival", index=models.Index(fields=["from_digest", "settled_at"], name="arrival_by_address")),
        migrations.AddIndex(model_name="arrival", index=models.Index(fields=["prefix_digest", "settled_at"], name="arrival_by_prefix")),
        migrations.AddIndex(model_name="arrival", index=models.Index(fields=["settled_at"], name="arrival_by_settling")),
        migrations.AddIndex(model_name="requestlink", index=models.Index(fields=["contact_digest", "made_at"], name="request_link_by_contact")),
        migrations.AddIndex(model_name="requestlink", index=models.Index(fields=["made_at"], name="request_link_by_time")),
    ]
