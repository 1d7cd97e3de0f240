"""What Message Data leaves in the database: rules, leaves, cohorts and their account, destructions, certificates.

The messages themselves stand in the partitioned table `message` (migration 0002, `Message` below is unmanaged): encrypted,
without foreign keys and without row triggers. They are never in the admin; cohorts are.
"""

from apps.retention.models.arrivals import (
    Batch,
    BatchShare,
    EarlyDeletion,
    ImportedOnce,
    RefusedLine,
    batch_reference,
    deletion_reference,
)
from apps.retention.models.cohorts import (
    AsideMessage,
    Cohort,
    Leaf,
    Message,
    Segment,
    cohort_reference,
)
from apps.retention.models.destructions import (
    Certificate,
    ClockDoubt,
    Destruction,
    certificate_number,
    destruction_reference,
)
from apps.retention.models.rules import (
    ConversationClass,
    RetentionRule,
    class_reference,
    rule_reference,
)

__all__ = [
    "AsideMessage",
    "Batch",
    "BatchShare",
    "Certificate",
    "ClockDoubt",
    "Cohort",
    "ConversationClass",
    "Destruction",
    "EarlyDeletion",
    "ImportedOnce",
    "Leaf",
    "Message",
    "RefusedLine",
    "RetentionRule",
    "Segment",
    "batch_reference",
    "certificate_number",
    "class_reference",
    "cohort_reference",
    "deletion_reference",
    "destruction_reference",
    "rule_reference",
]
