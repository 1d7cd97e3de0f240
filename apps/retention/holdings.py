"""What Message Data holds on people, who decides on it, and how it ends."""

from apps.foundation.personal_data import Holding, Role

HOLDINGS = (
    Holding(
        code="retention.messages",
        title="Messages and who took part in them",
        role=Role.PROCESSOR,
        tables=("message", "retention_asidemessage", "retention_earlydeletion", "retention_archivepart", "retention_move"),
        collected="By one tag per live cohort, made from the person's reference, addresses and ids; decrypted per message.",
        ends="On the message's day, by destroying the key and the rows; earlier when deleted where it was sent.",
        files=("keystore/day", "keystore/organization", "keystore/aside", "keystore/matter", "keystore/archive"),
    ),
    Holding(
        code="retention.work_record",
        title="Which member of staff or service decided or handed over what",
        role=Role.CONTROLLER,
        tables=(
            "retention_retentionrule", "retention_batch", "retention_clockdoubt", "retention_earlydeletion",
            "retention_historicalconversationclass", "retention_archivetarget", "retention_archivereading", "retention_review",
            "retention_reviewasked", "retention_rescheduling", "retention_matterexport",
        ),
        collected="By the reference of the member of staff or of the service.",
        ends="With the record it belongs to; references name nobody by themselves.",
    ),
)  # fmt: skip
