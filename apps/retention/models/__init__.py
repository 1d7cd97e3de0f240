"""What Message Data leaves in the database: rules, leaves, cohorts and their account, archives, destructions, certificates.

The messages themselves stand in the partitioned table `message` (migration 0002, `Message` below is unmanaged): encrypted,
without foreign keys and without row triggers. They are never in the admin; cohorts are.
"""

from apps.retention.models.alarms import Alarm
from apps.retention.models.archives import (
    Amendment,
    Archive,
    ArchivePart,
    ArchiveReading,
    ArchiveTarget,
)
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
    AsideBundle,
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
from apps.retention.models.endings import (
    Move,
    Rescheduling,
    Review,
    ReviewAsked,
)
from apps.retention.models.exports import MatterExport
from apps.retention.models.people import ErasedParticipant, PersonRule, person_rule_reference
from apps.retention.models.rules import (
    ConversationClass,
    RetentionRule,
    class_reference,
    rule_reference,
)

__all__ = [
    "Alarm",
    "Amendment",
    "Archive",
    "ArchivePart",
    "ArchiveReading",
    "ArchiveTarget",
    "AsideBundle",
    "AsideMessage",
    "Batch",
    "BatchShare",
    "Certificate",
    "ClockDoubt",
    "Cohort",
    "ConversationClass",
    "Destruction",
    "EarlyDeletion",
    "ErasedParticipant",
    "ImportedOnce",
    "Leaf",
    "MatterExport",
    "Message",
    "Move",
    "PersonRule",
    "RefusedLine",
    "Rescheduling",
    "RetentionRule",
    "Review",
    "ReviewAsked",
    "Segment",
    "batch_reference",
    "certificate_number",
    "class_reference",
    "cohort_reference",
    "deletion_reference",
    "destruction_reference",
    "person_rule_reference",
    "rule_reference",
]
