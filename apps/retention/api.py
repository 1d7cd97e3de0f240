"""The API of Message Data: a sending service hands messages over as a stream of lines, and may read one back by its id.

The body is read as it arrives and never kept: memory is the same for ten lines and for ten million. What can't be taken
in is answered with its line number and reason while the rest goes in.
"""

from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from apps.accounts.bearer import ServiceTokenAuth
from apps.accounts.models import Organization
from apps.accounts.services import tokens
from apps.accounts.services.registration import organization_by_reference
from apps.foundation import clock
from apps.foundation.refusals import Refusal
from apps.retention.importing import ndjson
from apps.retention.services import batches, ingest, reading

router = Router(tags=["messages"])

REFERENCE = Field(pattern=r"^ORG-[0-9A-Z]{5,12}$", description="Reference of the organization", examples=["ORG-7F3K2M9"])
NAME = Field(pattern=r"^[A-Za-z0-9._:-]{1,100}$", description="Your name of the batch; the same name is taken in once")
SOURCE_NAME = Field(pattern=r"^[a-z0-9_-]{1,40}$", description="The system whose ids the messages carry")

NDJSON_BODY = {
    "requestBody": {
        "required": True,
        "description": (
            "One JSON object a line. A message: id, conversation, sent_at (RFC 3339), sender and recipients as {id or email,"
            " name}, body; may have class, thread, edited_at, attachments. A deletion: id, sent_at, deleted_at.\n\n"
            "An attachment is an object with any of kind, id, name, title, text, media_type, size, address, content. An address"
            " is kept as text and never fetched. `content` is the file itself in base64 (RFC 4648 §4); its attachment has a"
            " name, and a size that fits if it says one. The file is a part of the message: encrypted under the same key,"
            " covered by its proof hash, archived and destroyed with it, shared with no other message. The files of a message"
            f" together may have {settings.RETENTION_LARGEST_ATTACHMENTS_BYTES:,} bytes here; a line with more is refused as"
            " attachments_too_large while the rest goes in."
        ),
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "format": "binary"},
                "example": (
                    '{"id": "m1", "conversation": "c1", "sent_at": "2026-03-08T12:00:00Z", "sender": {"email": "ada@client.example"},'
                    ' "recipients": [], "body": "The plan.", "attachments": [{"name": "plan.txt", "media_type": "text/plain",'
                    ' "content": "U3RlcCBvbmUuCg=="}]}'
                ),
            }
        },
    }
}


class NotAStream(Refusal):
    """The body must be lines of JSON, with the content type application/x-ndjson."""

    code = "not_ndjson"
    mend = "Send the header “Content-Type: application/x-ndjson”."


class RefusedLineOut(Schema):
    line: int
    code: str
    why: str


class BatchOut(Schema):
    """What became of a batch: counts by outcome, and each refused line with its number and reason."""

    batch: str
    organization: str
    source: str
    lines: int
    accepted: int
    duplicates: int
    replaced: int
    deleted: int
    refused: int
    kinds: dict[str, int]
    refused_lines: list[RefusedLineOut]
    refused_lines_not_shown: int


class ReadIn(Schema):
    organization: str = REFERENCE
    source: Annotated[str, SOURCE_NAME] = "product"
    id: str = Field(min_length=1, max_length=200)
    sent_at: datetime = Field(description="As it was sent, with its offset")
    conversation_class: str = Field("", alias="class", max_length=40)


def _organization(request: HttpRequest, reference: str) -> tuple[Organization, Any]:
    token = tokens.authenticate(request.headers.get("Authorization"), scope="messages", at=clock.now())
    tokens.require_organization(token, reference)
    return organization_by_reference(reference), token.actor


class _Body:
    """The request's body as it arrives. Django stops at Content-Length; a chunked body has none and ends by itself."""

    def __init__(self, request: HttpRequest):
        chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
        ends_by_itself = request.META.get("wsgi.input_terminated", False)
        self._stream = request.META["wsgi.input"] if chunked and ends_by_itself else request

    def read(self, size: int) -> bytes:
        return self._stream.read(size)


@router.post("/messages", auth=ServiceTokenAuth("messages"), response=BatchOut, openapi_extra=NDJSON_BODY, summary="Hand over a batch of messages")
def take_messages(
    request: HttpRequest,
    organization: Annotated[str, Query(), REFERENCE],
    batch: Annotated[str, Query(), NAME],
    source: Annotated[str, Query(), SOURCE_NAME] = "product",
):
    """Takes in a stream of messages. Send the same batch again after a broken connection: it goes on where it stopped."""
    owner, actor = _organization(request, organization)
    if request.content_type != "application/x-ndjson":
        raise NotAStream
    opened = batches.open_batch(organization=owner, source=source, key=batch, by=actor, at=clock.now())
    reader = ndjson.read(_Body(request), longest_line=settings.RETENTION_LONGEST_LINE_BYTES)
    return batches.summary(ingest.feed(batch=opened, reader=reader, by=actor, now=clock.now))


@router.post("/messages/read", auth=ServiceTokenAuth("messages"), summary="Read one message back while it lives")
def read_message(request: HttpRequest, wanted: ReadIn) -> dict[str, Any]:
    """Answers the message as it came, its files with it, or 410 once its life is over, with the number of the certificate."""
    owner, _actor = _organization(request, wanted.organization)
    return reading.read_message(
        organization=owner, source=wanted.source, message_id=wanted.id, sent_at=wanted.sent_at,
        conversation_class=wanted.conversation_class, at=clock.now(),
    )  # fmt: skip
