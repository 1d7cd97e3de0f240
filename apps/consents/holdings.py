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
)
