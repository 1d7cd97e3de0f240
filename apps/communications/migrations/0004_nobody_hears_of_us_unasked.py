"""The database itself lets nothing wait for somebody whose consent does not stand, and nothing go out that nobody approved.

| table | allowed | refused |
|---|---|---|
| communications_circular | words and kind change while it is a draft; states move by the table of moves; a draft may be removed | any other change of them, removing what was sent, truncate |
| communications_delivery | insert while its circular is on its way, under a consent that stands; the end of what rested on that consent | insert for any other circular; a consent that falls while something rests on it |

A delivery goes with the row that it rests on when that goes with its person.
"""

from django.db import migrations

FORWARD = """
ALTER TABLE communications_delivery ADD CONSTRAINT a_delivery_rests_on_a_consent_that_stands
    FOREIGN KEY (person_id, purpose_id, stands) REFERENCES consents_standing (person_id, purpose_id, stands) ON DELETE CASCADE;

CREATE FUNCTION communications_circular_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.started_at IS NOT NULL THEN
            RAISE EXCEPTION 'circular % went out and stays', OLD.reference USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END IF;
    IF (NEW.id, NEW.reference, NEW.kind, NEW.channel, NEW.purpose_id, NEW.about_version_id, NEW.created_at)
       IS DISTINCT FROM (OLD.id, OLD.reference, OLD.kind, OLD.channel, OLD.purpose_id, OLD.about_version_id, OLD.created_at)
       AND OLD.state <> 'draft' THEN
        RAISE EXCEPTION 'what circular % is never changes', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF (NEW.subject, NEW.words) IS DISTINCT FROM (OLD.subject, OLD.words) AND OLD.state <> 'draft' THEN
        RAISE EXCEPTION 'the words of circular % were handed in and stay', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.approved_at IS NOT NULL
       AND (NEW.approved_by, NEW.approved_at, NEW.asked_by, NEW.digest) IS DISTINCT FROM (OLD.approved_by, OLD.approved_at, OLD.asked_by, OLD.digest) THEN
        RAISE EXCEPTION 'who approved circular % stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('draft', 'asked'), ('draft', 'cancelled'), ('asked', 'draft'), ('asked', 'approved'), ('asked', 'cancelled'), ('approved', 'sending'),
        ('approved', 'cancelled'), ('sending', 'paused'), ('sending', 'sent'), ('sending', 'cancelled'), ('paused', 'sending'),
        ('paused', 'cancelled')) THEN
        RAISE EXCEPTION 'circular % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION communications_delivery_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM communications_circular c WHERE c.id IN (SELECT circular_id FROM added)
               AND (c.state <> 'sending' OR (c.kind <> 'policy' AND c.approved_at IS NULL))) THEN
        RAISE EXCEPTION 'nothing is delivered of a circular that is not on its way' USING ERRCODE = 'restrict_violation';
    END IF;
    IF EXISTS (SELECT 1 FROM added a JOIN communications_circular c ON c.id = a.circular_id WHERE a.purpose_id IS DISTINCT FROM c.purpose_id) THEN
        RAISE EXCEPTION 'a delivery rests on the consent that its circular needs' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION communications_refuse_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was sent stays' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER a_circular_keeps_its_words BEFORE UPDATE OR DELETE ON communications_circular
    FOR EACH ROW EXECUTE FUNCTION communications_circular_guard();
CREATE TRIGGER circulars_are_not_emptied BEFORE TRUNCATE ON communications_circular
    FOR EACH STATEMENT EXECUTE FUNCTION communications_refuse_truncate();
CREATE TRIGGER only_what_was_approved_is_delivered AFTER INSERT ON communications_delivery
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION communications_delivery_guard();
"""

BACKWARD = """
DROP TRIGGER only_what_was_approved_is_delivered ON communications_delivery;
DROP TRIGGER circulars_are_not_emptied ON communications_circular;
DROP TRIGGER a_circular_keeps_its_words ON communications_circular;
DROP FUNCTION communications_refuse_truncate();
DROP FUNCTION communications_delivery_guard();
DROP FUNCTION communications_circular_guard();
ALTER TABLE communications_delivery DROP CONSTRAINT a_delivery_rests_on_a_consent_that_stands;
"""


class Migration(migrations.Migration):
    dependencies = [("communications", "0003_what_goes_to_many")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
