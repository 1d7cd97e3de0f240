"""What a preference page says of a person's consents, read from the rows at every visit.

With each text goes a sealed note of what was shown on which visit and when: it comes back with the answer, and is the proof that the
person had the text before their eyes. It must never tell of another person, and never offer a yes without such a note.
"""

from dataclasses import dataclass
from datetime import datetime

from django.core import signing
from django.db.models import Q

from apps.accounts.states import PersonStanding
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, Standing
from apps.consents.models.links import Visit
from apps.consents.purposes import Kind
from apps.consents.states import ConsentAct, How
from apps.foundation.refusals import Refusal
from apps.policies.vocabulary import CATEGORIES

SALT = "consents.shown"
LONGEST_HISTORY = 100


class AnswerUnknown(Refusal):
    """That is no answer to what was asked on the page. Nothing was changed."""

    code = "answer_unknown"
    mend = "Use the buttons below."


@dataclass(frozen=True)
class Shown:
    """Which text of which purpose was on the page, and when."""

    purpose: str
    text: int
    digest: bytes
    at: datetime


def seal_shown(text: PurposeText, *, visit: Visit, at: datetime) -> str:
    """The note that goes with a text, bound to the visit: it is worth nothing on another one."""
    return signing.dumps([text.purpose_id, text.number, bytes(text.digest).hex(), at.isoformat(), visit.pk], salt=SALT)


def read_shown(note: str, *, visit: Visit) -> Shown:
    """What a note says. Raises AnswerUnknown for anything that this page did not write on this visit."""
    try:
        purpose, number, digest, shown_at, pk = signing.loads(note, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        raise AnswerUnknown from None
    if pk != visit.pk:
        raise AnswerUnknown
    return Shown(purpose, number, bytes.fromhex(digest), datetime.fromisoformat(shown_at))


def read(visit: Visit, *, at: datetime) -> dict:
    """Every purpose that may be given or still stands, and all that this person ever said."""
    person = visit.person
    standings = {row.purpose_id: row for row in Standing.objects.filter(person=person).select_related("event", "text")}
    standing_on = {code for code, row in standings.items() if row.stands}
    purposes = ConsentPurpose.objects.filter(Q(is_open=True) | Q(pk__in=standing_on))
    texts = {text.purpose_id: text for text in PurposeText.objects.in_force(at).filter(purpose__in=purposes)}
    order = list(Kind)
    shown = sorted((purpose for purpose in purposes if purpose.pk in texts), key=lambda purpose: (order.index(purpose.kind), purpose.pk))
    said = ConsentEvent.objects.filter(person=person).select_related("purpose", "text", "policy_version").prefetch_related("erasures")
    history = list(said.order_by("-at", "-id")[: LONGEST_HISTORY + 1])
    return {
        "purposes": [_shown(purpose, texts[purpose.pk], standings.get(purpose.pk), visit=visit, at=at) for purpose in shown],
        "history": [{"event": event, "went": _went(event)} for event in history[:LONGEST_HISTORY]], "is_history_cut": len(history) > LONGEST_HISTORY,
        "is_active": person.standing == PersonStanding.ACTIVE,
    }  # fmt: skip


def _went(event: ConsentEvent) -> str:
    """What was erased after it, kind by kind, in words; empty where nothing looked for anything."""
    rows = list(event.erasures.all())
    said = [
        f"{row.kind.replace('_', ' ').replace('-', ' ')}: {row.erased} erased"
        + (f", {row.kept_for_hold} kept apart for now because the law asks for it" if row.kept_for_hold else "")
        for row in rows
        if row.erased or row.kept_for_hold
    ]
    return "; ".join(said) or ("nothing had been collected" if rows else "")


def _shown(purpose: ConsentPurpose, text: PurposeText, standing: Standing | None, *, visit: Visit, at: datetime) -> dict:
    """One purpose: the text that an answer is about, what stands, and which answers make sense."""
    stands = standing is not None and standing.stands and (standing.until is None or standing.until > at)
    is_newer = stands and standing.text_id != text.pk
    said = standing.event.act if standing is not None else ""
    is_refused = said == ConsentAct.REFUSED and not stands
    active = visit.person.standing == PersonStanding.ACTIVE
    return {
        "purpose": purpose, "text": text, "standing": standing, "stands": stands, "is_newer": is_newer,
        "given_text": standing.text if is_newer else None,
        "is_over": standing is not None and standing.stands and not stands,
        "is_refused": is_refused, "is_withdrawn": said == ConsentAct.WITHDRAWN and not stands,
        "by_signal": standing is not None and standing.event.how == How.SIGNAL,
        "categories": sorted(str(CATEGORIES[category]) for category in text.categories if category in CATEGORIES),
        "may_give": purpose.is_open and active and (not stands or is_newer),
        "may_refuse": purpose.is_open and not stands and not is_refused and said != ConsentAct.WITHDRAWN,
        "note": seal_shown(text, visit=visit, at=at),
    }  # fmt: skip


def event_of(visit: Visit, reference: str) -> ConsentEvent:
    """One thing that this visitor said. Anybody else's is as unknown as one that never was."""
    rows = ConsentEvent.objects.select_related("purpose", "person", "policy_version", "text", "text__purpose")
    event = rows.filter(person=visit.person, reference=reference).first()
    if event is None:
        raise AnswerUnknown("There is no such entry of yours.")
    return event
