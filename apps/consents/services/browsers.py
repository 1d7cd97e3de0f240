"""Signals of browsers (Global Privacy Control, Do Not Track): written down where the person is known, and answered.

| signal | answer |
|---|---|
| Do Not Track | noted; the policy in force says what is made of it |
| Global Privacy Control, no switch in force | noted |
| Global Privacy Control, honoured by a switch | a no to each disclosure that was never allowed; what was allowed expressly stands |

Where a signal and an express consent disagree, the consent is left alone and the person is shown the conflict (11 CCR 7025).

It must never say yes for anybody, end what a person allowed expressly, or keep an IP address or a user agent.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from apps.accounts.models import Person
from apps.audit.services import ledger
from apps.consents.heeding import HEADERS, Effect, Signal, SignalAnswer
from apps.consents.models import ConsentPurpose, PurposeText, Standing
from apps.consents.models.browsers import SeenSignal, SignalEffect, SignalSwitch
from apps.consents.purposes import Kind
from apps.consents.services import giving
from apps.consents.states import How
from apps.foundation.actors import Actor
from apps.policies.models import Clause, PolicyVersion

#: where the policy speaks of cookies and of signals
PROMISE = "P10"
#: a page that is clicked often is not written to at each click
WRITTEN_EVERY = timedelta(minutes=1)


def read(headers: Mapping[str, str]) -> tuple[Signal, ...]:
    """The signals that a request carries. Whatever is not "1" is none."""
    return tuple(signal for signal, header in HEADERS.items() if headers.get(header, "").strip() == "1")


def switch_in_force(at: datetime) -> SignalSwitch | None:
    """The decision that holds on Global Privacy Control; None where nobody ever decided."""
    return SignalSwitch.objects.in_force(at).first()


def is_honoured(signal: Signal, *, at: datetime) -> bool:
    switch = switch_in_force(at)
    return signal == Signal.GPC and switch is not None and switch.is_honoured


@transaction.atomic
def note(*, person: Person, signals: Iterable[Signal], at: datetime) -> list[SeenSignal]:
    """Write down what a person's browser signals, and act on what is honoured. Again and again is once."""
    signals = list(dict.fromkeys(signals))
    version = PolicyVersion.objects.in_force(at).first()
    if not signals or version is None:
        return []
    switch = switch_in_force(at)
    return [_note(person, signal, version=version, switch=switch, at=at) for signal in signals]


def _note(person: Person, signal: Signal, *, version: PolicyVersion, switch: SignalSwitch | None, at: datetime) -> SeenSignal:
    heard = signal == Signal.GPC and switch is not None
    answer = SignalAnswer.HONOURED if heard and switch.is_honoured else SignalAnswer.NOTED
    seen, is_new = SeenSignal.objects.get_or_create(
        person=person, signal=signal, policy_version=version, switch=switch if heard else None, answer=answer,
        defaults={"first_at": at, "last_at": at},
    )  # fmt: skip
    if is_new:
        facts = {"signal": signal.value, "answer": answer.value, "policy": version.reference}
        ledger.record("signal.seen", by=Actor("person", person.reference), about=person.reference, at=at, facts=facts)
    elif at - seen.last_at >= WRITTEN_EVERY:
        seen.last_at = at
        seen.save(update_fields=["last_at"])
    if answer == SignalAnswer.HONOURED:
        _honour(seen, person, at=at)
    return seen


def _honour(seen: SeenSignal, person: Person, *, at: datetime) -> None:
    """A no to each disclosure that the person never decided on; where they allowed one, the conflict is written down."""
    purposes = ConsentPurpose.objects.filter(kind=Kind.DISCLOSURE, is_open=True).order_by("code")
    standings = {row.purpose_id: row for row in Standing.objects.filter(person=person, purpose__in=purposes).select_related("event")}
    texts = {text.purpose_id: text for text in PurposeText.objects.in_force(at).filter(purpose__in=purposes)}
    for purpose in purposes:
        standing = standings.get(purpose.pk)
        if standing is not None and standing.stands and (standing.until is None or standing.until > at):
            _did(seen, purpose, Effect.CONFLICT, standing.event.reference, at=at)
        elif standing is None and purpose.pk in texts:
            event = giving.refuse(
                person=person, purpose=purpose.pk, text=texts[purpose.pk].number, shown=None, shown_at=None, how=How.SIGNAL,
                where=seen.signal, by=Actor("person", person.reference), at=at,
            )  # fmt: skip
            _did(seen, purpose, Effect.REFUSED, event.reference, at=at)


def _did(seen: SeenSignal, purpose: ConsentPurpose, effect: Effect, event: str, *, at: datetime) -> None:
    _row, is_new = SignalEffect.objects.get_or_create(seen=seen, purpose=purpose, effect=effect, consent_event=event, defaults={"at": at})
    if is_new:
        facts = {"signal": seen.signal, "purpose": purpose.pk, "effect": effect.value}
        ledger.record("signal.heeded", by=Actor("person", seen.person.reference), about=event, at=at, facts=facts)


def told(*, person: Person, signals: Iterable[Signal], at: datetime) -> dict:
    """What a person is told of it: what their browser signals now, how that is answered, and what signals did before."""
    version = PolicyVersion.objects.in_force(at).first()
    clause = Clause.objects.filter(version=version, promises__contains=[PROMISE]).order_by("position").first() if version else None
    effects = SignalEffect.objects.filter(seen__person=person).select_related("purpose", "seen").order_by("-id")[:20]
    standing = set(Standing.objects.standing(at).filter(person=person).values_list("purpose_id", flat=True))
    return {
        "now": [{"signal": signal, "label": signal.label, "is_honoured": is_honoured(signal, at=at)} for signal in signals],
        "effects": [
            {"effect": row, "is_conflict": row.effect == Effect.CONFLICT, "stands": row.purpose_id in standing} for row in effects
        ],
        "version": version, "clause": clause,
    }  # fmt: skip
