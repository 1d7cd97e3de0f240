"""Announcements in their states, a notice, and their deliveries."""

from datetime import timedelta

from apps.communications.models import Announcement, Circular, Delivery, Notice
from apps.communications.services import notices
from apps.communications.services.announcements import deciding, drafting
from apps.communications.services.circulars import controlling, sending
from apps.staff.models import StaffMember
from tests import cast
from tests.communications.announcements import circulars
from tests.communications.announcements.published import publish
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene


def reader(number: int) -> None:
    """Somebody more who allows it."""
    circulars.allow(circulars.person(900 + number, at=PRESENT - timedelta(days=90)), at=PRESENT - timedelta(days=1))


def draft(number: int = 0) -> Circular:
    return circulars.draft(kind=("release", "patch", "update")[number], subject=FORMULAS[number], at=PRESENT)


def asked() -> Circular:
    return drafting.ask(circular=draft(), by=circulars.dana(), at=PRESENT)


def approved() -> Circular:
    return deciding.approve(circular=asked(), by=_approver(), at=PRESENT)


def sending_now() -> Circular:
    return sending.start(approved(), at=PRESENT)


def paused() -> Circular:
    return controlling.pause(circular=sending_now(), by=_approver(), at=PRESENT)


def announcement(number: int) -> Circular:
    return (draft, lambda n: drafting.ask(circular=draft(n), by=circulars.dana(), at=PRESENT), draft)[number](number)


def notice(number: int = 0) -> Circular:
    publish(PRESENT + timedelta(minutes=number), [
        {"code": "all", "heading": "All of it", "text": f"We keep our word, for the {number + 1}. time.", "promises": ["P06", "P26"]},
    ])  # fmt: skip
    return notices.tell_of_policy(at=PRESENT + timedelta(minutes=number))


def notice_sending() -> Circular:
    return sending.start(notice(), at=PRESENT)


def notice_paused() -> Circular:
    return controlling.pause(circular=notice_sending(), by=_approver(), at=PRESENT)


def delivery(number: int) -> Delivery:
    """One in the outbox, each of an announcement of its own."""
    reader(number)
    before = set(Delivery.objects.values_list("pk", flat=True))
    row = circulars.approved(subject=f"News {number}", at=PRESENT)
    sending.sweep(at=PRESENT)
    return Delivery.objects.filter(circular=row).exclude(pk__in=before).first()


def _approver() -> StaffMember:
    return cast.cleo()


ROWS = {
    Announcement: Rows(announcement, planted=True),
    Notice: Rows(notice),
    Delivery: Rows(delivery, queries=5, more="the announcements that can be chosen as a filter"),
}

SCENES = {
    (Announcement, "test"): Scene(lambda _member: draft()),
    (Announcement, "ask"): Scene(lambda _member: draft()),
    (Announcement, "back_to_draft"): Scene(lambda _member: asked()),
    (Announcement, "approve"): Scene(lambda _member: asked()),
    (Announcement, "reject"): Scene(lambda _member: asked()),
    (Announcement, "schedule"): Scene(lambda _member: approved(), {"send_at": f"{PRESENT + timedelta(days=300):%Y-%m-%dT%H:%M}"}),
    (Announcement, "pause"): Scene(lambda _member: sending_now()),
    (Announcement, "resume"): Scene(lambda _member: paused()),
    (Announcement, "cancel"): Scene(lambda _member: approved()),
    (Notice, "pause"): Scene(lambda _member: notice_sending()),
    (Notice, "resume"): Scene(lambda _member: notice_paused()),
}
