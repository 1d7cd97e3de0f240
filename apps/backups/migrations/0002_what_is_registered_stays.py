"""The database itself refuses to rewrite the register, whoever asks and however.

| table | allowed | refused |
|---|---|---|
| backups_backup | insert, filling who destroyed it and when, once | any other update, delete, truncate |
| backups_restore | insert, closing once | any other update, delete, truncate |
| backups_drill | insert, changes while it runs | changes once it is over, delete, truncate |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION backups_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: the register stays as it is', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION backups_backup_ends_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.destroyed_at IS NOT NULL OR NEW.destroyed_at IS NULL
       OR to_jsonb(NEW) - 'destroyed_at' - 'destroyed_by' <> to_jsonb(OLD) - 'destroyed_at' - 'destroyed_by' THEN
        RAISE EXCEPTION 'a backup is only marked as destroyed, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION backups_restore_closes_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.replayed_at IS NOT NULL OR NEW.replayed_at IS NULL
       OR to_jsonb(NEW) - 'replayed_at' - 'replayed' <> to_jsonb(OLD) - 'replayed_at' - 'replayed' THEN
        RAISE EXCEPTION 'a restore is only closed, once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION backups_drill_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome <> 'running'
       OR to_jsonb(NEW) - 'ended_at' - 'outcome' - 'entries' - 'report' <> to_jsonb(OLD) - 'ended_at' - 'outcome' - 'entries' - 'report' THEN
        RAISE EXCEPTION 'a drill that is over never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_backup_ends_once BEFORE UPDATE ON backups_backup FOR EACH ROW EXECUTE FUNCTION backups_backup_ends_once();
CREATE TRIGGER a_backup_stays BEFORE DELETE ON backups_backup FOR EACH ROW EXECUTE FUNCTION backups_refuse();
CREATE TRIGGER backups_are_not_emptied BEFORE TRUNCATE ON backups_backup FOR EACH STATEMENT EXECUTE FUNCTION backups_refuse();
CREATE TRIGGER a_restore_closes_once BEFORE UPDATE ON backups_restore FOR EACH ROW EXECUTE FUNCTION backups_restore_closes_once();
CREATE TRIGGER a_restore_stays BEFORE DELETE ON backups_restore FOR EACH ROW EXECUTE FUNCTION backups_refuse();
CREATE TRIGGER restores_are_not_emptied BEFORE TRUNCATE ON backups_restore FOR EACH STATEMENT EXECUTE FUNCTION backups_refuse();
CREATE TRIGGER a_drill_moves BEFORE UPDATE ON backups_drill FOR EACH ROW EXECUTE FUNCTION backups_drill_moves();
CREATE TRIGGER a_drill_stays BEFORE DELETE ON backups_drill FOR EACH ROW EXECUTE FUNCTION backups_refuse();
CREATE TRIGGER drills_are_not_emptied BEFORE TRUNCATE ON backups_drill FOR EACH STATEMENT EXECUTE FUNCTION backups_refuse();
"""

BACKWARD = """
DROP TRIGGER a_backup_ends_once ON backups_backup;
DROP TRIGGER a_backup_stays ON backups_backup;
DROP TRIGGER backups_are_not_emptied ON backups_backup;
DROP TRIGGER a_restore_closes_once ON backups_restore;
DROP TRIGGER a_restore_stays ON backups_restore;
DROP TRIGGER restores_are_not_emptied ON backups_restore;
DROP TRIGGER a_drill_moves ON backups_drill;
DROP TRIGGER a_drill_stays ON backups_drill;
DROP TRIGGER drills_are_not_emptied ON backups_drill;
DROP FUNCTION backups_backup_ends_once();
DROP FUNCTION backups_restore_closes_once();
DROP FUNCTION backups_drill_moves();
DROP FUNCTION backups_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("backups", "0001_backups_restores_and_drills")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
