"""The database itself refuses to change what was written, whose inquiry it is, and to take up again what is kept for a hold alone.

| table | allowed | refused |
|---|---|---|
| communications_inquirymessage | insert; delete with its inquiry | any change; anything new in an inquiry that is past its life |
| communications_inquiry | insert open; the moves of its life | another sender or beginning; any move from being kept for a hold |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION communications_message_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF NEW IS DISTINCT FROM OLD THEN
            RAISE EXCEPTION 'what was written never changes' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    PERFORM 1 FROM communications_inquiry WHERE id = NEW.inquiry_id AND state = 'kept';
    IF FOUND THEN
        RAISE EXCEPTION 'nothing is added to what a hold alone keeps' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER message_guard BEFORE INSERT OR UPDATE ON communications_inquirymessage
    FOR EACH ROW EXECUTE FUNCTION communications_message_guard();

CREATE FUNCTION communications_inquiry_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' THEN
            RAISE EXCEPTION 'an inquiry begins open' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.reference, NEW.channel, NEW.sender, NEW.sender_digest, NEW.opened_at) IS DISTINCT FROM
       (OLD.id, OLD.reference, OLD.channel, OLD.sender, OLD.sender_digest, OLD.opened_at) THEN
        RAISE EXCEPTION 'where inquiry % came from stays', OLD.reference USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
        ('open', 'answered'), ('open', 'closed'), ('answered', 'open'), ('answered', 'closed'), ('closed', 'open'), ('closed', 'kept')) THEN
        RAISE EXCEPTION 'inquiry % does not go from % to %', OLD.reference, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inquiry_guard BEFORE INSERT OR UPDATE ON communications_inquiry
    FOR EACH ROW EXECUTE FUNCTION communications_inquiry_guard();
"""

BACKWARD = """
DROP TRIGGER inquiry_guard ON communications_inquiry;
DROP FUNCTION communications_inquiry_guard();
DROP TRIGGER message_guard ON communications_inquirymessage;
DROP FUNCTION communications_message_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("communications", "0001_inquiries")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
