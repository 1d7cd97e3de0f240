"""The database itself refuses to change what a hold keeps, to begin one again that was released, and to remove any.

| table | allowed | refused |
|---|---|---|
| holds_matter | insert open; open → closed while none of its holds is in force | any other update, delete, truncate |
| holds_hold | insert in force for an open matter; asking for a release; active → released | another scope, any change after the release, delete, truncate |
| holds_hold, released | taking the person's row out of it, so that it can be erased (their reference stays) | any other person |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION holds_matter_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'matter % is never removed', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' THEN
            RAISE EXCEPTION 'a matter begins open' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.title, NEW.reason, NEW.opened_by, NEW.opened_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.title, OLD.reason, OLD.opened_by, OLD.opened_at) THEN
        RAISE EXCEPTION 'matter % stays as it was opened', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'open' AND NEW IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'matter % is closed: it never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND EXISTS (SELECT 1 FROM holds_hold WHERE matter_id = OLD.id AND state = 'active') THEN
        RAISE EXCEPTION 'matter % has holds in force', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION holds_hold_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    matter_state text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'hold % is never removed', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        -- the share lock makes a matter wait that is being closed by another transaction
        SELECT state INTO matter_state FROM holds_matter WHERE id = NEW.matter_id FOR SHARE;
        IF NEW.state <> 'active' OR NEW.release_asked_by <> '' OR matter_state IS DISTINCT FROM 'open' THEN
            RAISE EXCEPTION 'a hold begins in force, for an open matter' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.matter_id, NEW.organization_id, NEW.person_reference, NEW.conversation_source,
        NEW.conversation_id, NEW.sent_from, NEW.sent_until, NEW.reason, NEW.salt, NEW.placed_by, NEW.placed_at)
       IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.matter_id, OLD.organization_id, OLD.person_reference, OLD.conversation_source,
        OLD.conversation_id, OLD.sent_from, OLD.sent_until, OLD.reason, OLD.salt, OLD.placed_by, OLD.placed_at) THEN
        RAISE EXCEPTION 'what hold % keeps never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.person_id IS DISTINCT FROM OLD.person_id AND NOT (NEW.person_id IS NULL AND OLD.state = 'released') THEN
        RAISE EXCEPTION 'what hold % keeps never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state = 'released' AND
       (NEW.state, NEW.release_asked_by, NEW.release_asked_at, NEW.release_reason, NEW.released_by, NEW.released_at, NEW.kept_until)
       IS DISTINCT FROM
       (OLD.state, OLD.release_asked_by, OLD.release_asked_at, OLD.release_reason, OLD.released_by, OLD.released_at, OLD.kept_until)
    THEN
        RAISE EXCEPTION 'hold % is released: that is final', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION holds_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the table % is never emptied: holds and matters stay', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER a_matter_stays_as_it_was_opened BEFORE INSERT OR UPDATE OR DELETE ON holds_matter
    FOR EACH ROW EXECUTE FUNCTION holds_matter_guard();
CREATE TRIGGER matters_are_not_emptied BEFORE TRUNCATE ON holds_matter
    FOR EACH STATEMENT EXECUTE FUNCTION holds_refuse_truncate();
CREATE TRIGGER a_hold_stays_as_it_was_placed BEFORE INSERT OR UPDATE OR DELETE ON holds_hold
    FOR EACH ROW EXECUTE FUNCTION holds_hold_guard();
CREATE TRIGGER holds_are_not_emptied BEFORE TRUNCATE ON holds_hold
    FOR EACH STATEMENT EXECUTE FUNCTION holds_refuse_truncate();
"""

BACKWARD = """
DROP TRIGGER holds_are_not_emptied ON holds_hold;
DROP TRIGGER a_hold_stays_as_it_was_placed ON holds_hold;
DROP TRIGGER matters_are_not_emptied ON holds_matter;
DROP TRIGGER a_matter_stays_as_it_was_opened ON holds_matter;
DROP FUNCTION holds_refuse_truncate();
DROP FUNCTION holds_hold_guard();
DROP FUNCTION holds_matter_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("holds", "0001_matters_and_holds")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
