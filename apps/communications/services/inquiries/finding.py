"""Whose inquiry it is, and which inquiry a mail belongs to. Questions only: nothing here changes anything.

A reply joins an inquiry only where it names it and comes from the address that opened it. Whoever guesses a reference, or was sent a
copy, begins an inquiry of their own: nobody's words may stand among another's.
"""

import re

from django.conf import settings

from apps.accounts.details import normalise_email
from apps.accounts.models import Person, PersonEmail
from apps.communications import texts
from apps.communications.models import Inquiry, ReceivedMail
from apps.communications.receiving.reading import Letter
from apps.mail.models import OutgoingMail

IN_SUBJECT = re.compile(r"\bINQ-[0-9A-HJKMNP-TV-Z]{7}\b")
OURS = re.compile(r"<(MAIL-[0-9A-HJKMNP-TV-Z]{7,11})@([!-;=?-~]+)>")


def person_of(address: str) -> Person | None:
    """Whose address it is; nobody where two clients know somebody by it, for then it can't be told who writes."""
    known = PersonEmail.objects.filter(normalised=normalise_email(address)).select_related("person").order_by("pk")[:2]
    people = {email.person_id: email.person for email in known}
    return next(iter(people.values())) if len(people) == 1 else None


def thread_of(letter: Letter) -> Inquiry | None:
    """The inquiry that a mail goes on with: the one of this sender that it names, the newest first."""
    named = set(IN_SUBJECT.findall(letter.subject.upper())) | named_by_our_mail(letter.references)
    own = [texts.keyed("mail", reference, normalise_email(letter.sender)) for reference in letter.references]
    by_mail = ReceivedMail.objects.filter(digest__in=own).exclude(inquiry=None).values_list("inquiry__reference", flat=True)
    inquiries = Inquiry.objects.of_sender(texts.sender_digest(letter.sender)).filter(reference__in=named | set(by_mail))
    return inquiries.order_by("-pk").first()


def named_by_our_mail(references: tuple[str, ...], prefix: str = "INQ-") -> set[str]:
    """What mails of ours were about, where they are named by their Message-ID: inquiries, or what else has that prefix."""
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    ours = [found[1] for found in map(OURS.fullmatch, references) if found and found[2] == domain]
    about = OutgoingMail.objects.filter(reference__in=ours, about__startswith=prefix).values_list("about", flat=True)
    return set(about)
