"""A switch for browser signals is decided once, and never changes or goes after that: people were answered by it.

| allowed | refused |
|---|---|
| insert asked for; asked → approved, rejected, moving only who, when and from when | any other update, a delete, truncate |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION consents_switch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'asked' THEN
            RAISE EXCEPTION 'a switch begins as asked for' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP <> 'UPDATE' THEN
        RAISE EXCEPTION '% of a switch is refused: people were answered by it', TG_OP USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state <> 'asked' OR NEW.state NOT IN ('approved', 'rejected') OR NEW.from_at < OLD.from_at
        OR to_jsonb(NEW) - '{state,from_at,decided_by,decided_at}'::text[]
            IS DISTINCT FROM to_jsonb(OLD) - '{state,from_at,decided_by,decided_at}'::text[] THEN
        RAISE EXCEPTION 'switch % is decided once, and nothing else of it changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_switch_stays_as_decided BEFORE INSERT OR UPDATE OR DELETE ON consents_signalswitch
    FOR EACH ROW EXECUTE FUNCTION consents_switch_guard();
CREATE TRIGGER switches_are_not_emptied BEFORE TRUNCATE ON consents_signalswitch
    FOR EACH STATEMENT EXECUTE FUNCTION consents_switch_guard();
"""

BACKWARD = """
DROP TRIGGER switches_are_not_emptied ON consents_signalswitch;
DROP TRIGGER a_switch_stays_as_decided ON consents_signalswitch;
DROP FUNCTION consents_switch_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("consents", "0005_links_visits_and_signals")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
