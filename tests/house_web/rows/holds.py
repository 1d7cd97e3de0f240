"""Matters with a hold each: placed, asked to be released, or without any hold, so that it can be closed by hand."""

from apps.holds.models import Hold, Matter
from apps.holds.services import matters, placing, releasing
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import FORMULAS, Rows, Scene


def counsel() -> StaffMember:
    return StaffMember.objects.filter(username="carl").first() or cast.staff("carl", Role.COUNSEL)


def matter(number: int) -> Matter:
    return matters.open_matter(title=FORMULAS[number], reason="A court asks for it.", by=counsel(), at=NOON)


def hold(number: int) -> Hold:
    """On somebody, in one conversation whose name no page may show."""
    person = accounts.person(number)
    return placing.place(
        matter=matter(number), organization=person.organization, person=person,
        conversation=("slack", f"adelaide-and-quentin-{number}"), reason="The court names it.", by=counsel(), at=NOON,
    )  # fmt: skip


def asked() -> Hold:
    return releasing.ask_release(hold=hold(0), reason="The case is settled.", by=counsel(), at=NOON)


ROWS = {
    Matter: Rows(matter, planted=True),
    Hold: Rows(hold, queries=6, more="the matters and the organizations to filter by"),
}

SCENES = {
    (Matter, "close"): Scene(lambda _member: matter(0)),
    (Hold, "ask_release"): Scene(lambda _member: hold(0), {"reason": "The case is settled."}),
    (Hold, "release"): Scene(lambda _member: asked()),
    (Hold, "reject_release"): Scene(lambda _member: asked()),
}
