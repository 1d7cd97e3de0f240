"""What the register holds on a person: which member of staff registered a backup, said it was destroyed, or ran a drill."""

from apps.foundation.personal_data import Holding, Role, Whom

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="backups.register",
        title="Who registered backups and drilled restores, by reference",
        role=Role.CONTROLLER,
        tables=("backups_backup", "backups_drill"),
        collected="Written when a backup is registered or destroyed, and when a drill runs.",
        ends="Kept as evidence; once the record behind a reference is erased, the reference names nobody.",
        whom=Whom.STAFF,
    ),
)
