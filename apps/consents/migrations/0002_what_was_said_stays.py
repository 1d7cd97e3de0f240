"""The database itself keeps what people said, lets nothing stand that nobody gave, and removes all of it with the person's row.

| table | allowed | refused |
|---|---|---|
| consents_consentpurpose | insert closed; opening, closing; a proposal that was never opened may be changed and removed | any other update, delete, truncate |
| consents_purposetext | insert as a draft; draft → published, later than the last one; a draft may be changed and removed | any other update, delete, truncate |
| consents_consentevent | insert under a published text (a yes or a no of a person: under the newest), in the order of time | update, truncate, delete while the person is there |
| consents_standing | insert and update to what the newest event says | anything else, truncate, delete while the person is there |
| consents_consenterasure | insert | update, truncate, delete while its event is there |
"""

from django.db import migrations

FORWARD = """
ALTER TABLE consents_consentevent ADD CONSTRAINT what_was_said_goes_with_its_person
    FOREIGN KEY (person_id) REFERENCES accounts_person (id) ON DELETE CASCADE;
ALTER TABLE consents_standing ADD CONSTRAINT what_stands_goes_with_its_person
    FOREIGN KEY (person_id) REFERENCES accounts_person (id) ON DELETE CASCADE;
ALTER TABLE consents_standing ADD CONSTRAINT what_stands_was_said
    FOREIGN KEY (event_id) REFERENCES consents_consentevent (id);
ALTER TABLE consents_consenterasure ADD CONSTRAINT what_went_goes_with_its_event
    FOREIGN KEY (event_id) REFERENCES consents_consentevent (id) ON DELETE CASCADE;

CREATE FUNCTION consents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused: what was said stays', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION consents_keep_with_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM accounts_person WHERE id = OLD.person_id) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it goes with its person', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION consents_keep_with_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM consents_consentevent WHERE id = OLD.event_id) THEN
        RAISE EXCEPTION 'DELETE of % is refused: it goes with its consent', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION consents_purpose_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.is_open OR NEW.opened_at IS NOT NULL THEN
            RAISE EXCEPTION 'a purpose begins closed' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.opened_at IS NULL THEN
        IF TG_OP = 'DELETE' THEN
            RETURN OLD;
        END IF;
        IF NEW.is_open AND NOT EXISTS (SELECT 1 FROM consents_purposetext WHERE purpose_id = OLD.code AND state = 'published') THEN
            RAISE EXCEPTION 'purpose % opens with its first text', OLD.code USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR (NEW.code, NEW.kind, NEW.channel, NEW.title, NEW.recipient, NEW.disclosure_purpose, NEW.proposed_by,
        NEW.proposed_at, NEW.opened_at) IS DISTINCT FROM (OLD.code, OLD.kind, OLD.channel, OLD.title, OLD.recipient,
        OLD.disclosure_purpose, OLD.proposed_by, OLD.proposed_at, OLD.opened_at) THEN
        RAISE EXCEPTION 'purpose % stays as people read it', OLD.code USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION consents_text_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'a text begins as a draft' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.state <> 'draft' THEN
        RAISE EXCEPTION 'text % of % is published: it never changes', OLD.number, OLD.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.purpose_id, NEW.number, NEW.drafted_by) IS DISTINCT FROM (OLD.id, OLD.purpose_id, OLD.number, OLD.drafted_by) THEN
        RAISE EXCEPTION 'text % of % stays where it is', OLD.number, OLD.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'published' AND EXISTS (
        SELECT 1 FROM consents_purposetext WHERE purpose_id = OLD.purpose_id AND state = 'published'
            AND (published_at >= NEW.published_at OR number >= OLD.number)
    ) THEN
        RAISE EXCEPTION 'text % of % does not come after the last one', OLD.number, OLD.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION consents_event_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    shown record;
    newest record;
BEGIN
    SELECT number, state, digest, published_at INTO shown FROM consents_purposetext WHERE id = NEW.text_id AND purpose_id = NEW.purpose_id;
    IF shown IS NULL OR shown.state <> 'published' OR shown.published_at > NEW.at THEN
        RAISE EXCEPTION 'no such text of % was in force', NEW.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.shown_digest IS NOT NULL AND NEW.shown_digest <> shown.digest THEN
        RAISE EXCEPTION 'what was shown is not text % of %', shown.number, NEW.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.act IN ('given', 'refused') AND EXISTS (
        SELECT 1 FROM consents_purposetext
        WHERE purpose_id = NEW.purpose_id AND number > shown.number AND state = 'published' AND published_at <= NEW.at
    ) THEN
        RAISE EXCEPTION 'text % of % was no longer in force', shown.number, NEW.purpose_id USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT act, at INTO newest FROM consents_consentevent WHERE person_id = NEW.person_id AND purpose_id = NEW.purpose_id
        ORDER BY at DESC, id DESC LIMIT 1;
    IF newest.at > NEW.at THEN
        RAISE EXCEPTION 'what is said later is not said before' USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.act = 'expired' AND newest.act IS DISTINCT FROM 'given') OR (NEW.act = 'refused' AND newest.act = 'given') THEN
        RAISE EXCEPTION 'a consent that is % does not become %', newest.act, NEW.act USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION consents_standing_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    said record;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.person_id, NEW.purpose_id) IS DISTINCT FROM (OLD.id, OLD.person_id, OLD.purpose_id) THEN
        RAISE EXCEPTION 'a standing stays with its person and purpose' USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT id, act, text_id, at, until INTO said FROM consents_consentevent
        WHERE person_id = NEW.person_id AND purpose_id = NEW.purpose_id ORDER BY at DESC, id DESC LIMIT 1;
    IF said IS NULL OR said.id <> NEW.event_id
       OR (NEW.stands, NEW.text_id, NEW.since, NEW.until) IS DISTINCT FROM (said.act = 'given', said.text_id, said.at, said.until) THEN
        RAISE EXCEPTION 'what stands is what was said last' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_purpose_stays BEFORE INSERT OR UPDATE OR DELETE ON consents_consentpurpose
    FOR EACH ROW EXECUTE FUNCTION consents_purpose_guard();
CREATE TRIGGER purposes_are_not_emptied BEFORE TRUNCATE ON consents_consentpurpose FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER a_text_stays BEFORE INSERT OR UPDATE OR DELETE ON consents_purposetext
    FOR EACH ROW EXECUTE FUNCTION consents_text_guard();
CREATE TRIGGER texts_are_not_emptied BEFORE TRUNCATE ON consents_purposetext FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER a_consent_is_said_in_order BEFORE INSERT ON consents_consentevent
    FOR EACH ROW EXECUTE FUNCTION consents_event_guard();
CREATE TRIGGER a_consent_stays BEFORE UPDATE ON consents_consentevent FOR EACH ROW EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER a_consent_goes_with_its_person BEFORE DELETE ON consents_consentevent
    FOR EACH ROW EXECUTE FUNCTION consents_keep_with_person();
CREATE TRIGGER consents_are_not_emptied BEFORE TRUNCATE ON consents_consentevent FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER a_standing_is_what_was_said BEFORE INSERT OR UPDATE ON consents_standing
    FOR EACH ROW EXECUTE FUNCTION consents_standing_guard();
CREATE TRIGGER a_standing_goes_with_its_person BEFORE DELETE ON consents_standing
    FOR EACH ROW EXECUTE FUNCTION consents_keep_with_person();
CREATE TRIGGER standings_are_not_emptied BEFORE TRUNCATE ON consents_standing FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER an_erasure_stays BEFORE UPDATE ON consents_consenterasure FOR EACH ROW EXECUTE FUNCTION consents_refuse();
CREATE TRIGGER an_erasure_goes_with_its_consent BEFORE DELETE ON consents_consenterasure
    FOR EACH ROW EXECUTE FUNCTION consents_keep_with_event();
CREATE TRIGGER erasures_are_not_emptied BEFORE TRUNCATE ON consents_consenterasure FOR EACH STATEMENT EXECUTE FUNCTION consents_refuse();
"""

BACKWARD = """
DROP TRIGGER erasures_are_not_emptied ON consents_consenterasure;
DROP TRIGGER an_erasure_goes_with_its_consent ON consents_consenterasure;
DROP TRIGGER an_erasure_stays ON consents_consenterasure;
DROP TRIGGER standings_are_not_emptied ON consents_standing;
DROP TRIGGER a_standing_goes_with_its_person ON consents_standing;
DROP TRIGGER a_standing_is_what_was_said ON consents_standing;
DROP TRIGGER consents_are_not_emptied ON consents_consentevent;
DROP TRIGGER a_consent_goes_with_its_person ON consents_consentevent;
DROP TRIGGER a_consent_stays ON consents_consentevent;
DROP TRIGGER a_consent_is_said_in_order ON consents_consentevent;
DROP TRIGGER texts_are_not_emptied ON consents_purposetext;
DROP TRIGGER a_text_stays ON consents_purposetext;
DROP TRIGGER purposes_are_not_emptied ON consents_consentpurpose;
DROP TRIGGER a_purpose_stays ON consents_consentpurpose;
DROP FUNCTION consents_standing_guard();
DROP FUNCTION consents_event_guard();
DROP FUNCTION consents_text_guard();
DROP FUNCTION consents_purpose_guard();
DROP FUNCTION consents_keep_with_event();
DROP FUNCTION consents_keep_with_person();
DROP FUNCTION consents_refuse();
ALTER TABLE consents_consenterasure DROP CONSTRAINT what_went_goes_with_its_event;
ALTER TABLE consents_standing DROP CONSTRAINT what_stands_was_said;
ALTER TABLE consents_standing DROP CONSTRAINT what_stands_goes_with_its_person;
ALTER TABLE consents_consentevent DROP CONSTRAINT what_was_said_goes_with_its_person;
"""


class Migration(migrations.Migration):
    dependencies = [("consents", "0001_purposes_and_standings")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
