"""What may happen to a text, to a consent, and by what way a person said it."""

from django.db.models import TextChoices


class TextState(TextChoices):
    DRAFT = "draft", "draft"
    PUBLISHED = "published", "published"


TEXT_MOVES = {
    TextState.DRAFT: {TextState.PUBLISHED},
    TextState.PUBLISHED: set(),
}


class ConsentAct(TextChoices):
    """What the ledger of consents tells of: the last one says what stands."""

    GIVEN = "given", "given"
    REFUSED = "refused", "refused"
    WITHDRAWN = "withdrawn", "withdrawn"
    EXPIRED = "expired", "expired"


#: what may come after what; None: nothing was said before. A consent that stands is withdrawn, and never merely refused.
ACT_MOVES: dict[str | None, set[str]] = {
    None: {ConsentAct.GIVEN, ConsentAct.REFUSED, ConsentAct.WITHDRAWN},  # withdrawn: a journal told it to a restored database
    ConsentAct.GIVEN: {ConsentAct.GIVEN, ConsentAct.WITHDRAWN, ConsentAct.EXPIRED},
    ConsentAct.REFUSED: {ConsentAct.GIVEN, ConsentAct.REFUSED, ConsentAct.WITHDRAWN},
    ConsentAct.WITHDRAWN: {ConsentAct.GIVEN, ConsentAct.REFUSED, ConsentAct.WITHDRAWN},
    ConsentAct.EXPIRED: {ConsentAct.GIVEN, ConsentAct.REFUSED, ConsentAct.WITHDRAWN},
}


class How(TextChoices):
    """By what way it reached us."""

    PREFERENCE_PAGE = "preference_page", "preference page"
    API = "api", "the product"
    STAFF = "staff", "told to staff"
    ONE_CLICK = "one_click", "one click in a mail"
    SIGNAL = "signal", "a signal of the browser"
    IMPORT = "import", "an import"
    CLOCK = "clock", "its time was over"


#: these ways can say no and never yes
ONLY_NO = frozenset({How.ONE_CLICK, How.SIGNAL, How.CLOCK})
