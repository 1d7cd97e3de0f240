"""The planner samples no column that holds bytes of messages: what it samples stays in its catalogue after the rows are destroyed.

Nobody can read these samples without the key, but "nothing is left" must be true of every file. The planner loses little by it:
who asks by tag asks an index, and `source_tag` is asked for one at a time, through its unique index (measured over 330,000 rows:
a person's messages of a day 0.4–0.9 ms with samples, and 0.4–0.9 ms without).

Samples that were taken before stay until their leaf is dropped. Where they must go at once, a superuser removes them:
`DELETE FROM pg_statistic WHERE starelid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = 'message'::regclass)` and
`VACUUM FULL pg_statistic`.
"""

from django.db import migrations


def sampled(target: int) -> str:
    """How much of each of these columns is sampled: of the parent and, through it, of every leaf that is there; of what stands aside."""
    return f"""
ALTER TABLE message ALTER COLUMN source_tag SET STATISTICS {target}, ALTER COLUMN tags SET STATISTICS {target},
    ALTER COLUMN proof SET STATISTICS {target}, ALTER COLUMN ciphertext SET STATISTICS {target};
ALTER TABLE retention_asidemessage ALTER COLUMN tags SET STATISTICS {target},
    ALTER COLUMN proof SET STATISTICS {target}, ALTER COLUMN ciphertext SET STATISTICS {target};
ALTER TABLE retention_archivepart ALTER COLUMN tags SET STATISTICS {target};
"""


MAKE_LEAF = """
CREATE OR REPLACE FUNCTION covenant_make_leaf(leaf_day date, made timestamptz) RETURNS boolean
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
    -- LIKE does not take over what is not to be sampled
    EXECUTE format('ALTER TABLE %I ALTER COLUMN source_tag SET STATISTICS 0, ALTER COLUMN tags SET STATISTICS 0, '
                   'ALTER COLUMN proof SET STATISTICS 0, ALTER COLUMN ciphertext SET STATISTICS 0', leaf);
    EXECUTE format('ALTER TABLE message ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', leaf, leaf_day, leaf_day + 1);
    EXECUTE format('CREATE TRIGGER messages_are_not_truncated BEFORE TRUNCATE ON %I '
                   'FOR EACH STATEMENT EXECUTE FUNCTION covenant_refuse_truncate()', leaf);
    INSERT INTO retention_leaf (day, made_at) VALUES (leaf_day, made);
    RETURN true;
END $$;
"""

MAKE_LEAF_BEFORE = """
CREATE OR REPLACE FUNCTION covenant_make_leaf(leaf_day date, made timestamptz) RETURNS boolean
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


class Migration(migrations.Migration):
    dependencies = [("retention", "0012_strays_by_organization")]

    operations = [
        migrations.RunSQL(sampled(0), sampled(-1)),
        migrations.RunSQL(MAKE_LEAF, MAKE_LEAF_BEFORE),
    ]
