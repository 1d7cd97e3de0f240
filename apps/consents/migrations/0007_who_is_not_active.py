"""The few people who are not active, by an index: an audience of a hundred thousand is what stands less these, and reads no person."""

from django.db import migrations

FORWARD = "CREATE INDEX person_not_active ON accounts_person (id) WHERE standing <> 'active'"
BACKWARD = "DROP INDEX person_not_active"


class Migration(migrations.Migration):
    dependencies = [("consents", "0006_a_decided_switch_stays")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
