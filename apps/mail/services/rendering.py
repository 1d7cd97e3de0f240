"""Makes subject and text of a mail from a template: templates/mail/<name>.txt, whose first line is `Subject: …`.

Nothing a person wrote may become a header: the subject is rendered on its own and folded to one line, the address is one
address. Values are not escaped for HTML: it is plain text.
"""

import re
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.template import Context, Template, engines

from apps.foundation.refusals import Refusal

NAME = re.compile(r"[a-z0-9_]+(/[a-z0-9_]+)?\Z")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: what may stand in `List-Unsubscribe: <…>`: printing ASCII without the angle brackets that end it
WEB_ADDRESS = re.compile(r"https?://[!-;=?-~]{1,190}\Z")
#: RFC 5322 §3.6.4, without what only quoting would allow
MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>\Z")
SUBJECT_LENGTH = 200
START = "Subject: "


class AddressUnusable(Refusal):
    """That is not one usable e-mail address."""

    code = "address_unusable"
    mend = "Correct the e-mail address and try again."


def address(text: str) -> str:
    """`text` as one e-mail address, or AddressUnusable (which does not repeat it)."""
    text = text.strip()
    try:
        validate_email(text)
    except ValidationError:
        raise AddressUnusable from None
    if CONTROL.search(text) or len(text) > 254:
        raise AddressUnusable
    return text


def unsubscribe_address(text: str) -> str:
    """`text` as an address that can't break out of its header. Whatever else is a defect: no person ever types it."""
    if not WEB_ADDRESS.match(text):
        raise ValueError("an address to unsubscribe at begins with http and has neither spaces, angle brackets nor control characters")
    return text


def is_message_id(text: str) -> bool:
    """Whether `text` can name a mail in a header without breaking out of it."""
    return MESSAGE_ID.match(text) is not None


def render(template: str, context: dict) -> tuple[str, str]:
    """Subject (one line) and text of the mail that `template` makes of `context`."""
    subject_template, text_template = _load(template, settings.DEBUG)
    values = Context({"base_url": settings.BASE_URL, **context}, autoescape=False)
    subject = CONTROL.sub(" ", subject_template.render(values)).strip()
    text = UNPRINTABLE.sub("", text_template.render(values).replace("\r\n", "\n").replace("\r", "\n"))
    return subject[:SUBJECT_LENGTH], text.strip() + "\n"


@lru_cache(maxsize=64)
def _load(name: str, _debug: bool) -> tuple[Template, Template]:
    if not NAME.match(name):
        raise ValueError("a mail template is named like retention/certificate_issued")
    engine = engines["django"].engine
    source = engine.get_template(f"mail/{name}.txt").source
    first, _newline, rest = source.partition("\n")
    if not first.startswith(START):
        raise ValueError(f"the first line of the mail template {name} must be its subject")
    return engine.from_string(first.removeprefix(START)), engine.from_string(rest)
