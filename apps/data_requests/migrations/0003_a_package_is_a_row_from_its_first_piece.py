"""The row of a package comes before its first byte, so that no byte lies about that belongs to no row."""

import datetime

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0002_a_plan_knows_whom_it_is_about")]

    operations = [
        migrations.RemoveConstraint(model_name="package", name="a_package_ends"),
        migrations.AddField(
            model_name="package",
            name="began_at",
            field=models.DateTimeField(default=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="package",
            name="categories",
            field=models.JSONField(default=list, help_text="Of the data in it, by code."),
        ),
        migrations.AddField(
            model_name="package",
            name="holdings",
            field=models.JSONField(default=list, help_text="What it was made of: [{code, rows, files}]."),
        ),
        migrations.AlterField(
            model_name="package",
            name="digest",
            field=models.BinaryField(help_text="Of the zip.", max_length=32, null=True),
        ),
        migrations.AlterField(
            model_name="package",
            name="sealed_digest",
            field=models.BinaryField(help_text="Of the file as it lies, encrypted.", max_length=32, null=True),
        ),
        migrations.AlterField(
            model_name="package",
            name="size",
            field=models.BigIntegerField(help_text="Of the zip, in bytes.", null=True),
        ),
        migrations.AlterField(model_name="package", name="made_at", field=models.DateTimeField(null=True)),
        migrations.AlterField(model_name="package", name="expires_at", field=models.DateTimeField(null=True)),
        migrations.AlterField(
            model_name="package",
            name="disclosure",
            field=models.CharField(blank=True, help_text="By which the gate recorded it, when it was fetched last.", max_length=20),
        ),
        migrations.AddIndex(
            model_name="package",
            index=models.Index(condition=Q(("destroyed_at__isnull", True)), fields=["expires_at", "id"], name="package_by_end"),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=Q(
                    made_at__isnull=True, digest__isnull=True, sealed_digest__isnull=True, size__isnull=True, expires_at__isnull=True
                )
                | Q(
                    made_at__isnull=False, digest__isnull=False, sealed_digest__isnull=False, size__isnull=False, expires_at__isnull=False,
                    expires_at__gt=F("made_at"),
                ),
                name="a_package_that_was_made_says_what_it_is_and_ends",
            ),
        ),
        migrations.AddConstraint(
            model_name="package",
            constraint=models.CheckConstraint(
                condition=Q(fetches=0, fetched_at__isnull=True, disclosure="") | Q(fetches__gt=0, fetched_at__isnull=False) & ~Q(disclosure=""),
                name="what_was_fetched_was_let_out_by_the_gate",
            ),
        ),
    ]
