"""The only ways to make a leaf and to empty one, and the triggers that refuse every other way.

`covenant_make_leaf` and `covenant_destroy_leaf` are SECURITY DEFINER, so that the role the application runs under needs
no right to create or truncate message tables. The moves of a cohort and of a destruction are refused here too.
"""

from django.db import migrations

REFUSE_TRUNCATE = """
CREATE FUNCTION covenant_refuse_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('covenant.destroying', true), '') <> TG_TABLE_NAME THEN
        RAISE EXCEPTION 'messages are destroyed by covenant_destroy_leaf only, not by TRUNCATE of %', TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER messages_are_not_truncated BEFORE TRUNCATE ON message
    FOR EACH STATEMENT EXECUTE FUNCTION covenant_refuse_truncate();
"""

MAKE_LEAF = """
CREATE FUNCTION covenant_make_leaf(leaf_day date, made timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    leaf text := 'message_' || to_char(leaf_day, 'YYYYMMDD');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('covenant_make_leaf'));
    IF EXISTS (SELECT 1 FROM retention_leaf WHERE day = leaf_day) THEN
        RETURN false;
    END IF;
    -- made apart and attached: attaching does not stop concurrent inserts, CREATE … PARTITION OF would
    EXECUTE format('CREATE TABLE %I (LIKE message INCLUDING ALL, CHECK (expiry >= %L AND expiry < %L))',
                   leaf, leaf_day, leaf_day + 1);
    EXECUTE format('ALTER TABLE message ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', leaf, leaf_day, leaf_day + 1);
    EXECUTE format('CREATE TRIGGER messages_are_not_truncated BEFORE TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION covenant_refuse_truncate()', leaf);
    INSERT INTO retention_leaf (day, made_at) VALUES (leaf_day, made);
    RETURN true;
END $$;
"""

DESTROY_LEAF = """
CREATE FUNCTION covenant_destroy_leaf(destruction bigint, moment timestamptz) RETURNS bigint
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
CREATE FUNCTION covenant_cohort_moves() RETURNS trigger
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

CREATE TRIGGER a_cohort_never_steps_back BEFORE UPDATE OR DELETE ON retention_cohort
    FOR EACH ROW EXECUTE FUNCTION covenant_cohort_moves();

CREATE FUNCTION covenant_cohort_opens() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM retention_destruction WHERE day = NEW.expiry_on) THEN
        RAISE EXCEPTION 'the day % is being destroyed or is: no cohort opens in it', NEW.expiry_on;
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_destroyed_day_takes_no_cohort BEFORE INSERT ON retention_cohort
    FOR EACH ROW EXECUTE FUNCTION covenant_cohort_opens();

CREATE FUNCTION covenant_destruction_moves() RETURNS trigger
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

CREATE TRIGGER a_destruction_never_steps_back BEFORE UPDATE OR DELETE ON retention_destruction
    FOR EACH ROW EXECUTE FUNCTION covenant_destruction_moves();

CREATE FUNCTION covenant_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER a_certificate_never_changes BEFORE UPDATE OR DELETE ON retention_certificate
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();
CREATE TRIGGER certificates_are_not_truncated BEFORE TRUNCATE ON retention_certificate
    FOR EACH STATEMENT EXECUTE FUNCTION covenant_append_only();
CREATE TRIGGER a_share_never_changes BEFORE UPDATE OR DELETE ON retention_batchshare
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();
CREATE TRIGGER an_early_deletion_never_changes BEFORE UPDATE OR DELETE ON retention_earlydeletion
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();

CREATE FUNCTION covenant_rule_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'proposed' THEN
        RAISE EXCEPTION 'a decided rule never changes: propose a new one';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_decided_rule_never_changes BEFORE UPDATE OR DELETE ON retention_retentionrule
    FOR EACH ROW EXECUTE FUNCTION covenant_rule_moves();
"""

MOVES_BACK = """
DROP TRIGGER a_decided_rule_never_changes ON retention_retentionrule;
DROP FUNCTION covenant_rule_moves();
DROP TRIGGER an_early_deletion_never_changes ON retention_earlydeletion;
DROP TRIGGER a_share_never_changes ON retention_batchshare;
DROP TRIGGER certificates_are_not_truncated ON retention_certificate;
DROP TRIGGER a_certificate_never_changes ON retention_certificate;
DROP FUNCTION covenant_append_only();
DROP TRIGGER a_destruction_never_steps_back ON retention_destruction;
DROP FUNCTION covenant_destruction_moves();
DROP TRIGGER a_destroyed_day_takes_no_cohort ON retention_cohort;
DROP FUNCTION covenant_cohort_opens();
DROP TRIGGER a_cohort_never_steps_back ON retention_cohort;
DROP FUNCTION covenant_cohort_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0002_message_table"), ("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(
            REFUSE_TRUNCATE,
            "DROP TRIGGER messages_are_not_truncated ON message; DROP FUNCTION covenant_refuse_truncate() CASCADE;",
        ),
        migrations.RunSQL(MAKE_LEAF, "DROP FUNCTION covenant_make_leaf(date, timestamptz);"),
        migrations.RunSQL(DESTROY_LEAF, "DROP FUNCTION covenant_destroy_leaf(bigint, timestamptz);"),
        migrations.RunSQL(MOVES, MOVES_BACK),
    ]
