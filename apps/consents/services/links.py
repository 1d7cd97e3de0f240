"""Links to the preference page: asked for by an address, made, spent once, and forgotten.

| step | what keeps it safe |
|---|---|
| `ask` | writes the same row for every address, known or not: neither the answer nor its time tells who is known |
| `answer_due` | makes a link for each person the address is on file for and queues the mail, beside the request, which goes |
| `make` | 32 random bytes; stored is a digest bound to the link's purpose |
| `spend` | the link's row locked; the page with the button chose the visit's token, so that the same click twice is one visit |
| `forget_old` | what ended a day ago goes |

Whoever else has the link finds it spent. It must never put a token or an address into a log, an exception or the ledger, and never
open a door for somebody whose account is closed. The mail itself holds the link until the outbox empties it; it opens nothing any
more some minutes after it was made.
"""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from apps.accounts import details
from apps.accounts.models import Person
from apps.accounts.states import PersonStanding
from apps.audit.services import ledger
from apps.consents.doors import VISIT, LinkPurpose, LinkWay, digest_of, is_token, new_token
from apps.consents.models.links import AccessLink, LinkRequest, Visit
from apps.foundation import doorbell
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox

log = structlog.get_logger(__name__)

#: an address that many organizations have on file gets so many mails at most
PEOPLE_AN_ADDRESS = 10
REQUESTS_A_RUN = 200
MOST_ATTEMPTS = 5
#: a request that was not answered by then is dropped: nobody waits for its mail any more
REQUEST_LIFE = timedelta(hours=1)
#: so that “spent” and “over” can be told from “never was”
KEPT_AFTER_END = timedelta(days=1)
OPENED_FOR = frozenset({PersonStanding.ACTIVE, PersonStanding.SUSPENDED})


class LinkOver(Refusal):
    """This link opens nothing any more: it works once, and not for long."""

    code = "link_over"
    mend = "Ask for a new link; it comes by e-mail within a minute or two."


class VisitOver(Refusal):
    """This visit is over. Nothing was changed."""

    code = "visit_over"
    mend = "Ask for a new link; it comes by e-mail within a minute or two."


class TooManyLinks(Refusal):
    """So many links were made for this person within the last hour that no more are made now."""

    code = "too_many_links"
    mend = "Try again in an hour. The links that were made already work until their time is over."


class AccountClosed(Refusal):
    """This person's account is closed; there is no page of theirs any more."""

    code = "account_closed"
    mend = "Nothing needs to be done: no consent of a closed account is used."


@transaction.atomic
def ask(*, address: str, at: datetime) -> None:
    """Take down that somebody asked for a link at this address. Refuses only what no address can look like."""
    normalised = details.normalise_email(details.email(address))
    LinkRequest.objects.create(address=normalised, asked_at=at)
    doorbell.ring("links.asked")


def answer_due(*, at: datetime) -> int:
    """Answer what was asked, the oldest first; returns how many mails were queued."""
    LinkRequest.objects.filter(asked_at__lte=at - REQUEST_LIFE).delete()
    queued = 0
    for pk in LinkRequest.objects.filter(attempts__lt=MOST_ATTEMPTS).order_by("id").values_list("pk", flat=True)[:REQUESTS_A_RUN]:
        with transaction.atomic():
            taken = LinkRequest.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if taken is None:
                continue
            taken.attempts += 1
            taken.save(update_fields=["attempts"])
        try:
            queued += _answer(pk, at)
        except Exception as error:  # one request that can't be answered must not keep the others waiting
            log.warning("link_request_failed", error=type(error).__name__)
    return queued


@transaction.atomic
def _answer(pk: int, at: datetime) -> int:
    request = LinkRequest.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
    if request is None:
        return 0
    known = Person.objects.filter(emails__normalised=request.address, standing__in=OPENED_FOR).order_by("pk").distinct()
    queued = 0
    for person in known.select_related("organization")[:PEOPLE_AN_ADDRESS]:
        Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        # the address as its owner wrote it, not as somebody typed it here
        on_file = person.emails.filter(normalised=request.address).first()
        if on_file is not None and not _too_many(person, at):
            _mail(person, to=on_file.address, at=at)
            queued += 1
    request.delete()
    return queued


def _mail(person: Person, *, to: str, at: datetime) -> None:
    link, url = _make(person, way=LinkWay.MAIL, by=SYSTEM, at=at)
    context = {"url": url, "minutes": settings.PREFERENCE_LINK_MINUTES, "organization": person.organization.name if person.organization else ""}
    outbox.queue(
        template="consents/preference_link", to=to, context=context, about=person.reference, once_key=f"preference-link:{link.pk}", at=at
    )


@transaction.atomic
def make(*, person: Person, by: Actor, at: datetime) -> tuple[str, datetime]:
    """A link for the product to show to a person who has signed in there; the address, and when it ends."""
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if person.standing not in OPENED_FOR:
        raise AccountClosed
    if _too_many(person, at):
        raise TooManyLinks
    link, url = _make(person, way=LinkWay.PRODUCT, by=by, at=at)
    return url, link.expires_at


def _too_many(person: Person, at: datetime) -> bool:
    """Counted in the database, so that a cache that was emptied does not let a mailbox be flooded."""
    return person.access_links.filter(made_at__gt=at - timedelta(hours=1)).count() >= settings.PREFERENCE_LINKS_AN_HOUR


def _make(person: Person, *, way: LinkWay, by: Actor, at: datetime) -> tuple[AccessLink, str]:
    token = new_token()
    link = AccessLink.objects.create(
        person=person, purpose=LinkPurpose.PREFERENCES, way=way, token_hash=digest_of(token, door=LinkPurpose.PREFERENCES), made_at=at,
        expires_at=at + timedelta(minutes=settings.PREFERENCE_LINK_MINUTES),
    )  # fmt: skip
    ledger.record("preferences.link_made", by=by, about=person.reference, at=at, facts={"way": way.value})
    return link, settings.BASE_URL.rstrip("/") + reverse("consents:open", args=[token])


def opens(token: str, *, at: datetime) -> bool:
    """Whether the button behind this link would do anything; changes nothing."""
    return is_token(token) and _links(token).filter(spent_at=None, expires_at__gt=at, person__standing__in=OPENED_FOR).exists()


def _links(token: str):
    return AccessLink.objects.filter(purpose=LinkPurpose.PREFERENCES, token_hash=digest_of(token, door=LinkPurpose.PREFERENCES))


@transaction.atomic
def spend(*, token: str, visit: str, at: datetime) -> Visit:
    """Spend a link and begin the visit whose token the page with the button chose. The same two tokens again are the same visit."""
    if not (is_token(token) and is_token(visit)):
        raise LinkOver
    link = _links(token).select_for_update(of=("self",)).select_related("person").first()
    if link is None or link.person.standing not in OPENED_FOR:
        raise LinkOver
    digest = digest_of(visit, door=VISIT)
    begun = Visit.objects.filter(link=link).first()
    if begun is not None and bytes(begun.token_hash) == digest and begun.ended_at is None and begun.expires_at > at:
        begun.token = visit
        return begun
    if link.spent_at is not None or not link.made_at <= at < link.expires_at or Visit.objects.filter(token_hash=digest).exists():
        raise LinkOver
    link.spent_at = at
    link.save(update_fields=["spent_at"])
    begun = Visit.objects.create(
        person=link.person, link=link, token_hash=digest, began_at=at, expires_at=at + timedelta(minutes=settings.PREFERENCE_VISIT_MINUTES)
    )
    ledger.record("preferences.opened", by=Actor("person", link.person.reference), about=link.person.reference, at=at, facts={"way": link.way})
    begun.token = visit
    return begun


def visit_of(token: str, *, at: datetime) -> Visit:
    """The visit that a form's token belongs to, while it lasts and its person may still come in. Raises VisitOver."""
    if not is_token(token):
        raise VisitOver
    visit = (
        Visit.objects.select_related("person", "person__organization")
        .filter(token_hash=digest_of(token, door=VISIT), ended_at=None, expires_at__gt=at, began_at__lte=at, person__standing__in=OPENED_FOR)
        .first()
    )
    if visit is None:
        raise VisitOver
    visit.token = token
    return visit


@transaction.atomic
def leave(*, visit: Visit, at: datetime) -> None:
    """End a visit before its time."""
    row = Visit.objects.select_for_update().filter(pk=visit.pk, ended_at=None).first()
    if row is None:
        return
    row.ended_at = at
    row.save(update_fields=["ended_at"])


def forget_old(*, at: datetime) -> int:
    """Links and visits that ended a day ago go; returns how many links."""
    before = at - KEPT_AFTER_END
    gone = AccessLink.objects.filter(expires_at__lt=before).exclude(visit__expires_at__gte=before)
    with transaction.atomic():
        _all, by_model = gone.delete()
    return by_model.get(AccessLink._meta.label, 0)
