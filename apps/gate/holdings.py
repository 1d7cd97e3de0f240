"""What the gate holds on people, and how it ends."""

from apps.foundation.held import Held, Rows
from apps.foundation.personal_data import Holding, Role, Whom
from apps.gate.models import RememberedDecision
from apps.gate.services import about

RETRIES = Held((Rows("Decisions that may be asked for again", RememberedDecision, about.remembered),))
SIX_YEARS = "The account of disclosures is kept six years (45 CFR 164.528), by the person's reference, which names nobody once they are erased."

HOLDINGS = (
    Holding(
        code="gate.ledger",
        title="What left, to whom and on what ground, what was refused, the permits and the connections",
        role=Role.CONTROLLER,
        tables=("gate_disclosure", "gate_disclosuresubject", "gate_permit", "gate_crossing", "gate_gaterefusal"),
        collected="By every decision of the gate: people by their references, staff and services by theirs.",
        ends=(
            "Kept for six years from the decision (GATE_LEDGER_KEEP_DAYS, 45 CFR 164.528); the database refuses to remove a row before."
            " It survives an erasure of the person as a reference, which names nobody then."
        ),
        count=about.count,
        collect=about.collect,
        survives=SIX_YEARS,
    ),
    Holding(
        code="gate.retries",
        title="Which permit a service asked for under which key",
        role=Role.CONTROLLER,
        tables=("gate_remembereddecision",),
        collected="Written when a service sends an Idempotency-Key; key and body as keyed hashes only.",
        ends="Forgotten after three days, and with any person whom the permit is about.",
        count=RETRIES.count,
        collect=RETRIES.collect,
        erase=RETRIES.erase,
    ),
    Holding(
        code="gate.exceptions",
        title="Exceptions for countries other than the United States: who asked, who approved, and why",
        role=Role.CONTROLLER,
        tables=("gate_countryexception",),
        collected="By staff, with their reason.",
        ends="Kept for six years from its end, as evidence of why something left the United States.",
        whom=Whom.STAFF,
    ),
    Holding(
        code="gate.withdrawals",
        title="What recipients are to erase because a consent ended, and who confirmed that they did",
        role=Role.CONTROLLER,
        tables=("gate_withdrawalnotice",),
        collected="When a consent ends on which something left: the person by their reference; who confirmed it, and on what evidence, by staff.",
        ends="Kept for six years like what left. It survives an erasure of the person as a reference, which names nobody then.",
        count=about.count_notices,
        collect=about.collect_notices,
        erase=about.write_notices,
        survives=SIX_YEARS,
    ),
)
