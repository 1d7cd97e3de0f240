"""The database itself refuses every move that is not in the tables of moves, and to change or remove what is a record.

| table | allowed | refused |
|---|---|---|
| datarequest | insert received, or joined to another; the moves; words only emptied; delete after its day | any other move; work before proof; another beginning; any change after the end but what the end itself empties |
| arrival, step | the moves | any other move |
| clock | insert running; warnings; one extension where the rule has one, a pause where it allows that; stop once, but where the kind was corrected and put back | any other day; a second extension; to go on after it stopped |
| requestnote | insert; words only emptied | any other change |
| lettertemplate | insert | update, delete |
| letter, attempt | insert; an attempt ends once | any other change |
| all that belongs to a request | delete after the request's day | any earlier delete |

The day until which a request is kept is compared with the clock of the database: nobody who hands over a time can make a record old.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION data_requests_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: it is a record', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION data_requests_is_kept(request bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM data_requests_datarequest WHERE id = request AND (kept_until IS NULL OR kept_until > clock_timestamp()))
$$;

CREATE FUNCTION data_requests_request_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    freely text[] := ARRAY['words', 'person_id', 'due_at'];
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.kept_until IS NULL OR OLD.kept_until > clock_timestamp() THEN
            RAISE EXCEPTION 'request % is kept until its day', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state NOT IN ('received', 'merged') THEN
            RAISE EXCEPTION 'a request begins as received' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.channel, NEW.received_at, NEW.policy_version_id) IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.channel, OLD.received_at, OLD.policy_version_id) THEN
        RAISE EXCEPTION 'how request % began stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.words IS DISTINCT FROM OLD.words AND NEW.words IS NOT NULL THEN
        RAISE EXCEPTION 'what was asked with % never changes, it is only emptied', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.person_reference <> '' AND NEW.person_reference <> OLD.person_reference THEN
        RAISE EXCEPTION 'whose request % is stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.kind <> OLD.kind AND OLD.state NOT IN ('received', 'identifying', 'cooling_off', 'in_work') THEN
        RAISE EXCEPTION 'what request % asks for stays from its approval on', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.verified_at IS NOT NULL AND NEW.verified_at IS DISTINCT FROM OLD.verified_at THEN
        RAISE EXCEPTION 'when request % was proven stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.state IN ('completed', 'denied', 'called_back', 'merged') THEN
        IF OLD.state = 'merged' AND OLD.person_reference = '' THEN
            freely := freely || ARRAY['person_reference'];
        END IF;
        IF to_jsonb(NEW) - freely IS DISTINCT FROM to_jsonb(OLD) - freely THEN
            RAISE EXCEPTION 'request % is over, and its record stays', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('received', 'identifying'), ('received', 'in_work'), ('received', 'merged'), ('received', 'denied'), ('received', 'called_back'),
        ('identifying', 'cooling_off'), ('identifying', 'in_work'), ('identifying', 'merged'), ('identifying', 'denied'),
        ('identifying', 'called_back'),
        ('cooling_off', 'in_work'), ('cooling_off', 'merged'), ('cooling_off', 'denied'), ('cooling_off', 'called_back'),
        ('in_work', 'identifying'), ('in_work', 'awaiting_approval'), ('in_work', 'answering'), ('in_work', 'merged'), ('in_work', 'denied'),
        ('in_work', 'called_back'),
        ('awaiting_approval', 'announced'), ('awaiting_approval', 'running'), ('awaiting_approval', 'in_work'), ('awaiting_approval', 'denied'),
        ('awaiting_approval', 'called_back'),
        ('announced', 'running'), ('announced', 'in_work'), ('announced', 'denied'), ('announced', 'called_back'),
        ('running', 'scanning'), ('running', 'answering'),
        ('scanning', 'running'), ('scanning', 'answering'),
        ('answering', 'completed')) THEN
        RAISE EXCEPTION 'request % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.verified_at IS NULL AND NEW.kind NOT IN ('minor', 'complaint')
       AND NEW.state IN ('in_work', 'awaiting_approval', 'announced', 'running', 'scanning', 'answering', 'completed') THEN
        RAISE EXCEPTION 'nobody works on request % before it is proven', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_guard BEFORE INSERT OR UPDATE OR DELETE ON data_requests_datarequest
    FOR EACH ROW EXECUTE FUNCTION data_requests_request_guard();
CREATE TRIGGER requests_are_not_emptied BEFORE TRUNCATE ON data_requests_datarequest FOR EACH STATEMENT EXECUTE FUNCTION data_requests_refuse();

CREATE FUNCTION data_requests_arrival_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('waiting', 'parked'), ('waiting', 'taken'), ('waiting', 'dropped'), ('waiting', 'unreadable'),
        ('parked', 'taken'), ('parked', 'dropped'), ('unreadable', 'taken'), ('unreadable', 'dropped')) THEN
        RAISE EXCEPTION 'arrival % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER arrival_guard BEFORE UPDATE ON data_requests_arrival FOR EACH ROW EXECUTE FUNCTION data_requests_arrival_guard();

CREATE FUNCTION data_requests_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('planned', 'running'), ('planned', 'done'), ('running', 'waiting'), ('running', 'done'), ('running', 'parked'),
        ('waiting', 'running'), ('waiting', 'done'), ('parked', 'running'), ('done', 'running')) THEN
        RAISE EXCEPTION 'step % does not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER step_guard BEFORE UPDATE ON data_requests_step FOR EACH ROW EXECUTE FUNCTION data_requests_step_guard();

CREATE FUNCTION data_requests_clock_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    stood_still interval;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.stopped_at IS NOT NULL OR NEW.extended_at IS NOT NULL OR NEW.paused_at IS NOT NULL OR NEW.paused_days <> 0 THEN
            RAISE EXCEPTION 'a clock begins running' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    stood_still := make_interval(days => NEW.paused_days - OLD.paused_days);
    IF (NEW.id, NEW.request_id, NEW.regime, NEW.started_at) IS DISTINCT FROM (OLD.id, OLD.request_id, OLD.regime, OLD.started_at)
       OR NEW.paused_days < OLD.paused_days OR NEW.due_at <> OLD.due_at + stood_still THEN
        RAISE EXCEPTION 'the day of clock % moves only by an extension or by a pause', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.stopped_at IS NOT NULL AND OLD.stopped_by_event <> 'kind_corrected' AND to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD) THEN
        RAISE EXCEPTION 'clock % has stopped', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.extended_at IS NOT NULL AND (NEW.extended_at, NEW.extended_due_at, NEW.extension_reason, NEW.extended_by) IS DISTINCT FROM
       (OLD.extended_at, OLD.extended_due_at + stood_still, OLD.extension_reason, OLD.extended_by) THEN
        RAISE EXCEPTION 'clock % was extended, and is so once', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.extended_at IS NOT NULL AND NEW.regime NOT IN ('ccpa_answer', 'hipaa_accounting') THEN
        RAISE EXCEPTION 'the rule % knows no extension', NEW.regime USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.paused_at IS NOT NULL OR NEW.paused_days <> 0) AND NEW.regime <> 'hipaa_accounting' THEN
        RAISE EXCEPTION 'the rule % knows no pause', NEW.regime USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.paused_days <> OLD.paused_days AND (OLD.paused_at IS NULL OR NEW.paused_days - OLD.paused_days > OLD.paused_until::date - OLD.paused_at::date) THEN
        RAISE EXCEPTION 'clock % did not stand still so long', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER clock_guard BEFORE INSERT OR UPDATE ON data_requests_clock FOR EACH ROW EXECUTE FUNCTION data_requests_clock_guard();

CREATE FUNCTION data_requests_note_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'words' IS DISTINCT FROM to_jsonb(OLD) - 'words' OR NEW.words IS NOT NULL THEN
        RAISE EXCEPTION 'a note never changes, it is only emptied' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER note_guard BEFORE UPDATE ON data_requests_requestnote FOR EACH ROW EXECUTE FUNCTION data_requests_note_guard();

CREATE TRIGGER a_letter_stays BEFORE UPDATE ON data_requests_letter FOR EACH ROW EXECUTE FUNCTION data_requests_refuse();
CREATE TRIGGER a_template_stays BEFORE UPDATE OR DELETE ON data_requests_lettertemplate FOR EACH ROW EXECUTE FUNCTION data_requests_refuse();
CREATE TRIGGER templates_are_not_emptied BEFORE TRUNCATE ON data_requests_lettertemplate FOR EACH STATEMENT EXECUTE FUNCTION data_requests_refuse();

CREATE FUNCTION data_requests_attempt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD."end" <> 'running' OR (NEW.id, NEW.step_id, NEW.number, NEW.began_at) IS DISTINCT FROM (OLD.id, OLD.step_id, OLD.number, OLD.began_at) THEN
        RAISE EXCEPTION 'attempt % ended once, and stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER attempt_guard BEFORE UPDATE ON data_requests_attempt FOR EACH ROW EXECUTE FUNCTION data_requests_attempt_guard();

CREATE FUNCTION data_requests_keep_part() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF data_requests_is_kept(OLD.request_id) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it is kept as long as its request', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION data_requests_keep_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM data_requests_plan WHERE id = OLD.plan_id AND data_requests_is_kept(request_id)) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it is kept as long as its request', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION data_requests_keep_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM data_requests_step s JOIN data_requests_plan p ON p.id = s.plan_id
               WHERE s.id = OLD.step_id AND data_requests_is_kept(p.request_id)) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it is kept as long as its request', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER a_clock_is_kept BEFORE DELETE ON data_requests_clock FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER a_note_is_kept BEFORE DELETE ON data_requests_requestnote FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER a_letter_is_kept BEFORE DELETE ON data_requests_letter FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER a_plan_is_kept BEFORE DELETE ON data_requests_plan FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER a_scan_is_kept BEFORE DELETE ON data_requests_scan FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER evidence_is_kept BEFORE DELETE ON data_requests_evidence FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();
CREATE TRIGGER a_step_is_kept BEFORE DELETE ON data_requests_step FOR EACH ROW EXECUTE FUNCTION data_requests_keep_step();
CREATE TRIGGER an_attempt_is_kept BEFORE DELETE ON data_requests_attempt FOR EACH ROW EXECUTE FUNCTION data_requests_keep_attempt();
"""

BACKWARD = """
DROP TRIGGER an_attempt_is_kept ON data_requests_attempt;
DROP TRIGGER a_step_is_kept ON data_requests_step;
DROP TRIGGER evidence_is_kept ON data_requests_evidence;
DROP TRIGGER a_scan_is_kept ON data_requests_scan;
DROP TRIGGER a_plan_is_kept ON data_requests_plan;
DROP TRIGGER a_letter_is_kept ON data_requests_letter;
DROP TRIGGER a_note_is_kept ON data_requests_requestnote;
DROP TRIGGER a_clock_is_kept ON data_requests_clock;
DROP FUNCTION data_requests_keep_attempt();
DROP FUNCTION data_requests_keep_step();
DROP FUNCTION data_requests_keep_part();
DROP TRIGGER attempt_guard ON data_requests_attempt;
DROP FUNCTION data_requests_attempt_guard();
DROP TRIGGER templates_are_not_emptied ON data_requests_lettertemplate;
DROP TRIGGER a_template_stays ON data_requests_lettertemplate;
DROP TRIGGER a_letter_stays ON data_requests_letter;
DROP TRIGGER note_guard ON data_requests_requestnote;
DROP FUNCTION data_requests_note_guard();
DROP TRIGGER clock_guard ON data_requests_clock;
DROP FUNCTION data_requests_clock_guard();
DROP TRIGGER step_guard ON data_requests_step;
DROP FUNCTION data_requests_step_guard();
DROP TRIGGER arrival_guard ON data_requests_arrival;
DROP FUNCTION data_requests_arrival_guard();
DROP TRIGGER requests_are_not_emptied ON data_requests_datarequest;
DROP TRIGGER request_guard ON data_requests_datarequest;
DROP FUNCTION data_requests_request_guard();
DROP FUNCTION data_requests_is_kept(bigint);
DROP FUNCTION data_requests_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0005_one_open_request_of_a_kind_and_clocks_that_stand_still")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
