"""What the floor of consents holds on people, and how it ends."""

from apps.foundation.personal_data import Holding, Role

HOLDINGS = (
    Holding(
        code="consents.said",
        title="What people allowed, refused and took back, by which text, and what stands",
        role=Role.CONTROLLER,
        tables=("consents_consentevent", "consents_standing"),
        collected="When a person says yes or no: on their preference page, in the product, to staff, or by a signal of their browser.",
        ends="With the person's row: the database removes both at once. Until then what was said never changes.",
    ),
    Holding(
        code="consents.authors",
        title="Who proposed a purpose, and who drafted and approved its texts",
        role=Role.CONTROLLER,
        tables=("consents_consentpurpose", "consents_purposetext"),
        collected="The reference of the member of staff is written when they do it.",
        ends="Kept as long as the text, which people decided on; it is a reference and names nobody by itself.",
    ),
    Holding(
        code="consents.visits",
        title="Links to the preference page, visits by them, and who just asked for one",
        role=Role.CONTROLLER,
        tables=("consents_linkrequest", "consents_accesslink", "consents_visit"),
        collected="When somebody asks for a link by an address, when the product asks for one, and when a link is opened.",
        ends="A request for a link once it is answered, an hour later at most; links and visits a day after their time; all with the person's row.",
    ),
    Holding(
        code="consents.browser_signals",
        title="What a person's browser signalled, and what that did",
        role=Role.CONTROLLER,
        tables=("consents_seensignal",),
        collected="When a page of theirs is asked for with the header Sec-GPC or DNT; no IP address and no user agent with it.",
        ends="With the person's row.",
    ),
    Holding(
        code="consents.signal_switches",
        title="Who asked for and decided on a switch for browser signals, and why",
        role=Role.CONTROLLER,
        tables=("consents_signalswitch",),
        collected="The reference of the member of staff and their reason are written when they do it.",
        ends="Kept as long as the switch, by which signals were answered.",
    ),
)
