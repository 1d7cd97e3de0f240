"""What the database itself refuses, removes and writes about what people lent us.

| table | bound to | removed by the database |
|---|---|---|
| contacts_source, contactkey, personkey, busytime, match | the consent that stands (`consents_standing`) | with the person's row |
| contacts_contactkey, busytime | their source, of the same person and purpose | with the source |
| contacts_personkey | the address it is of | with the address |
| contacts_refusedfile, keptbook, rematch | their person | with the person's row |

Nothing is stored without a consent that stands, and no withdrawal commits while a row is left. Whoever's keys come or go gets a row in `contacts_rematch`, in the same transaction and whatever removed them: what changed is not
forgotten, and what did not change is not computed again. (People's own keys are doubled and halved by a rotation, which changes nothing:
those under the current key count.) A matching key that was destroyed never comes back, and none is while it has values.
"""

from django.db import migrations

LENT = ("source", "contactkey", "personkey", "busytime")
OF_A_PERSON = (*LENT, "refusedfile", "keptbook", "rematch")

CASCADE = "REFERENCES accounts_person (id) ON DELETE CASCADE"
STANDING = "REFERENCES consents_standing (person_id, purpose_id, stands)"
OF_SOURCE = "REFERENCES contacts_source (id, person_id, purpose_id) ON DELETE CASCADE"

BOUND = [
    *((f"contacts_{table}", f"{table}_goes_with_its_person", f"FOREIGN KEY (person_id) {CASCADE}") for table in OF_A_PERSON),
    *((f"contacts_{table}", f"{table}_stands_on_a_consent", f"FOREIGN KEY (person_id, purpose_id, stands) {STANDING}") for table in LENT),
    *(("contacts_match", f"match_goes_with_{side}", f"FOREIGN KEY ({side}_id) {CASCADE}") for side in ("one", "other")),
    *(("contacts_match", f"match_stands_on_the_consent_of_{side}", f"FOREIGN KEY ({side}_id, purpose_id, stands) {STANDING}") for side in ("one", "other")),
    *((f"contacts_{table}", f"{table}_goes_with_its_source", f"FOREIGN KEY (source_id, person_id, purpose_id) {OF_SOURCE}") for table in ("contactkey", "busytime")),
    ("contacts_personkey", "personkey_goes_with_its_email", "FOREIGN KEY (email_id) REFERENCES accounts_personemail (id) ON DELETE CASCADE"),
    ("contacts_personkey", "personkey_goes_with_its_phone", "FOREIGN KEY (phone_id) REFERENCES accounts_personphone (id) ON DELETE CASCADE"),
]  # fmt: skip

BIND = "\n".join(f"ALTER TABLE {table} ADD CONSTRAINT {name} {what};" for table, name, what in BOUND)
UNBIND = "\n".join(f"ALTER TABLE {table} DROP CONSTRAINT {name};" for table, name, _what in reversed(BOUND))

REMEMBER = """
CREATE FUNCTION contacts_owe_a_rematch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_rematch (person_id, since)
        SELECT DISTINCT changed.person_id, now() FROM changed JOIN accounts_person p ON p.id = changed.person_id ORDER BY 1
    ON CONFLICT (person_id) DO UPDATE SET changes = contacts_rematch.changes + 1, attempts = 0;
    RETURN NULL;
END $$;

CREATE FUNCTION contacts_owe_a_rematch_of_a_person() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO contacts_rematch (person_id, since)
        SELECT DISTINCT changed.person_id, now() FROM changed JOIN accounts_person p ON p.id = changed.person_id
        JOIN contacts_matchingkey k ON k.number = changed.key_id AND k.state = 'current' ORDER BY 1
    ON CONFLICT (person_id) DO UPDATE SET changes = contacts_rematch.changes + 1, attempts = 0;
    RETURN NULL;
END $$;

CREATE TRIGGER a_new_contact_is_matched AFTER INSERT ON contacts_contactkey REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_owe_a_rematch();
CREATE TRIGGER a_lost_contact_is_unmatched AFTER DELETE ON contacts_contactkey REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_owe_a_rematch();
CREATE TRIGGER a_new_person_is_matched AFTER INSERT ON contacts_personkey REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_owe_a_rematch_of_a_person();
CREATE TRIGGER a_lost_person_is_unmatched AFTER DELETE ON contacts_personkey REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION contacts_owe_a_rematch_of_a_person();

CREATE FUNCTION contacts_key_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.number <> NEW.number OR OLD.state = 'destroyed' THEN
        RAISE EXCEPTION 'matching key % stays as it is', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.state = 'destroyed' AND (EXISTS (SELECT 1 FROM contacts_contactkey WHERE key_id = OLD.number)
                                    OR EXISTS (SELECT 1 FROM contacts_personkey WHERE key_id = OLD.number)) THEN
        RAISE EXCEPTION 'matching key % still has values', OLD.number USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER a_matching_key_stays BEFORE UPDATE OR DELETE ON contacts_matchingkey FOR EACH ROW EXECUTE FUNCTION contacts_key_guard();
"""

FORGET = """
DROP TRIGGER a_matching_key_stays ON contacts_matchingkey;
DROP FUNCTION contacts_key_guard();
DROP TRIGGER a_lost_person_is_unmatched ON contacts_personkey;
DROP TRIGGER a_new_person_is_matched ON contacts_personkey;
DROP TRIGGER a_lost_contact_is_unmatched ON contacts_contactkey;
DROP TRIGGER a_new_contact_is_matched ON contacts_contactkey;
DROP FUNCTION contacts_owe_a_rematch_of_a_person();
DROP FUNCTION contacts_owe_a_rematch();
"""


class Migration(migrations.Migration):
    dependencies = [("contacts", "0001_sources_books_and_matches")]

    operations = [migrations.RunSQL(BIND + REMEMBER, FORGET + UNBIND)]
