"""The database refuses the moves that are not for every kind: no erasure begins unannounced or ends unsearched, nothing is handed over unapproved.

| kinds | from work on |
|---|---|
| deletion, closing, minor | awaiting_approval → announced → running → scanning → answering |
| access, categories | awaiting_approval → running → answering |
| all others | answering |
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION data_requests_way_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    erases boolean := NEW.kind IN ('deletion', 'closing', 'minor');
    hands_over boolean := NEW.kind IN ('access', 'categories');
BEGIN
    IF (OLD.state = 'in_work' AND NEW.state = 'awaiting_approval' AND NOT (erases OR hands_over))
       OR (OLD.state = 'in_work' AND NEW.state = 'answering' AND (erases OR hands_over))
       OR (OLD.state = 'awaiting_approval' AND NEW.state = 'announced' AND NOT erases)
       OR (OLD.state = 'awaiting_approval' AND NEW.state = 'running' AND NOT hands_over)
       OR (OLD.state = 'running' AND NEW.state = 'scanning' AND NOT erases)
       OR (OLD.state = 'running' AND NEW.state = 'answering' AND NOT hands_over) THEN
        RAISE EXCEPTION 'request % (%) does not go from % to %', OLD.reference, NEW.kind, OLD.state, NEW.state USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER way_guard BEFORE UPDATE OF state ON data_requests_datarequest FOR EACH ROW EXECUTE FUNCTION data_requests_way_guard();
"""

BACKWARD = """
DROP TRIGGER way_guard ON data_requests_datarequest;
DROP FUNCTION data_requests_way_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0014_what_is_parked_may_turn_out_unreadable")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
