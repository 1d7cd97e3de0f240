"""What Message Data holds on people, who decides on it, and how it ends."""

from apps.foundation.personal_data import Holding, Role, Whom
from apps.retention.services import people

#: in both copies of the keystore, or wherever KEYSTORE_DIRECTORIES puts them
SECRETS = tuple(
    f"{copy}/{kind}" for copy in ("keystore", "keystore-second") for kind in ("day", "organization", "aside", "matter", "archive")
)

HOLDINGS = (
    Holding(
        code="retention.messages",
        title="Messages and who took part in them",
        role=Role.PROCESSOR,
        tables=("message", "retention_asidemessage", "retention_earlydeletion", "retention_archivepart", "retention_move", "retention_archivereading"),
        collected="By one tag per live cohort, made from the person's reference, addresses and ids; decrypted per message.",
        ends="On the message's day, by destroying the key and the rows; earlier when deleted where it was sent.",
        files=SECRETS,
        count=people.count,
        collect=people.collect,
        erase=people.erase,
    ),
    Holding(
        code="retention.erased_participants",
        title="By what erased people are known again in messages that still come: keyed hashes",
        role=Role.PROCESSOR,
        tables=("retention_erasedparticipant",),
        collected="Made when the erasure of somebody's messages begins, under a key of their organization.",
        ends="24 months later, or with the organization's secret.",
        survives="So that what still comes in of an erased person is stored under a pseudonym (24 months, keyed hashes alone).",
        unfound="Keyed hashes of people who are erased; nobody who still has a row stands here.",
    ),
    Holding(
        code="retention.work_record",
        title="Which member of staff or service decided or handed over what",
        role=Role.CONTROLLER,
        tables=(
            "retention_retentionrule", "retention_personrule", "retention_batch", "retention_clockdoubt", "retention_earlydeletion",
            "retention_historicalconversationclass", "retention_archivetarget", "retention_archivereading", "retention_review",
            "retention_reviewasked", "retention_rescheduling", "retention_matterexport",
        ),
        collected="By the reference of the member of staff or of the service.",
        ends="With the record it belongs to; references name nobody by themselves.",
        whom=Whom.STAFF,
    ),
)  # fmt: skip
