"""The database itself keeps what was approved, what was done, and what was left.

| table | allowed | refused |
|---|---|---|
| plan | insert; the approval once; void once; whom it is about sealed, and emptied | another digest or number; any change after it is void but that |
| step | insert until its plan is approved; the moves, done again after a search; counts that grow | another holding; a step more; counts that shrink |
| remainder | insert; other rows and days while it is open; its end once | another ground; to be open again; removal before its request's day |
| erasurenotice | insert; what became of it; the acknowledgement once | another provider or person; any change after that; removal before its day |
| erasedperson | insert; another erasure of the same person; its end | another person; removal before its day |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION data_requests_plan_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.reference, NEW.request_id, NEW.number, NEW.digest, NEW.exceptions, NEW.made_by, NEW.made_at) IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.request_id, OLD.number, OLD.digest, OLD.exceptions, OLD.made_by, OLD.made_at) THEN
        RAISE EXCEPTION 'what plan % says stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.approved_at IS NOT NULL AND (NEW.approval, NEW.approved_at, NEW.approved_by) IS DISTINCT FROM (OLD.approval, OLD.approved_at, OLD.approved_by) THEN
        RAISE EXCEPTION 'who approved plan % stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.void_at IS NOT NULL AND to_jsonb(NEW) - 'subject' IS DISTINCT FROM to_jsonb(OLD) - 'subject' THEN
        RAISE EXCEPTION 'plan % is void', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_guard BEFORE UPDATE ON data_requests_plan FOR EACH ROW EXECUTE FUNCTION data_requests_plan_guard();

CREATE OR REPLACE FUNCTION data_requests_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'planned' OR EXISTS (SELECT 1 FROM data_requests_plan WHERE id = NEW.plan_id AND (approved_at IS NOT NULL OR void_at IS NOT NULL)) THEN
            RAISE EXCEPTION 'a plan that was approved gets no other steps' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('planned', 'running'), ('planned', 'done'), ('running', 'waiting'), ('running', 'done'), ('running', 'parked'),
        ('waiting', 'running'), ('waiting', 'done'), ('parked', 'running'), ('done', 'running')) THEN
        RAISE EXCEPTION 'step % does not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.id, NEW.plan_id, NEW.number, NEW.kind, NEW.holding, NEW.expected) IS DISTINCT FROM
       (OLD.id, OLD.plan_id, OLD.number, OLD.kind, OLD.holding, OLD.expected)
       OR NEW.erased < OLD.erased OR NEW.anonymised < OLD.anonymised OR NEW.collected < OLD.collected THEN
        RAISE EXCEPTION 'what step % is to do, and did, stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER step_guard ON data_requests_step;
CREATE TRIGGER step_guard BEFORE INSERT OR UPDATE ON data_requests_step FOR EACH ROW EXECUTE FUNCTION data_requests_step_guard();

CREATE FUNCTION data_requests_remainder_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL OR (NEW.id, NEW.request_id, NEW.holding, NEW.ground, NEW.about, NEW.since) IS DISTINCT FROM
       (OLD.id, OLD.request_id, OLD.holding, OLD.ground, OLD.about, OLD.since) THEN
        RAISE EXCEPTION 'remainder % ended once, and its ground stays', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER remainder_guard BEFORE UPDATE ON data_requests_remainder FOR EACH ROW EXECUTE FUNCTION data_requests_remainder_guard();
CREATE TRIGGER a_remainder_is_kept BEFORE DELETE ON data_requests_remainder FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();

CREATE FUNCTION data_requests_notice_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.acknowledged_at IS NOT NULL OR (NEW.id, NEW.reference, NEW.request_id, NEW.provider, NEW.person_reference, NEW.disclosures, NEW.made_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.request_id, OLD.provider, OLD.person_reference, OLD.disclosures, OLD.made_at) THEN
        RAISE EXCEPTION 'what erasure notice % says stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER erasure_notice_guard BEFORE UPDATE ON data_requests_erasurenotice FOR EACH ROW EXECUTE FUNCTION data_requests_notice_guard();
CREATE TRIGGER an_erasure_notice_is_kept BEFORE DELETE ON data_requests_erasurenotice FOR EACH ROW EXECUTE FUNCTION data_requests_keep_part();

CREATE FUNCTION data_requests_erased_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.kept_until > clock_timestamp() THEN
            RAISE EXCEPTION 'that % was erased is kept until its day', OLD.person_reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.person_reference) IS DISTINCT FROM (OLD.id, OLD.person_reference) OR NEW.kept_until < OLD.kept_until THEN
        RAISE EXCEPTION 'that % was erased stays', OLD.person_reference USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER erased_guard BEFORE UPDATE OR DELETE ON data_requests_erasedperson FOR EACH ROW EXECUTE FUNCTION data_requests_erased_guard();
"""

BACKWARD = """
DROP TRIGGER erased_guard ON data_requests_erasedperson;
DROP FUNCTION data_requests_erased_guard();
DROP TRIGGER an_erasure_notice_is_kept ON data_requests_erasurenotice;
DROP TRIGGER erasure_notice_guard ON data_requests_erasurenotice;
DROP FUNCTION data_requests_notice_guard();
DROP TRIGGER a_remainder_is_kept ON data_requests_remainder;
DROP TRIGGER remainder_guard ON data_requests_remainder;
DROP FUNCTION data_requests_remainder_guard();
DROP TRIGGER step_guard ON data_requests_step;
CREATE OR REPLACE FUNCTION data_requests_step_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('planned', 'running'), ('planned', 'done'), ('running', 'waiting'), ('running', 'done'), ('running', 'parked'),
        ('waiting', 'running'), ('waiting', 'done'), ('parked', 'running')) THEN
        RAISE EXCEPTION 'step % does not go from % to %', OLD.id, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER step_guard BEFORE UPDATE ON data_requests_step FOR EACH ROW EXECUTE FUNCTION data_requests_step_guard();
DROP TRIGGER plan_guard ON data_requests_plan;
DROP FUNCTION data_requests_plan_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0008_a_remainder_knows_what_it_owes")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
