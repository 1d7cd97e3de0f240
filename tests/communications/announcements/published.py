"""New versions of the policy, each on the word of two."""

from apps.foundation.actors import SYSTEM
from apps.policies.models import PolicyVersion
from apps.policies.services import publication
from tests import cast
from tests.cast import NOON


def publish(at=NOON, clauses=()) -> PolicyVersion:
    """The next version, on the word of two."""
    before = PolicyVersion.objects.published().order_by("-number").first()
    draft = publication.draft_from(previous=before, by=SYSTEM, at=at)
    publication.set_clauses(version=draft, clauses=clauses, by=SYSTEM, at=at)
    publication.ask(version=draft, by=cast.staff(f"writer{draft.number}", "compliance_officer"), at=at)
    return publication.publish(version=draft, by=cast.cleo(), at=at)


def second(at=NOON) -> PolicyVersion:
    return publish(at, [
        {"code": "all", "heading": "All of it", "text": "We keep our word, and more.", "promises": ["P06", "P26"]},
        {"code": "news", "heading": "What is new & why", "text": "This.", "promises": ["P13"]},
    ])  # fmt: skip
