"""What matters and holds hold on people, and how it ends."""

from apps.foundation.held import kept_or
from apps.foundation.personal_data import Holding, Role
from apps.holds.services import about

HOLDINGS = (
    Holding(
        code="holds.matters",
        title="Matters, what each keeps and why, and who placed and released it",
        role=Role.CONTROLLER,
        tables=("holds_matter", "holds_hold"),
        collected="By the person's reference; the conversation as counsel names it; staff by reference.",
        ends=(
            "Kept as the evidence of what was held back from destruction and why. Once a hold is over, the person's row is taken"
            " out of it and only their reference stays. The words in the journal open only with the matter's secret."
        ),
        files=("keystore/hold", "keystore-second/hold"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=about.count,
        collect=about.collect,
        erase=kept_or(about.let_go, about.count),
        survives="The record of what was held back from destruction stays as evidence, with the person's reference, which names nobody once they are erased.",
    ),
)
