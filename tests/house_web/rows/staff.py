"""Members of staff, and what they ask each other for."""

from apps.staff.models import Approval, StaffMember
from apps.staff.roles import Role
from apps.staff.services import approvals
from tests import cast
from tests.cast import NOON
from tests.house_web.rows.declared import Rows, Scene

PUBLISH = "policies.publish_policyversion"


def member(number: int) -> StaffMember:
    return cast.staff(f"colleague{number}", Role.COUNSEL)


def approval(number: int, by: StaffMember | None = None) -> Approval:
    return approvals.ask(act=PUBLISH, subject=f"POL-{number}", digest=bytes(32), by=by or cast.cleo(), at=NOON)


ROWS = {
    StaffMember: Rows(member, scans=("full_name", "username", "email")),
    Approval: Rows(approval, scans=("=subject",)),
}

SCENES = {
    (StaffMember, "leave"): Scene(lambda _member: member(0)),
    (StaffMember, "reset_second_factor"): Scene(lambda _member: member(0)),
    (Approval, "withdraw"): Scene(lambda asker: approval(0, by=asker)),
}
