"""The only way to drop a leaf: empty, its day over, every cohort of it destroyed or aside, and nothing of its destruction left to do.

An empty leaf costs nothing but its place in the catalogue, of which every query that can't be pruned locks four for each: seven years of
them are 2,500. What happened to its day stands in its destruction and certificates.
"""

from django.db import migrations

DROP_LEAF = """
CREATE FUNCTION covenant_drop_leaf(leaf_day date, moment timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    leaf text := 'message_' || to_char(leaf_day, 'YYYYMMDD');
    rows_left boolean;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('covenant_make_leaf'));
    IF NOT EXISTS (SELECT 1 FROM retention_leaf WHERE day = leaf_day) THEN
        RETURN false;
    END IF;
    IF leaf_day >= (moment AT TIME ZONE 'UTC')::date THEN
        RAISE EXCEPTION 'the day % is not over', leaf_day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF EXISTS (SELECT 1 FROM retention_cohort
               WHERE expiry_on = leaf_day AND state <> 'destroyed' AND NOT (state = 'expired' AND aside_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a cohort of % is neither destroyed nor aside', leaf_day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF EXISTS (SELECT 1 FROM retention_destruction WHERE scope = 'day' AND day = leaf_day AND state <> 'done') THEN
        RAISE EXCEPTION 'the destruction of % is not done', leaf_day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    -- the parent first, as every query on it locks: whoever comes meanwhile waits for the few milliseconds that this takes
    LOCK TABLE ONLY message IN ACCESS EXCLUSIVE MODE;
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', leaf);
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM ONLY %I)', leaf) INTO rows_left;
    IF rows_left THEN
        RAISE EXCEPTION 'the leaf of % is not empty', leaf_day USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('DROP TABLE %I', leaf);
    DELETE FROM retention_leaf WHERE day = leaf_day;
    RETURN true;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0016_a_large_plan_is_worked_out_first")]

    operations = [migrations.RunSQL(DROP_LEAF, "DROP FUNCTION covenant_drop_leaf(date, timestamptz);")]
