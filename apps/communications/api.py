"""What the product shows of announcements: those that a person allowed in the product, and only while they allow it."""

from datetime import datetime

from django.http import Http404, HttpRequest
from ninja import Router, Schema

from apps.accounts.api import ERRORS, PersonReference
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person
from apps.communications.services.announcements import showing
from apps.foundation import clock

router = Router()


class AnnouncementOut(Schema):
    reference: str
    kind: str
    subject: str
    words: str
    shown_from: datetime


class AnnouncementsOut(Schema):
    announcements: list[AnnouncementOut]


@router.get(
    "/people/{reference}/announcements",
    auth=ServiceTokenAuth("people"),
    response={200: AnnouncementsOut, **ERRORS},
    summary="List what a person is to see in the product",
    tags=["communications"],
)
def announcements(request: HttpRequest, reference: PersonReference):
    """Releases, patches and updates, newest first. Empty from the moment at which the person no longer allows them; keep no copy."""
    person = Person.objects.filter(reference=reference).first()
    if person is None:
        raise Http404
    return {"announcements": showing.shown_to(person=person, at=clock.now())}
