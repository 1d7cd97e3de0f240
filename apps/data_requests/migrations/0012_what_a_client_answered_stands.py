"""What a client answered stands: the database refuses to change it."""

from django.db import migrations

STANDS = """
CREATE FUNCTION covenant_answer_stands() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.answer <> '' AND (NEW.answer, NEW.answered_at, NEW.recorded_by, NEW.evidence, NEW.by_rule)
       IS DISTINCT FROM (OLD.answer, OLD.answered_at, OLD.recorded_by, OLD.evidence, OLD.by_rule) THEN
        RAISE EXCEPTION 'what a client answered stands' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER what_a_client_answered_stands BEFORE UPDATE ON data_requests_clientquestion
    FOR EACH ROW EXECUTE FUNCTION covenant_answer_stands();
"""

BACK = """
DROP TRIGGER what_a_client_answered_stands ON data_requests_clientquestion;
DROP FUNCTION covenant_answer_stands();
"""


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0011_a_client_may_answer_late")]

    operations = [migrations.RunSQL(STANDS, BACK)]
