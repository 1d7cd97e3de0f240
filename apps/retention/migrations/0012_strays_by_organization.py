"""Whether a leaf has rows of a cohort that may not be destroyed is asked once an organization, not once a row: 0.07 s a million less."""

from django.db import migrations

DESTROY_LEAF = """
CREATE OR REPLACE FUNCTION covenant_destroy_leaf(destruction bigint, moment timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    work retention_destruction%ROWTYPE;
    leaf text;
    stray bigint;
    freed bigint;
BEGIN
    SELECT * INTO work FROM retention_destruction WHERE id = destruction FOR UPDATE;
    IF work.id IS NULL OR work.scope <> 'day' OR work.state <> 'shredded' THEN
        RAISE EXCEPTION 'a leaf is emptied after its intent is in the journal and its key is destroyed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF work.day > (moment AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'the day % is not over', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_journalentry WHERE id = work.intent_entry AND sequence IS NOT NULL) THEN
        RAISE EXCEPTION 'the intent is not in the journal' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- the same rows that a hold or an ingest locks, in the same order
    PERFORM 1 FROM retention_cohort WHERE expiry_on = work.day ORDER BY id FOR UPDATE;
    IF EXISTS (SELECT 1 FROM retention_cohort
               WHERE expiry_on = work.day AND state <> 'shredded' AND NOT (state = 'expired' AND aside_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a cohort of % is neither shredded nor aside', work.day
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    leaf := 'message_' || to_char(work.day, 'YYYYMMDD');
    -- a row of a segment that an archive is owed and does not have, verified
    EXECUTE format('SELECT count(*) FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id '
                   'JOIN retention_segment s ON s.cohort_id = c.id AND s.archived_at IS NULL '
                   'WHERE c.expiry_on = %L AND (c.archive_owed OR o.archive_entitlement <> ''none'') AND EXISTS '
                   '(SELECT 1 FROM %I m WHERE m.organization_id = c.organization_id AND m.segment = s.number)',
                   work.day, leaf) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION 'the leaf of % holds rows owed to an archive', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- a hold that nobody looked at when rows stepped aside (placing one waits until the key is gone, so it can't be newer)
    IF EXISTS (SELECT 1 FROM retention_cohort c JOIN holds_hold h ON h.id > c.holds_seen AND h.id <= work.newest_hold
               AND (h.organization_id IS NULL OR h.organization_id = c.organization_id)
               AND (h.state = 'active' OR h.kept_until > moment)
               LEFT JOIN accounts_person p ON p.id = h.person_id
               WHERE c.expiry_on = work.day AND c.state = 'shredded'
                 AND (p.id IS NULL OR p.organization_id IS NULL OR p.organization_id = c.organization_id)) THEN
        RAISE EXCEPTION 'a hold may keep rows of %', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- a row that waits for its review
    EXECUTE format('SELECT count(*) FROM retention_cohort c JOIN retention_review r ON r.cohort_id = c.id AND r.state <> ''approved'' '
                   'WHERE c.expiry_on = %L AND EXISTS (SELECT 1 FROM %I m WHERE m.organization_id = c.organization_id)',
                   work.day, leaf) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION 'the leaf of % holds rows that wait for a review', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- rows of a cohort that is not part of this destruction must not be there
    -- (one look into the index for each organization that has rows, instead of a look at each row)
    EXECUTE format('WITH RECURSIVE there(organization_id) AS ('
                   '(SELECT m.organization_id FROM %1$I m ORDER BY m.organization_id LIMIT 1) UNION ALL '
                   'SELECT (SELECT m.organization_id FROM %1$I m WHERE m.organization_id > t.organization_id '
                   'ORDER BY m.organization_id LIMIT 1) FROM there t WHERE t.organization_id IS NOT NULL) '
                   'SELECT count(*) FROM there t WHERE t.organization_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM retention_cohort c '
                   'WHERE c.expiry_on = %2$L AND c.organization_id = t.organization_id AND c.state = ''shredded'')',
                   leaf, work.day) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION 'rows of % organizations in the leaf of % belong to no cohort that may be destroyed', stray, work.day
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    freed := pg_total_relation_size(leaf::regclass);
    PERFORM set_config('covenant.destroying', leaf, true);
    EXECUTE format('TRUNCATE ONLY %I', leaf);
    PERFORM set_config('covenant.destroying', '', true);
    UPDATE retention_leaf SET truncated_at = moment WHERE day = work.day;
    RETURN freed;
END $$;
"""

DESTROY_LEAF_BEFORE = """
CREATE OR REPLACE FUNCTION covenant_destroy_leaf(destruction bigint, moment timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    work retention_destruction%ROWTYPE;
    leaf text;
    stray bigint;
    freed bigint;
BEGIN
    SELECT * INTO work FROM retention_destruction WHERE id = destruction FOR UPDATE;
    IF work.id IS NULL OR work.scope <> 'day' OR work.state <> 'shredded' THEN
        RAISE EXCEPTION 'a leaf is emptied after its intent is in the journal and its key is destroyed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF work.day > (moment AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'the day % is not over', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM audit_journalentry WHERE id = work.intent_entry AND sequence IS NOT NULL) THEN
        RAISE EXCEPTION 'the intent is not in the journal' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- the same rows that a hold or an ingest locks, in the same order
    PERFORM 1 FROM retention_cohort WHERE expiry_on = work.day ORDER BY id FOR UPDATE;
    IF EXISTS (SELECT 1 FROM retention_cohort
               WHERE expiry_on = work.day AND state <> 'shredded' AND NOT (state = 'expired' AND aside_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a cohort of % is neither shredded nor aside', work.day
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    leaf := 'message_' || to_char(work.day, 'YYYYMMDD');
    -- a row of a segment that an archive is owed and does not have, verified
    EXECUTE format('SELECT count(*) FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id '
                   'JOIN retention_segment s ON s.cohort_id = c.id AND s.archived_at IS NULL '
                   'WHERE c.expiry_on = %L AND (c.archive_owed OR o.archive_entitlement <> ''none'') AND EXISTS '
                   '(SELECT 1 FROM %I m WHERE m.organization_id = c.organization_id AND m.segment = s.number)',
                   work.day, leaf) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION 'the leaf of % holds rows owed to an archive', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- a hold that nobody looked at when rows stepped aside (placing one waits until the key is gone, so it can't be newer)
    IF EXISTS (SELECT 1 FROM retention_cohort c JOIN holds_hold h ON h.id > c.holds_seen AND h.id <= work.newest_hold
               AND (h.organization_id IS NULL OR h.organization_id = c.organization_id)
               AND (h.state = 'active' OR h.kept_until > moment)
               LEFT JOIN accounts_person p ON p.id = h.person_id
               WHERE c.expiry_on = work.day AND c.state = 'shredded'
                 AND (p.id IS NULL OR p.organization_id IS NULL OR p.organization_id = c.organization_id)) THEN
        RAISE EXCEPTION 'a hold may keep rows of %', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- a row that waits for its review
    EXECUTE format('SELECT count(*) FROM retention_cohort c JOIN retention_review r ON r.cohort_id = c.id AND r.state <> ''approved'' '
                   'WHERE c.expiry_on = %L AND EXISTS (SELECT 1 FROM %I m WHERE m.organization_id = c.organization_id)',
                   work.day, leaf) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION 'the leaf of % holds rows that wait for a review', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- rows of a cohort that is not part of this destruction must not be there
    EXECUTE format('SELECT count(*) FROM %I m WHERE NOT EXISTS (SELECT 1 FROM retention_cohort c '
                   'WHERE c.expiry_on = %L AND c.organization_id = m.organization_id AND c.state = ''shredded'')',
                   leaf, work.day) INTO stray;
    IF stray > 0 THEN
        RAISE EXCEPTION '% rows in the leaf of % belong to no cohort that may be destroyed', stray, work.day
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    freed := pg_total_relation_size(leaf::regclass);
    PERFORM set_config('covenant.destroying', leaf, true);
    EXECUTE format('TRUNCATE ONLY %I', leaf);
    PERFORM set_config('covenant.destroying', '', true);
    UPDATE retention_leaf SET truncated_at = moment WHERE day = work.day;
    RETURN freed;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0011_destructions_by_day")]

    operations = [migrations.RunSQL(DESTROY_LEAF, DESTROY_LEAF_BEFORE)]
