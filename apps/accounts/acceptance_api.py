"""The API by which the product tells that a person accepted the policy in force, or went on using the service under it."""

from datetime import datetime
from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from apps.accounts.api import ERRORS, Asked, PersonReference
from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Person
from apps.accounts.services import acceptance, registration, tokens
from apps.foundation import clock

router = Router()


class AcceptanceIn(Asked):
    version: Annotated[int, Field(ge=1, le=1_000_000, description="Number of the version that the person was shown, or used the service under.")]
    how: Literal["accepted", "continued_use"] = "accepted"
    at: Annotated[str | None, Field(max_length=40, description="When it was said (RFC 3339, with a time zone). Left out: now.")] = None


class AcceptanceOut(Schema):
    reference: str
    version: int
    how: str
    at: datetime


@router.post(
    "/people/{reference}/policy-acceptance", auth=ServiceTokenAuth("people"), response={201: AcceptanceOut, 200: AcceptanceOut, **ERRORS},
    summary="A person accepted the policy, or went on using the service under it", tags=["accounts"],
)  # fmt: skip
def accept(request: HttpRequest, reference: PersonReference, given: AcceptanceIn):
    """201 when it is new; 200 with what stands when it was told before. 422 where another version was in force then."""
    person = Person.objects.select_related("organization").filter(reference=reference).first()
    if person is None:
        raise registration.PersonUnknown
    tokens.require_organization(request.auth, person.organization.reference if person.organization else None)
    row, is_new = acceptance.record(
        person=person, version=given.version, how=given.how, by=request.auth.actor, at=clock.now(), said_at=_moment(given.at)
    )
    said = {"reference": row.reference, "version": row.policy_version.number, "how": row.how, "at": row.at}
    return Status(201 if is_new else 200, said)


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise acceptance.MomentNotFit from None
    if moment.tzinfo is None:
        raise acceptance.MomentNotFit
    return moment
