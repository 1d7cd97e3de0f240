"""Rows that stood aside already get the bundle of their cohort, and each destruction the name of the secret that it ends."""

from django.db import migrations

FORTH = """
INSERT INTO retention_asidebundle (cohort_id, ground, matter_id, holds, secret, opened_at)
SELECT c.id, 'archive', NULL, '{}', 'aside/' || c.reference, coalesce(c.aside_at, min(a.moved_at))
FROM retention_asidemessage a JOIN retention_cohort c ON c.id = a.cohort_id
WHERE a.bundle_id IS NULL GROUP BY c.id;

UPDATE retention_asidemessage a SET bundle_id = b.id FROM retention_asidebundle b
WHERE a.bundle_id IS NULL AND b.cohort_id = a.cohort_id;

UPDATE retention_destruction SET secret = 'day/' || day::text WHERE secret IS NULL;
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0004_archives_and_asides")]

    operations = [migrations.RunSQL(FORTH, migrations.RunSQL.noop)]
