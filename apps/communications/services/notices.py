"""Everybody with an account hears of a new version of the policy: once per version and person, whatever they allow us to write about.

| who gets it | who does not |
|---|---|
| every active person who registered before the version was published | who registered under it: they were shown it then |
| also who refused announcements: this is none | who is suspended or closed, then and when it is handed over |

Only the version in force is told of: who would get two at once needs the last one only. The first version of all is news to nobody.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse

from apps.audit.services import ledger
from apps.communications.models import Circular, Notice
from apps.communications.services.circulars import sending
from apps.communications.states import CircularKind, CircularState
from apps.consents.purposes import Channel
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM
from apps.policies import changes
from apps.policies.models import PolicyVersion


def tell_of_policy(*, at: datetime) -> Notice | None:
    """Begin the notice of the version in force, if there is none yet; returns it where it is new."""
    version = PolicyVersion.objects.in_force(at).first()
    if version is None or version.published_at < at - timedelta(days=settings.POLICY_NOTICE_WITHIN_DAYS):
        return None
    before = PolicyVersion.objects.published().filter(number__lt=version.number).order_by("-number").first()
    if before is None or Circular.objects.filter(about_version=version).exists():
        return None
    return _begin(before, version, at)


@transaction.atomic
def _begin(before: PolicyVersion, version: PolicyVersion, at: datetime) -> Notice | None:
    PolicyVersion.objects.select_for_update(no_key=True).get(pk=version.pk)  # two workers make one notice
    if Circular.objects.filter(about_version=version).exists():
        return None
    notice = Notice.objects.create(
        kind=CircularKind.POLICY, channel=Channel.EMAIL, about_version=version, subject=f"Our privacy policy has changed: version {version.number}",
        words=words(before, version), state=CircularState.APPROVED, send_at=at, drafted_by=str(SYSTEM), created_at=at,
    )  # fmt: skip
    ledger.record("notice.begun", by=SYSTEM, about=notice.reference, at=at, facts={"version": version.reference})
    doorbell.ring("circulars.due")
    return notice


def words(before: PolicyVersion, version: PolicyVersion) -> str:
    """What changed, clause by clause in a few words, and where to read all of it."""
    found = changes.between(before, version)
    context = {
        "version": version, "before": before, "changes": found, "base_url": settings.BASE_URL,
        "whole": reverse("policies:in_force"), "difference": reverse("policies:changes", args=[before.number, version.number]),
        "groups": [
            (title, [_heading(change) for change in group])
            for title, group in (("New", found.added), ("Changed", found.changed), ("Removed", found.removed), ("Moved", found.moved))
            if group
        ],
    }  # fmt: skip
    return render_to_string("communications/policy_notice_words.txt", context).strip()


def _heading(change: changes.ClauseChange) -> str:
    """As it reads now; of a removed clause, as it read."""
    kinds = ("same", "del") if change.kind == "removed" else ("same", "ins")
    return "".join(piece.words for piece in change.heading if piece.kind in kinds).strip()


def work(*, at: datetime) -> int:
    """Begin the notice that is due and carry on everything that goes to many."""
    tell_of_policy(at=at)
    return sending.sweep(at=at)
