"""Which version of the policy is in force at a moment. Everything that collects personal data asks this first (P26). And whether it is news.

It must never fall back to a draft or to a later version: without a version in force nothing may be collected.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from apps.foundation.refusals import Refusal
from apps.policies.models import PolicyVersion


class NoPolicyInForce(Refusal):
    """No version of the privacy policy was in force at that moment, so nothing may be collected."""

    code = "no_policy_in_force"
    mend = "Publish a version of the policy first."


def version_in_force(at: datetime) -> PolicyVersion:
    """The version published last, at or before `at`. Raises NoPolicyInForce."""
    version = PolicyVersion.objects.in_force(at).first()
    if version is None:
        raise NoPolicyInForce
    return version


@dataclass(frozen=True)
class News:
    """A version that came into force not long ago, the one before it, and until when that is news."""

    version: PolicyVersion
    before: PolicyVersion
    until: datetime


def news(at: datetime) -> News | None:
    """The version in force, where it changed the one before within POLICY_NEWS_DAYS; the first of all is news to nobody."""
    newest = list(PolicyVersion.objects.published().filter(published_at__lte=at).order_by("-published_at", "-number")[:2])
    if len(newest) < 2:
        return None
    until = newest[0].published_at + timedelta(days=settings.POLICY_NEWS_DAYS)
    return News(*newest, until) if at < until else None


def last_changed(at: datetime) -> datetime | None:
    """When public pages last looked different: the newest publication, or the end of the news about it."""
    newest = PolicyVersion.objects.in_force(at).first()
    if newest is None:
        return None
    over = newest.published_at + timedelta(days=settings.POLICY_NEWS_DAYS)
    return over if over <= at else newest.published_at
