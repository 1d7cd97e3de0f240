"""What the policy's own tables hold about people: which member of staff published a version."""

from apps.foundation.personal_data import Holding, Role, Whom

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="policies.publication",
        title="Who published a version of the policy",
        role=Role.CONTROLLER,
        tables=("policies_policyversion", "policies_historicalpolicyversion"),
        collected="The reference of the member of staff is written when they publish.",
        ends="Kept as long as the version, which never goes; it is a reference and names nobody by itself.",
        whom=Whom.STAFF,
    ),
)
