"""An early deletion still never changes, but for one thing: what it had kept for a hold goes when the hold is over and its person is erased."""

from django.db import migrations

MOVES = """
CREATE FUNCTION covenant_early_deletion_moves() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR NOT OLD.kept_for_hold OR NEW.kept_for_hold
       OR to_jsonb(NEW) - 'kept_for_hold' <> to_jsonb(OLD) - 'kept_for_hold' THEN
        RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
    END IF;
    IF EXISTS (SELECT 1 FROM retention_asidemessage WHERE id = OLD.message AND cohort_id = OLD.cohort_id) THEN
        RAISE EXCEPTION 'the message is kept for a hold still';
    END IF;
    RETURN NEW;
END $$;

DROP TRIGGER an_early_deletion_never_changes ON retention_earlydeletion;
CREATE TRIGGER an_early_deletion_never_changes BEFORE UPDATE OR DELETE ON retention_earlydeletion
    FOR EACH ROW EXECUTE FUNCTION covenant_early_deletion_moves();
"""

BACK = """
DROP TRIGGER an_early_deletion_never_changes ON retention_earlydeletion;
CREATE TRIGGER an_early_deletion_never_changes BEFORE UPDATE OR DELETE ON retention_earlydeletion
    FOR EACH ROW EXECUTE FUNCTION covenant_append_only();
DROP FUNCTION covenant_early_deletion_moves();
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0020_people_in_messages")]

    operations = [migrations.RunSQL(MOVES, BACK)]
