"""The database itself lets nothing out on consent without one that stands for each person, and keeps what is to be erased elsewhere.

| table | refused |
|---|---|
| gate_disclosure | on consent: fewer subjects than people, a subject without a consent |
| gate_disclosuresubject | a consent that is not that person's, not to that purpose, or does not stand |
| gate_withdrawalnotice | anything but due → told → confirmed; any other change; any delete before six years are over |

Whatever leaves on another ground is not looked at here, so that it costs what it cost before. How long a consent lasts is compared in
the code, with the time that was handed over; whether it stands is the row itself.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION gate_require_each_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT count(*) FROM gate_disclosuresubject WHERE disclosure_id = NEW.id AND consent <> '') IS DISTINCT FROM NEW.about_count::bigint
       OR EXISTS (SELECT 1 FROM gate_disclosuresubject WHERE disclosure_id = NEW.id AND consent = '') THEN
        RAISE EXCEPTION 'disclosure % does not name the consent of each person', NEW.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION gate_require_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM gate_disclosure d JOIN consents_consentevent e ON e.reference = NEW.consent AND e.act = 'given' AND e.purpose_id = d.consent
        JOIN accounts_person p ON p.id = e.person_id AND p.reference = NEW.person_reference
        JOIN consents_standing s ON s.person_id = p.id AND s.purpose_id = e.purpose_id AND s.event_id = e.id AND s.stands
        WHERE d.id = NEW.disclosure_id AND d.ground = 'consent') THEN
        RAISE EXCEPTION 'consent % lets nothing of that person out', NEW.consent USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER a_disclosure_on_consent_names_one_of_each AFTER INSERT ON gate_disclosure
    FOR EACH ROW WHEN (NEW.ground = 'consent') EXECUTE FUNCTION gate_require_each_consent();
CREATE TRIGGER a_subject_rests_on_their_own_consent AFTER INSERT ON gate_disclosuresubject
    FOR EACH ROW WHEN (NEW.consent <> '') EXECUTE FUNCTION gate_require_consent();

CREATE FUNCTION gate_notice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF NOT gate_is_over(OLD.made_at) THEN
            RAISE EXCEPTION 'notice % is kept for six years', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'due' OR NEW.told_at IS NOT NULL THEN
            RAISE EXCEPTION 'a notice begins as one to be told' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('due', 'told'), ('due', 'confirmed'), ('told', 'confirmed')) THEN
        RAISE EXCEPTION 'notice % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF to_jsonb(NEW) - '{state,permit,told_at,confirmed_by,confirmed_at,evidence}'::text[]
       IS DISTINCT FROM to_jsonb(OLD) - '{state,permit,told_at,confirmed_by,confirmed_at,evidence}'::text[]
       OR (OLD.state = 'told' AND (NEW.permit, NEW.told_at) IS DISTINCT FROM (OLD.permit, OLD.told_at)) THEN
        RAISE EXCEPTION 'what notice % asks for never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_notice_goes_forward_only BEFORE INSERT OR UPDATE OR DELETE ON gate_withdrawalnotice
    FOR EACH ROW EXECUTE FUNCTION gate_notice_guard();
CREATE TRIGGER notices_are_not_emptied BEFORE TRUNCATE ON gate_withdrawalnotice FOR EACH STATEMENT EXECUTE FUNCTION gate_refuse();
"""

BACKWARD = """
DROP TRIGGER notices_are_not_emptied ON gate_withdrawalnotice;
DROP TRIGGER a_notice_goes_forward_only ON gate_withdrawalnotice;
DROP FUNCTION gate_notice_guard();
DROP TRIGGER a_subject_rests_on_their_own_consent ON gate_disclosuresubject;
DROP TRIGGER a_disclosure_on_consent_names_one_of_each ON gate_disclosure;
DROP FUNCTION gate_require_consent();
DROP FUNCTION gate_require_each_consent();
"""


class Migration(migrations.Migration):
    dependencies = [("gate", "0005_what_leaves_on_consent"), ("consents", "0001_purposes_and_standings")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
