"""What the board holds about people: who asked for a run, and references in findings."""

from apps.assurance.services import about
from apps.foundation.held import kept_or
from apps.foundation.personal_data import Holding, Role, Whom

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="assurance.work",
        title="Who had the promises checked",
        role=Role.CONTROLLER,
        tables=("assurance_run",),
        collected="The reference of the member of staff is written when they ask for a run.",
        ends="Kept with the proof that the checks were run; it is a reference and names nobody by itself.",
        whom=Whom.STAFF,
    ),
    Holding(
        code="assurance.findings",
        title="References of people in findings",
        role=Role.CONTROLLER,
        tables=("assurance_finding",),
        collected="A check that finds something about a person writes the person's reference.",
        ends="Kept with the proof of what was found; erasing the person takes the reference out.",
        count=about.count,
        collect=about.collect,
        erase=kept_or(about.anonymise, about.count),
    ),
)
