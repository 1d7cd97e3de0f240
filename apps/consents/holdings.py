"""What the floor of consents holds on people, and how it ends."""

from django.db.models import Q

from apps.accounts.details import normalise_email
from apps.consents.models import AccessLink, ConsentEvent, LinkRequest, SeenSignal, SignalEffect, Standing, Visit
from apps.foundation.held import Held, Rows
from apps.foundation.personal_data import Holding, Role, Subject, Whom


def _theirs(subject: Subject) -> Q:
    return Q(person_id=subject.pk)


def _of_their_signals(subject: Subject) -> Q:
    return Q(seen__person_id=subject.pk)


def _by_their_address(subject: Subject) -> Q:
    return Q(address__in=[normalise_email(address) for address in subject.emails])


SAID = Held((
    Rows("What stands of what you allowed", Standing, _theirs, ("purpose", "stands", "text", "since", "until", "asked_again_from")),
    Rows(
        "What you allowed, refused and took back", ConsentEvent, _theirs,
        ("reference", "purpose", "act", "at", "until", "text", "how", "where", "shown_at", "policy_version"),
    ),
))  # fmt: skip
VISITS = Held((
    Rows("Links you asked for and did not get yet", LinkRequest, _by_their_address, ("address", "asked_at")),
    Rows("Visits to your preference page", Visit, _theirs, ("began_at", "expires_at", "ended_at")),
    Rows("Links to your preference page", AccessLink, _theirs, ("way", "made_at", "expires_at", "spent_at")),
))  # fmt: skip
SIGNALS = Held((
    Rows("What signals of your browser did", SignalEffect, _of_their_signals, ("purpose", "effect", "at")),
    Rows("Signals of your browser", SeenSignal, _theirs, ("signal", "answer", "first_at", "last_at", "policy_version")),
))  # fmt: skip

HOLDINGS = (
    Holding(
        code="consents.said",
        title="What people allowed, refused and took back, by which text, and what stands",
        role=Role.CONTROLLER,
        tables=("consents_consentevent", "consents_standing"),
        collected="When a person says yes or no: on their preference page, in the product, to staff, or by a signal of their browser.",
        ends="With the person, once their account is closed. Until then what was said never changes, and the database lets none of it go.",
        count=SAID.count,
        collect=SAID.collect,
        erase=SAID.erase,
    ),
    Holding(
        code="consents.authors",
        title="Who proposed a purpose, and who drafted and approved its texts",
        role=Role.CONTROLLER,
        tables=("consents_consentpurpose", "consents_purposetext"),
        collected="The reference of the member of staff is written when they do it.",
        ends="Kept as long as the text, which people decided on; it is a reference and names nobody by itself.",
        whom=Whom.STAFF,
    ),
    Holding(
        code="consents.visits",
        title="Links to the preference page, visits by them, and who just asked for one",
        role=Role.CONTROLLER,
        tables=("consents_linkrequest", "consents_accesslink", "consents_visit"),
        collected="When somebody asks for a link by an address, when the product asks for one, and when a link is opened.",
        ends="A request for a link once it is answered, an hour later at most; links and visits a day after their time; all with the person's row.",
        count=VISITS.count,
        collect=VISITS.collect,
        erase=VISITS.erase,
    ),
    Holding(
        code="consents.browser_signals",
        title="What a person's browser signalled, and what that did",
        role=Role.CONTROLLER,
        tables=("consents_seensignal",),
        collected="When a page of theirs is asked for with the header Sec-GPC or DNT; no IP address and no user agent with it.",
        ends="With the person's row.",
        count=SIGNALS.count,
        collect=SIGNALS.collect,
        erase=SIGNALS.erase,
    ),
    Holding(
        code="consents.signal_switches",
        title="Who asked for and decided on a switch for browser signals, and why",
        role=Role.CONTROLLER,
        tables=("consents_signalswitch",),
        collected="The reference of the member of staff and their reason are written when they do it.",
        ends="Kept as long as the switch, by which signals were answered.",
        whom=Whom.STAFF,
    ),
)
