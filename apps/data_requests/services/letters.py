"""Letters about a request, by templates that staff write: each version stays, and a letter that left knows its own.

| to | address | when |
|---|---|---|
| person | a contact on file; after an erasure the one that was kept for the answer | nearly always |
| asker | the address that was given, where nobody is known | a denial, a question; one mail a day with the receipt, never anything about anybody |
| client | the client's contact | what the client decides |
| nobody | there is none | the letter is recorded, and nothing leaves |

The words of a letter lie in the outbox alone, and are emptied there when the request ends. It must never send anything about a person to an
address that is not on file, never send one letter twice (`once_key`), nor change what was sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import DateField, Exists, Max, OuterRef, Q
from django.db.models.functions import Cast

from apps.audit.services import ledger
from apps.data_requests import hashing, words
from apps.data_requests.letters import BY_HAND, CODES, LetterUnknown, filled, one_line, require_fillable
from apps.data_requests.models import DataRequest, Letter, LetterTemplate, Receipt, RequestLink
from apps.data_requests.services import clocks, fulfilling, moving, whom
from apps.data_requests.services.sweeping import each
from apps.data_requests.states import OVER, Kind, Regime, State
from apps.foundation.actors import SYSTEM, Actor
from apps.foundation.clock import day_of
from apps.foundation.refusals import Refusal
from apps.mail.services import outbox
from apps.mail.services.rendering import AddressUnusable
from apps.staff.models import StaffMember
from apps.staff.services import presence

WORK, WRITE = "data_requests.work_datarequest", "data_requests.write_lettertemplate"
MAIL = "data_requests/letter"
PERSON, ASKER, CLIENT, NOBODY = "person", "asker", "client", "nobody"
A_SWEEP = 500
LONGEST_TEXT = 20_000
LONGEST_SUBJECT = 160
#: days ahead in which an address has its one mail free
DAYS_TRIED = 14


class LetterEmpty(Refusal):
    """There is nothing in it."""

    code = "letter_empty"
    mend = f"Write a title, a subject of one line and a text of {LONGEST_TEXT:,} characters at most."


class NobodyToWriteTo(Refusal):
    """There is no contact on file and no address that was given."""

    code = "letter_nobody"
    mend = "Write by post or call, and write a note that says so."


class ToProvenOnly(Refusal):
    """Nobody proved who asks, so nothing but a question can be sent."""

    code = "letter_unproven"
    mend = "Wait for the proof, or deny the request as not verified; that sends its own letter."


@dataclass(frozen=True)
class Addressee:
    """Who gets a letter: what they are to the request, and where."""

    to: str
    address: str = ""

    def __repr__(self) -> str:
        return f"<addressee {self.to}>"


def addressee(request: DataRequest, *, at: datetime) -> Addressee:
    """Who hears about this request: the person by a contact on file, else the address that was given, else nobody."""
    try:
        known = whom.known(request, at=at)
    except whom.NobodyKnown:
        known = None
    if known is not None:
        return Addressee(PERSON, known.answer_to) if known.answer_to else Addressee(NOBODY)
    asked = words.open_words(request)
    if asked is None or request.person_reference:
        return Addressee(NOBODY)
    given = asked.agent_email or asked.email
    return Addressee(ASKER, given) if given else Addressee(NOBODY)


@transaction.atomic
def send(
    request: DataRequest, *, code: str, to: str, address: str, context: Mapping[str, str], once_key: str, by: Actor | StaffMember, at: datetime
) -> Letter:
    """Send the newest version of that letter by mail, in the caller's transaction; the same `once_key` again is the letter that was sent.

    Without an address it is only recorded: `NOBODY`, or by post. What goes to an address that nobody proved takes the place of its receipt.
    """
    known = Letter.objects.filter(once_key=once_key).first()
    if known is not None:
        return known
    template = newest(code)
    subject, text = written(template, request, context)
    letter = Letter.objects.create(request=request, template=template, to=to if address else NOBODY, once_key=once_key, by=_name(by), sent_at=at)
    mail = ""
    if address:
        mail = _mail(letter, subject, text, address, at)
    facts = {"code": code, "number": template.number, "to": letter.to, "mail": mail}
    ledger.record("request.letter", by=by, about=request.reference, at=at, facts=facts | {"letter": letter.reference})
    return letter


def _mail(letter: Letter, subject: str, text: str, address: str, at: datetime) -> str:
    leaves = at if letter.to != ASKER else _free_day(address, at)
    context = {"letter": letter.reference, "subject": subject, "text": text}
    try:
        queued = outbox.queue(template=MAIL, to=address, context=context, about=letter.request.reference, once_key=once_key(letter), at=leaves)
    except AddressUnusable:
        return ""
    return queued.reference if queued else ""


def once_key(letter: Letter) -> str:
    """By which the outbox knows the mail of a letter."""
    return f"letter:{letter.reference}"


def _free_day(address: str, at: datetime) -> datetime:
    """The next day on which this address had no mail of ours that anybody can cause; taken by this one."""
    digest = hashing.of_email(address)
    for ahead in range(DAYS_TRIED):
        moment = at + timedelta(days=ahead)
        _receipt, is_first = Receipt.objects.get_or_create(address_digest=digest, on=day_of(moment))
        if is_first:
            return moment
    return at + timedelta(days=DAYS_TRIED)


def newest(code: str) -> LetterTemplate:
    template = LetterTemplate.objects.filter(code=code).order_by("-number").first()
    if template is None:
        raise LetterUnknown
    return template


def written(template: LetterTemplate, request: DataRequest, context: Mapping[str, str]) -> tuple[str, str]:
    """Subject and text of a letter, filled."""
    values = {
        "reference": request.reference, "kind": Kind(request.kind).label, "received_on": long_day(request.received_at),
        "address": settings.BASE_URL.rstrip("/"), **context,
    }  # fmt: skip
    missing = sorted(CODES[template.code].fills - values.keys())
    if missing:
        raise ValueError(f"the letter {template.code} needs {', '.join(missing)}")
    return one_line(filled(template.subject, values)), filled(template.body, values)


def long_day(moment: datetime) -> str:
    """A day as Americans write it."""
    return f"{moment:%B} {moment.day}, {moment.year}"


@transaction.atomic
def write_version(*, code: str, title: str, subject: str, body: str, by: StaffMember, at: datetime) -> LetterTemplate:
    """A new version of a letter; what was sent keeps its own. The same text again is the version that stands."""
    writer = presence.lock(by)[by.pk]
    presence.require_right(writer, WRITE)
    said = (one_line(title), one_line(subject), body.replace("\r\n", "\n").replace("\x00", "").strip())
    if not all(said) or len(said[0]) > 120 or len(said[1]) > LONGEST_SUBJECT or len(said[2]) > LONGEST_TEXT:
        raise LetterEmpty
    require_fillable(code, said[1], said[2])
    standing = LetterTemplate.objects.select_for_update().filter(code=code).order_by("-number").first()
    if standing is not None and (standing.title, standing.subject, standing.body) == said:
        return standing
    number = (LetterTemplate.objects.filter(code=code).aggregate(highest=Max("number"))["highest"] or 0) + 1
    template = LetterTemplate.objects.create(code=code, number=number, title=said[0], subject=said[1], body=said[2], made_by=str(writer.actor), made_at=at)
    ledger.record("letter_template.written", by=writer, about=f"{code}/{number}", at=at)
    return template


@transaction.atomic
def by_hand(*, request: DataRequest, code: str, text: str, by: StaffMember, at: datetime) -> Letter:
    """A member of staff writes: a question while it is worked on, or the answer, which ends it once it has left."""
    writer = presence.lock(by)[by.pk]
    presence.require_right(writer, WORK)
    if code not in BY_HAND:
        raise LetterUnknown
    said = text.replace("\r\n", "\n").replace("\x00", "").strip()
    if not said or len(said) > LONGEST_TEXT:
        raise LetterEmpty
    row = moving.locked(request.pk)
    who = addressee(row, at=at)
    if not who.address:
        raise NobodyToWriteTo
    if CODES[code].is_answer:
        fulfilling.require_answerable(row)
        if row.verified_at is None and row.kind != Kind.COMPLAINT:
            raise ToProvenOnly
        moving.move(row, State.ANSWERING, by=writer, at=at)
    key = f"{row.reference}/{code}/{row.letters.count() + 1}"
    return send(row, code=code, to=who.to, address=who.address, context={"text": said}, once_key=key, by=writer, at=at)


def acknowledge_due(*, at: datetime) -> int:
    """Have everybody told that their request arrived and what comes next (11 CCR 7021(a)); returns how many.

    The link to a contact on file says so, and so does the receipt to an address of nobody; whoever asked in another way gets a letter.
    """
    links = RequestLink.objects.filter(request=OuterRef("pk"))
    receipts = Receipt.objects.filter(address_digest=OuterRef("address_digest"), on__gte=Cast(OuterRef("received_at"), DateField()))
    told = Q(verified_at__isnull=False) | Exists(links) | Exists(receipts)
    waiting = DataRequest.objects.in_progress().filter(told, acknowledged_at=None).values_list("pk", flat=True)[:A_SWEEP]
    return each(_acknowledge, waiting, at)


def _acknowledge(pk: int, at: datetime) -> bool:
    request = moving.locked(pk)
    if request.acknowledged_at is not None or request.state in OVER:
        return False
    link = request.links.order_by("pk").first()
    if link is not None:
        clocks.happened(request, clocks.ACKNOWLEDGED, at=link.made_at)
    elif request.verified_at is not None and request.due_at is not None:
        who = addressee(request, at=at)
        send(
            request, code="acknowledgement", to=who.to, address=who.address, context={"due_on": long_day(_last_day(request))},
            once_key=f"{request.reference}/acknowledgement", by=SYSTEM, at=at,
        )  # fmt: skip
        clocks.happened(request, clocks.ACKNOWLEDGED, at=at)
    elif request.address_digest and Receipt.objects.filter(address_digest=request.address_digest, on__gte=day_of(request.received_at)).exists():
        clocks.happened(request, clocks.ACKNOWLEDGED, at=at)
    else:
        return False
    return True


def _last_day(request: DataRequest) -> datetime:
    """By when it is answered: the earliest of its clocks but the one that this letter stops."""
    return request.clocks.running().exclude(regime=Regime.CCPA_ACKNOWLEDGE).values_list("ends", flat=True).first() or request.due_at


@transaction.atomic
def acknowledged_otherwise(*, request: DataRequest, by: StaffMember, at: datetime) -> DataRequest:
    """Staff told whoever asked, by phone or by post, that it arrived and what comes next."""
    teller = presence.lock(by)[by.pk]
    presence.require_right(teller, WORK)
    row = moving.locked(request.pk)
    if row.acknowledged_at is None and row.state not in OVER:
        clocks.happened(row, clocks.ACKNOWLEDGED, at=at)
        ledger.record("request.acknowledged", by=teller, about=row.reference, at=at)
    return row


def _name(by: Actor | StaffMember) -> str:
    return str(by if isinstance(by, Actor) else by.actor)
