"""Seals say exactly which transactions they cover, and events which server numbered their transaction.

No seal can exist yet where this runs, so the one-off defaults below never reach a row.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="event",
            name="transaction",
            field=models.BigIntegerField(
                db_default=models.Func(
                    template="((pg_current_xact_id())::text)::bigint", output_field=models.BigIntegerField()
                ),
                help_text="The database transaction it was written in; seals wait for older ones",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="cluster",
            field=models.BigIntegerField(
                db_default=models.Func(
                    template="(pg_control_system()).system_identifier", output_field=models.BigIntegerField()
                ),
                help_text="The database server that numbered the transaction",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["cluster", "transaction", "id"], name="event_by_transaction"),
        ),
        migrations.AddField(
            model_name="ledgerseal",
            name="leaves",
            field=models.BinaryField(default=b""),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="ledgerseal",
            name="cluster",
            field=models.BigIntegerField(default=0, help_text="The database server that numbered the transactions"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="ledgerseal",
            name="from_transaction",
            field=models.BigIntegerField(default=0, help_text="First transaction covered"),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="ledgerseal",
            constraint=models.CheckConstraint(
                name="a_seal_covers_a_run_of_transactions",
                condition=models.Q(from_transaction__lt=models.F("horizon")),
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerseal",
            constraint=models.CheckConstraint(name="a_seal_covers_some_event", condition=models.Q(count__gt=0)),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                fields=["created_at", "id"],
                name="journal_entry_owed",
                condition=models.Q(sequence__isnull=True),
            ),
        ),
    ]
