"""What a rescheduling remembers, the day of a review on its own row, and alarms."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

DAYS_OF_REVIEWS = """
UPDATE retention_review r SET expiry_on = c.expiry_on FROM retention_cohort c WHERE c.id = r.cohort_id
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0008_matter_exports")]

    operations = [
        migrations.CreateModel(
            name="Alarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("overdue", "over a day past its end, neither destroyed nor kept with a reason"),
                            ("unbalanced", "its account does not add up"),
                            ("parked", "a destruction failed five times and is parked"),
                            ("rescheduling", "a rescheduling failed five times and is parked"),
                            ("archive", "a place for archives fails"),
                            ("mail", "a mail could not be delivered and is parked"),
                        ],
                        max_length=12,
                    ),
                ),
                ("about", models.CharField(help_text="Reference of what it is about", max_length=80)),
                ("raised_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(condition=models.Q(("ended_at__isnull", True)), fields=["kind", "id"], name="alarm_standing")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)), fields=("kind", "about"), name="a_thing_alarms_once_at_a_time"
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="move",
            name="source_tags",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BinaryField(), default=list, help_text="Required. Held to keep the law and to prove that it was kept.", size=None
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="move",
            index=django.contrib.postgres.indexes.GinIndex(fields=["source_tags"], name="move_by_source_tag"),
        ),
        migrations.AddField(
            model_name="rescheduling",
            name="progress",
            field=models.JSONField(default=dict, editable=False, help_text="By cohort: how far, what moved, what stayed and why"),
        ),
        migrations.AlterField(
            model_name="rescheduling",
            name="plan",
            field=models.JSONField(default=dict, editable=False, help_text="The lives it goes by; by cohort: day now, days then, messages"),
        ),
        migrations.AddField(
            model_name="review",
            name="expiry_on",
            field=models.DateField(
                null=True, help_text="The cohort's, which never changes; the list is read by it", verbose_name="day of its end"
            ),
        ),
        migrations.RunSQL(DAYS_OF_REVIEWS, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="review",
            name="expiry_on",
            field=models.DateField(help_text="The cohort's, which never changes; the list is read by it", verbose_name="day of its end"),
        ),
        migrations.AlterModelOptions(
            name="review",
            options={"ordering": ["expiry_on", "id"], "permissions": [("decide_review", "Can approve or reject the destruction of a reviewed cohort")]},
        ),
        migrations.AddIndex(model_name="review", index=models.Index(fields=["expiry_on", "id"], name="review_by_day")),
        migrations.AddIndex(model_name="review", index=models.Index(fields=["state", "expiry_on", "id"], name="review_by_state")),
    ]
