"""The message table, partitioned by expiry day. No foreign keys in or out, no row triggers, no DEFAULT leaf."""

from django.db import migrations

TABLE = """
CREATE SEQUENCE message_id_seq AS bigint CACHE 1;

CREATE TABLE message (
    id bigint NOT NULL,
    expiry date NOT NULL,
    organization_id bigint NOT NULL,
    segment smallint NOT NULL,
    policy_version_id bigint NOT NULL,
    source_tag bytea NOT NULL,
    tags bytea[] NOT NULL,
    proof bytea NOT NULL,
    ciphertext bytea NOT NULL,
    CONSTRAINT a_message_has_one_key PRIMARY KEY (expiry, id),
    CONSTRAINT a_message_is_stored_once UNIQUE (expiry, source_tag),
    CONSTRAINT a_proof_is_a_sha256 CHECK (octet_length(proof) = 32),
    CONSTRAINT a_source_tag_has_16_bytes CHECK (octet_length(source_tag) = 16)
) PARTITION BY RANGE (expiry);

-- random bytes don't compress: don't try
ALTER TABLE message ALTER COLUMN ciphertext SET STORAGE EXTERNAL;
CREATE INDEX message_by_organization ON message (organization_id, segment, id);
CREATE INDEX message_by_tag ON message USING gin (tags);
"""

BACK = """
DROP TABLE message;
DROP SEQUENCE message_id_seq;
"""


class Migration(migrations.Migration):
    dependencies = [("retention", "0001_initial")]

    operations = [migrations.RunSQL(TABLE, BACK)]
