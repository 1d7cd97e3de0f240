"""A claim points to the grant of its scope and to the table of what scopes cover: the database refuses what the person did not authorise.

A grant that is taken away takes its claims along.
"""

from django.db import migrations

FORWARD = """
ALTER TABLE accounts_linkedclaim
    ADD CONSTRAINT a_claim_is_of_a_granted_scope FOREIGN KEY (account_id, scope)
        REFERENCES accounts_grantedscope (account_id, scope) ON DELETE CASCADE,
    ADD CONSTRAINT a_claim_is_one_that_its_scope_covers FOREIGN KEY (scope, claim)
        REFERENCES accounts_scopeclaim (scope, claim);
"""
BACKWARD = """
ALTER TABLE accounts_linkedclaim DROP CONSTRAINT a_claim_is_of_a_granted_scope, DROP CONSTRAINT a_claim_is_one_that_its_scope_covers;
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_what_a_scope_covers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
