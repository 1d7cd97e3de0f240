"""What the board holds about people: who asked for a run, and references in findings."""

from apps.foundation.personal_data import Holding, Role

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="assurance.work",
        title="Who had the promises checked",
        role=Role.CONTROLLER,
        tables=("assurance_run",),
        collected="The reference of the member of staff is written when they ask for a run.",
        ends="Kept with the proof that the checks were run; it is a reference and names nobody by itself.",
    ),
    Holding(
        code="assurance.findings",
        title="References of people in findings",
        role=Role.CONTROLLER,
        tables=("assurance_finding",),
        collected="A check that finds something about a person writes the person's reference.",
        ends="Kept with the proof of what was found; erasing the person takes the reference out.",
    ),
)
