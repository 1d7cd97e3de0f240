"""Versions of the policy: one in force, then drafts, each published before the next is made."""

from datetime import timedelta

from apps.policies.models import PolicyVersion
from apps.policies.services import publication
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON
from tests.house_web.rows.declared import Rows, Scene


def counsel() -> StaffMember:
    return StaffMember.objects.filter(username="carl").first() or cast.staff("carl", Role.COUNSEL)


def draft(number: int) -> PolicyVersion:
    at = NOON + timedelta(hours=number)
    standing = PolicyVersion.objects.filter(state="draft").first()
    if standing is not None:
        publication.publish(version=asked_for(standing), by=counsel(), at=at)
    return publication.draft_from(previous=PolicyVersion.objects.in_force(at).first(), by=cast.cleo(), at=at)


def asked_for(version: PolicyVersion) -> PolicyVersion:
    publication.ask(version=version, by=cast.cleo(), at=NOON)
    return version


ROWS = {PolicyVersion: Rows(draft, scans=("title",))}

SCENES = {
    (PolicyVersion, "draft"): Scene(lambda _member: None),
    (PolicyVersion, "ask"): Scene(lambda _member: draft(0)),
    (PolicyVersion, "publish"): Scene(lambda _member: asked_for(draft(0))),
}
