"""What the audit floor holds on a person: which member of staff acted, and the personal detail of an act."""

from apps.audit.services import about
from apps.foundation.held import kept_or
from apps.foundation.personal_data import Holding, Role

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="audit.ledger",
        title="Who did what, by reference",
        role=Role.CONTROLLER,
        tables=("audit_event",),
        collected="Written with every act; names the actor by a reference that says nothing by itself.",
        ends="Never: it is the proof. Once the record behind a reference is erased, the reference names nobody.",
        count=about.count,
        collect=about.collect,
        survives="The ledger is the proof that the policy was kept; it names people by a reference, which names nobody once they are erased.",
    ),
    Holding(
        code="audit.detail",
        title="Personal detail of an act",
        role=Role.CONTROLLER,
        tables=("audit_eventdetail",),
        collected="Written with an act where the act can't be understood without it.",
        ends="Erased on its own; the salted commitment left in the ledger gives nothing away.",
        count=about.count_details,
        collect=about.collect_details,
        erase=kept_or(about.erase_details, about.count_details),
    ),
)
