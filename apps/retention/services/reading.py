"""A message is read back by the service that sent it, while it lives. From the first moment of its day nobody reads it.

It must never answer from an expired cohort, and never tell a message that is gone from one that never was, but to the
organization's own service.
"""

from datetime import date, datetime

from apps.accounts.models import Organization
from apps.foundation.clock import day_of
from apps.foundation.keys import keystore
from apps.foundation.refusals import Refusal
from apps.retention import envelope
from apps.retention.life import expiry_day, rule_for
from apps.retention.models import (
    Certificate,
    Cohort,
    ConversationClass,
    ImportedOnce,
    Message,
)
from apps.retention.services import whereabouts
from apps.retention.services.rules import rules_of
from apps.retention.states import READABLE


class NoSuchMessage(Refusal):
    """No message of that id is stored for the organization."""

    code = "no_such_message"
    mend = "Check id, source, class and sending time; it may have been deleted early."


class MessageGone(Refusal):
    """The message's life is over; it can't be read any more."""

    code = "message_gone"
    mend = "Nothing brings it back. The certificate of its destruction says what happened."


def read_message(
    *, organization: Organization, source: str, message_id: str, sent_at: datetime, conversation_class: str = "", at: datetime
) -> dict:
    """The message as it came in. Raises MessageGone with the certificate's number once its day has come."""
    store = keystore()
    days = _days(store, organization, source, message_id, sent_at, conversation_class)
    trails = [whereabouts.trail(organization=organization, day=day, source=source, message_id=message_id) for day in days]
    today = day_of(at)
    for day in dict.fromkeys(day for trail in trails for day in trail.days):
        if day <= today:
            continue
        if not Cohort.objects.filter(organization=organization, expiry_on=day, state__in=READABLE).exists():
            continue
        opener = envelope.for_cohort(store, organization=organization.reference, expiry=day)
        row = (
            Message.objects.on_days([day])
            .filter(source_tag=opener.source_tag(source, message_id))
            .order_by("source_tag")  # by its own index: in the order of numbers the planner would walk the leaf
            .values_list("id", "policy_version_id", "ciphertext")
            .first()
        )
        if row:
            return opener.open(row[2], number=row[0], policy_version=row[1])[0]
    over = [trail.ended_on for trail in trails if trail.is_over(today)]
    moved_and_over = [trail.ended_on for trail in trails if trail.is_over(today) and trail.was_moved]
    if moved_and_over or (over and len(over) == len(trails)):
        raise _gone(organization, (moved_and_over or over)[0])
    raise NoSuchMessage


def _gone(organization: Organization, day: date) -> MessageGone:
    certificate = Certificate.objects.filter(cohort__organization=organization, cohort__expiry_on=day).first()
    hidden = Cohort.objects.filter(organization=organization, expiry_on=day).exists()
    number = f" Certificate {certificate.number}." if certificate else " They are hidden." if hidden else ""
    return MessageGone(f"The life of messages of that time ended on {day.isoformat()}.{number}")


def _days(
    store, organization: Organization, source: str, message_id: str, sent_at: datetime, conversation_class: str
) -> list[date]:
    if not store.exists(envelope.organization_secret(organization.reference)):
        return []
    tag = envelope.imported_once_tag(store, organization=organization.reference, source=source, message_id=message_id)
    imported = list(
        ImportedOnce.objects.filter(organization=organization, tag=tag).values_list("expiry_on", flat=True)
    )
    if imported:
        return imported
    rules = rules_of(organization.pk)
    classes = [conversation_class] if conversation_class else ["", *ConversationClass.objects.filter(organization=organization).values_list("code", flat=True)]
    found = (rule_for(rules, code, sent_at) for code in classes)
    return sorted({expiry_day(sent_at, rule.life_days) for rule in found if rule})
