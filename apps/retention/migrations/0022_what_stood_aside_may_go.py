"""Rows aside go after the key of their bundle, but for one thing: a message that was set aside early, when a hold of its bundle is released."""

from django.db import migrations

GOES = """
CREATE OR REPLACE FUNCTION covenant_aside_goes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gone g JOIN retention_asidebundle b ON b.id = g.bundle_id
               WHERE NOT EXISTS (SELECT 1 FROM retention_destruction d WHERE d.secret = b.secret AND d.state = 'shredded')
                 AND NOT (b.ground = 'hold'
                          AND EXISTS (SELECT 1 FROM retention_earlydeletion e
                                      WHERE e.cohort_id = g.cohort_id AND e.message = g.id AND e.kept_for_hold)
                          AND EXISTS (SELECT 1 FROM holds_hold h WHERE h.id = ANY(b.holds) AND h.state = 'released'))) THEN
        RAISE EXCEPTION 'rows aside go after the key of their bundle is destroyed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
"""

BACK = """
CREATE OR REPLACE FUNCTION covenant_aside_goes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gone g JOIN retention_asidebundle b ON b.id = g.bundle_id
               WHERE NOT EXISTS (SELECT 1 FROM retention_destruction d WHERE d.secret = b.secret AND d.state = 'shredded')) THEN
        RAISE EXCEPTION 'rows aside go after the key of their bundle is destroyed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0021_what_a_hold_kept_may_go"), ("holds", "0001_matters_and_holds")]

    operations = [migrations.RunSQL(GOES, BACK)]
