"""What was searched and proven before gets a reference too: seven digits that Crockford's alphabet has."""

from django.db import migrations

NAME = "UPDATE {table} SET reference = '{prefix}-' || upper(substr(md5(gen_random_uuid()::text), 1, 7)) WHERE reference = ''"


class Migration(migrations.Migration):

    dependencies = [("data_requests", "0016_searches_and_evidence_have_references")]

    operations = [
        migrations.RunSQL(NAME.format(table="data_requests_scan", prefix="SCN"), migrations.RunSQL.noop),
        migrations.RunSQL(NAME.format(table="data_requests_evidence", prefix="EVD"), migrations.RunSQL.noop),
    ]
