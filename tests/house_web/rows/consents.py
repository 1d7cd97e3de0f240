"""Purposes, a text in each state, what people said with its receipt, what stands, and what browsers signalled."""

from datetime import timedelta

from apps.consents.heeding import Signal
from apps.consents.models import ConsentEvent, ConsentPurpose, PurposeText, SeenSignal, SignalSwitch, Standing
from apps.consents.services import asking, browsers, giving, switching, texts
from apps.consents.states import How
from apps.foundation.actors import Actor
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import NOON
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import FORMULAS, Rows, Scene

CODES = ("survey", "benefits", "training")
WORDS = {"words": "We compare more.", "collected": "E-mail addresses.", "lost_without": "You see less.", "categories": ["contact"], "months": 12}


def analyst() -> StaffMember:
    return StaffMember.objects.filter(username="fay").first() or cast.staff("fay", Role.PRIVACY_ANALYST)


def purpose(number: int) -> ConsentPurpose:
    return texts.propose(
        code=CODES[number], title=FORMULAS[number], recipient="PRV-7F3K2MP", disclosure_purpose="analytics", by=analyst(), at=NOON
    )


def text(number: int) -> PurposeText:
    """The next text of one of the purposes that come with the software."""
    built_in = ConsentPurpose.objects.get(pk=("contacts", "calendar", "announcements_email")[number])
    return texts.draft(purpose=built_in, **WORDS, by=analyst(), at=NOON)


def asked() -> PurposeText:
    drafted = text(0)
    texts.ask(text=drafted, by=analyst(), at=NOON)
    return drafted


def said(number: int) -> ConsentEvent:
    """Two that said yes and one that said no."""
    person, shown = accounts.person(number), asking.text_in_force(purpose="contacts", at=NOON)
    say = giving.refuse if number == 2 else giving.give
    return say(
        person=person, purpose="contacts", text=shown.number, shown=bytes(shown.digest), shown_at=NOON - timedelta(minutes=1),
        how=How.PREFERENCE_PAGE, by=Actor("person", person.reference), at=NOON,
    )  # fmt: skip


def standing(number: int) -> Standing:
    return Standing.objects.get(event=said(number))


def switch() -> SignalSwitch:
    return switching.ask(is_honoured=True, from_at=NOON, reason="The law asks for it.", by=analyst(), at=NOON)


def decided(_number: int) -> SignalSwitch:
    return switching.reject(switch=switch(), by=cast.cleo(), at=NOON)


def signal(number: int) -> SeenSignal:
    return browsers.note(person=accounts.person(number), signals=[(Signal.GPC, Signal.DNT)[number % 2]], at=NOON)[0]


ROWS = {
    ConsentPurpose: Rows(purpose, planted=True, fixed=True, scans=("=recipient",)),
    PurposeText: Rows(text, queries=5, more="the purposes to filter by", fixed=True),
    ConsentEvent: Rows(said, queries=5, more="the purposes to filter by"),
    SignalSwitch: Rows(decided),
    SeenSignal: Rows(signal, queries=5, more="what each signal did"),
    Standing: Rows(standing, queries=5, more="the purposes to filter by"),
}

SCENES = {
    (SignalSwitch, "approve"): Scene(lambda _member: switch()),
    (SignalSwitch, "reject"): Scene(lambda _member: switch()),
    (ConsentPurpose, "draft"): Scene(lambda _member: purpose(0), WORDS),
    (ConsentPurpose, "close"): Scene(lambda _member: ConsentPurpose.objects.get(pk="contacts")),
    (PurposeText, "ask"): Scene(lambda _member: text(0)),
    (PurposeText, "publish"): Scene(lambda _member: asked()),
    (PurposeText, "reject"): Scene(lambda _member: asked()),
    (Standing, "withdraw"): Scene(lambda _member: standing(0), {"where": "INQ-7F3K2MP"}),
}
