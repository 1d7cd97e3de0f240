"""What a person said may go once their account is closed, which is final: an erasure takes the person's own row last of all.

| table | was | is |
|---|---|---|
| consents_consentevent, consents_standing | removed with the person's row only | removed with it, or once the account is closed |
"""

from django.db import migrations

GUARD = """
CREATE OR REPLACE FUNCTION consents_keep_with_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {kept} THEN
        RAISE EXCEPTION 'DELETE of % is refused: it goes with its person', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END $$;
"""
FORWARD = GUARD.format(kept="accounts_keeps_evidence(OLD.person_id)")
BACKWARD = GUARD.format(kept="EXISTS (SELECT 1 FROM accounts_person WHERE id = OLD.person_id)")


class Migration(migrations.Migration):
    dependencies = [("consents", "0007_who_is_not_active"), ("accounts", "0013_evidence_goes_with_a_closed_account")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
