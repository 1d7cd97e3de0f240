"""The database itself refuses to change or remove what the audit floor wrote, whoever asks and however.

| table | allowed | refused |
|---|---|---|
| audit_installation, audit_event, audit_ledgerseal | insert | update, delete, truncate |
| audit_eventdetail | insert, delete (erasing) | update, truncate |
| audit_journalentry | insert, filling sequence and digest once | any other update, delete, truncate |

An event's transaction and server are stamped here too, so that no caller can date an event back behind a seal.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what the audit floor wrote stays as it is', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION audit_stamp_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.transaction := pg_current_xact_id()::text::bigint;
    NEW.cluster := (pg_control_system()).system_identifier;
    RETURN NEW;
END $$;

CREATE FUNCTION audit_mark_journal_entry_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sequence IS NOT NULL OR NEW.sequence IS NULL OR NEW.digest IS NULL
       OR (NEW.id, NEW.kind, NEW.about, NEW.body, NEW.created_at)
          IS DISTINCT FROM (OLD.id, OLD.kind, OLD.about, OLD.body, OLD.created_at) THEN
        RAISE EXCEPTION 'UPDATE of % is refused: only its sequence and digest are filled, once', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER installation_stays BEFORE UPDATE OR DELETE ON audit_installation
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER installation_is_not_emptied BEFORE TRUNCATE ON audit_installation
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER event_is_stamped BEFORE INSERT ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_stamp_event();
CREATE TRIGGER event_stays BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER event_is_not_emptied BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER seal_stays BEFORE UPDATE OR DELETE ON audit_ledgerseal
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER seal_is_not_emptied BEFORE TRUNCATE ON audit_ledgerseal
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER detail_is_not_rewritten BEFORE UPDATE ON audit_eventdetail
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER detail_is_not_emptied BEFORE TRUNCATE ON audit_eventdetail
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TRIGGER journal_entry_is_marked_once BEFORE UPDATE ON audit_journalentry
    FOR EACH ROW EXECUTE FUNCTION audit_mark_journal_entry_once();
CREATE TRIGGER journal_entry_stays BEFORE DELETE ON audit_journalentry
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER journal_entry_is_not_emptied BEFORE TRUNCATE ON audit_journalentry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
"""

BACKWARD = """
DROP TRIGGER installation_stays ON audit_installation;
DROP TRIGGER installation_is_not_emptied ON audit_installation;
DROP TRIGGER event_is_stamped ON audit_event;
DROP TRIGGER event_stays ON audit_event;
DROP TRIGGER event_is_not_emptied ON audit_event;
DROP TRIGGER seal_stays ON audit_ledgerseal;
DROP TRIGGER seal_is_not_emptied ON audit_ledgerseal;
DROP TRIGGER detail_is_not_rewritten ON audit_eventdetail;
DROP TRIGGER detail_is_not_emptied ON audit_eventdetail;
DROP TRIGGER journal_entry_is_marked_once ON audit_journalentry;
DROP TRIGGER journal_entry_stays ON audit_journalentry;
DROP TRIGGER journal_entry_is_not_emptied ON audit_journalentry;
DROP FUNCTION audit_refuse();
DROP FUNCTION audit_stamp_event();
DROP FUNCTION audit_mark_journal_entry_once();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_exact_seals")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
