"""Which version of the policy is in force at a moment. Everything that collects personal data asks this first (P26).

It must never fall back to a draft or to a later version: without a version in force nothing may be collected.
"""

from datetime import datetime

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
