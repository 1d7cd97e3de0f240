"""The database asks again, by itself, what the steps of a destruction promise: archives, holds, reviews; and new tables of moves."""

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
    IF work.id IS NULL OR work.state <> 'shredded' THEN
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
    IF EXISTS (SELECT 1 FROM retention_cohort c JOIN accounts_organization o ON o.id = c.organization_id
               WHERE c.expiry_on = work.day AND c.state = 'shredded'
                 AND (c.archive_owed OR o.archive_entitlement <> 'none')) THEN
        RAISE EXCEPTION 'a cohort of % is owed to an archive', work.day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF EXISTS (SELECT 1 FROM retention_cohort
               WHERE expiry_on = work.day AND state <> 'shredded' AND NOT (state = 'expired' AND aside_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a cohort of % is neither shredded nor aside', work.day
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    leaf := 'message_' || to_char(work.day, 'YYYYMMDD');
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

MOVES = """
CREATE OR REPLACE FUNCTION covenant_cohort_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cohort is not deleted: its account must stay checkable';
    END IF;
    IF NEW.organization_id <> OLD.organization_id OR NEW.expiry_on <> OLD.expiry_on THEN
        RAISE EXCEPTION 'a cohort keeps its organization and its day';
    END IF;
    IF OLD.archive_owed AND NOT NEW.archive_owed THEN
        RAISE EXCEPTION 'what is owed to an archive stays owed';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('open', 'sealed'), ('sealed', 'archived'), ('sealed', 'expired'), ('archived', 'expired'), ('expired', 'intended'), ('intended', 'shredded'), ('shredded', 'destroyed')
    ) THEN
        RAISE EXCEPTION 'a cohort can not go from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION covenant_cohort_opens() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention_destruction WHERE scope = 'day' AND day = NEW.expiry_on) THEN
        RAISE EXCEPTION 'the day % is being destroyed or is: no cohort opens in it', NEW.expiry_on;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION covenant_destruction_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a destruction is not deleted: it is evidence';
    END IF;
    IF NEW.day <> OLD.day OR NEW.scope <> OLD.scope OR NEW.secret <> OLD.secret
       OR NEW.cohort_id IS DISTINCT FROM OLD.cohort_id OR NEW.archive_id IS DISTINCT FROM OLD.archive_id THEN
        RAISE EXCEPTION 'a destruction keeps its day and what it ends';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('due', 'intended'), ('intended', 'journalled'), ('journalled', 'shredded'), ('shredded', 'truncated'),
        ('truncated', 'done')
    ) THEN
        RAISE EXCEPTION 'a destruction can not go from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$;


CREATE TRIGGER a_move_never_changes BEFORE UPDATE OR DELETE ON retention_move
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();
CREATE TRIGGER an_amendment_never_changes BEFORE UPDATE OR DELETE ON retention_amendment
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();

CREATE FUNCTION covenant_bundle_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a bundle is not deleted: its end stays checkable';
    END IF;
    IF NEW.cohort_id <> OLD.cohort_id OR NEW.ground <> OLD.ground OR NEW.secret <> OLD.secret
       OR NEW.matter_id IS DISTINCT FROM OLD.matter_id OR (OLD.destroyed_at IS NOT NULL AND NEW.destroyed_at IS NULL) THEN
        RAISE EXCEPTION 'a bundle keeps its cohort, its ground and its secret, and does not come back';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_bundle_never_steps_back BEFORE UPDATE OR DELETE ON retention_asidebundle
    FOR EACH ROW EXECUTE FUNCTION covenant_bundle_moves();

CREATE FUNCTION covenant_aside_goes() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM gone g JOIN retention_asidebundle b ON b.id = g.bundle_id
               WHERE NOT EXISTS (SELECT 1 FROM retention_destruction d WHERE d.secret = b.secret AND d.state = 'shredded')) THEN
        RAISE EXCEPTION 'rows aside go after the key of their bundle is destroyed'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NULL;
END $$;

-- once a statement, so that ending 300,000 rows asks once
CREATE TRIGGER rows_aside_go_with_their_key AFTER DELETE ON retention_asidemessage
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION covenant_aside_goes();
CREATE TRIGGER rows_aside_are_not_truncated BEFORE TRUNCATE ON retention_asidemessage
    FOR EACH STATEMENT EXECUTE FUNCTION covenant_append_only();
"""

MOVES_BACK = """
DROP TRIGGER rows_aside_are_not_truncated ON retention_asidemessage;
DROP TRIGGER rows_aside_go_with_their_key ON retention_asidemessage;
DROP FUNCTION covenant_aside_goes();
DROP TRIGGER a_bundle_never_steps_back ON retention_asidebundle;
DROP FUNCTION covenant_bundle_moves();
DROP TRIGGER an_amendment_never_changes ON retention_amendment;
DROP TRIGGER a_move_never_changes ON retention_move;
CREATE OR REPLACE FUNCTION covenant_cohort_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a cohort is not deleted: its account must stay checkable';
    END IF;
    IF NEW.organization_id <> OLD.organization_id OR NEW.expiry_on <> OLD.expiry_on THEN
        RAISE EXCEPTION 'a cohort keeps its organization and its day';
    END IF;
    IF OLD.archive_owed AND NOT NEW.archive_owed THEN
        RAISE EXCEPTION 'what is owed to an archive stays owed';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('open', 'sealed'), ('sealed', 'expired'), ('expired', 'intended'), ('intended', 'shredded'), ('shredded', 'destroyed')
    ) THEN
        RAISE EXCEPTION 'a cohort can not go from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION covenant_cohort_opens() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention_destruction WHERE day = NEW.expiry_on) THEN
        RAISE EXCEPTION 'the day % is being destroyed or is: no cohort opens in it', NEW.expiry_on;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION covenant_destruction_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'a destruction is not deleted: it is evidence';
    END IF;
    IF NEW.day <> OLD.day THEN
        RAISE EXCEPTION 'a destruction keeps its day';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('due', 'intended'), ('intended', 'journalled'), ('journalled', 'shredded'), ('shredded', 'truncated'),
        ('truncated', 'done')
    ) THEN
        RAISE EXCEPTION 'a destruction can not go from % to %', OLD.state, NEW.state;
    END IF;
    RETURN NEW;
END $$;

"""


class Migration(migrations.Migration):
    dependencies = [
        ("retention", "0006_bundle_and_secret_are_required"),
        ("holds", "0001_matters_and_holds"),
    ]

    operations = [
        migrations.RunSQL(DESTROY_LEAF, DESTROY_LEAF_BEFORE),
        migrations.RunSQL(MOVES, MOVES_BACK),
    ]
