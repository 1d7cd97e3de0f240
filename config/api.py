"""The API for sending services: one document, described by OpenAPI at /api/v1/openapi.json.

Every error has one shape, {"error": {code, what, mend}}, and none repeats what was sent in: answers end up in the logs of
others. Who is refused with which status stands in one table, by the refusal's code.
"""

import json
import re
from typing import Any

import structlog
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.parser import Parser

from apps.accounts.acceptance_api import router as acceptance
from apps.accounts.api import router as accounts
from apps.communications.api import router as communications
from apps.consents.api import router as consents
from apps.consents.links_api import router as preference_links
from apps.contacts.api import router as contacts
from apps.data_requests.api import router as data_requests
from apps.foundation.refusals import Refusal
from apps.gate.api import router as gate
from apps.retention.api import router as retention

log = structlog.get_logger(__name__)

LARGEST_BODY = 65_536  # of a registration; messages come as a stream, which this does not read
NAME = re.compile(r"^[a-z][a-z0-9_]{0,39}$")

#: 422 where a code is not named
STATUS: dict[str, int] = {
    "token_missing": 401,
    "token_unknown": 401,
    "token_not_for_this": 403,
    "organization_unknown": 404,
    "person_unknown": 404,
    "request_unknown": 404,
    "question_unknown": 404,
    "no_such_message": 404,
    "purpose_unknown": 404,
    "consent_unknown": 404,
    "permit_unknown": 404,
    "not_found": 404,
    "email_taken": 409,
    "linked_account_taken": 409,
    "person_not_active": 409,
    "person_closed": 409,
    "age_under_case": 409,
    "minor_represented": 409,
    "registration_closed": 409,
    "identity_taken": 409,
    "identities_disagree": 409,
    "organization_departed": 409,
    "idempotency_key_reused": 409,
    "batch_key_used": 409,
    "text_not_in_force": 409,
    "purpose_closed": 409,
    "giver_not_active": 409,
    "consent_stands": 409,
    "package_changed": 409,
    "question_answered": 409,
    "permit_spent": 409,
    "account_closed": 409,
    "too_many_links": 429,
    "recipient_differs": 409,
    "message_gone": 410,
    "permit_lapsed": 410,
    "body_too_large": 413,
    "not_ndjson": 415,
    "clock_in_doubt": 503,
    "journal_out_of_step": 503,
    "leaf_missing": 503,
    "no_policy_in_force": 503,
}


class BodyTooLarge(Refusal):
    """The body is larger than a registration ever is."""

    code = "body_too_large"
    mend = f"Send at most {LARGEST_BODY:,} bytes, one registration a request."


class BodyNotJson(Refusal):
    """The body is not a JSON object."""

    code = "body_not_json"
    mend = "Send one JSON object in UTF-8, with the header “Content-Type: application/json”."


class CappedParser(Parser):
    """Reads small JSON bodies only, and says in our words what is wrong with them."""

    def parse_body(self, request: HttpRequest) -> Any:
        try:
            if len(request.body) > LARGEST_BODY:
                raise BodyTooLarge
            body = json.loads(request.body, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise BodyNotJson from None
        if not isinstance(body, dict):
            raise BodyNotJson
        return body


def _refuse_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are no JSON")


api = NinjaAPI(
    title="Covenant",
    version="1",
    description=(
        "Registers organizations and people, takes in messages, and says whether something may leave. Every request shows the token of its service. "
        "Every error has the form {“error”: {“code”, “what”, “mend”}} and repeats nothing of what was sent."
    ),
    urls_namespace="api-v1",
    docs_url=None,
    parser=CappedParser(),
)


def _answer(request: HttpRequest, error: dict[str, Any], status: int) -> HttpResponse:
    response = api.create_response(request, {"error": error}, status=status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    response.headers["Cache-Control"] = "no-store"
    return response


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return _answer(request, refusal.as_dict(), STATUS.get(refusal.code, 422))


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Names the fields and what is wrong with each; pydantic's own words could repeat a value."""
    fields = [{"field": _path(each["loc"]), "problem": each["type"]} for each in error.errors[:20]]
    return _answer(
        request,
        {
            "code": "body_not_valid",
            "what": "Some fields do not fit.",
            "mend": "Correct the named fields; /api/v1/openapi.json describes them.",
            "fields": fields,
        },
        422,
    )


def _path(location: tuple) -> str:
    """Where a field stands, e.g. emails.0. A name that was made up by the sender is not repeated."""
    parts = [part for part in location[1:] if part != "given"] or list(location[:1])
    return ".".join(str(part) if isinstance(part, int) or NAME.match(str(part)) else "(unknown)" for part in parts)


@api.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, _error: RequestDataTooBig) -> HttpResponse:
    """Django stops before it reads a body that is far too large."""
    return refused(request, BodyTooLarge())


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    """Ninja's own; what the parser refused comes wrapped in one."""
    if isinstance(error.__cause__, Refusal):
        return refused(request, error.__cause__)
    return _answer(
        request,
        {"code": "not_possible", "what": "The request can't be answered.", "mend": "See /api/v1/openapi.json."},
        error.status_code,
    )


@api.exception_handler(Http404)
def not_found(request: HttpRequest, _error: Http404) -> HttpResponse:
    return _answer(
        request, {"code": "not_found", "what": "There is nothing here.", "mend": "See /api/v1/openapi.json."}, 404
    )


@api.exception_handler(Exception)
def unexpected(request: HttpRequest, error: Exception) -> HttpResponse:
    """A defect. Its kind and place go to the log, its text does not: it may repeat what was sent in."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    log.error("api_failed", error=type(error).__name__, place=place, route=str(getattr(request.resolver_match, "route", "")))
    return _answer(
        request,
        {
            "code": "unexpected",
            "what": "Something went wrong on our side.",
            "mend": "Send it again in a minute; with the same Idempotency-Key nothing is done twice.",
        },
        500,
    )


api.add_router("", accounts)
api.add_router("", acceptance)
api.add_router("", preference_links)
api.add_router("", consents)
api.add_router("", communications)
api.add_router("", contacts)
api.add_router("", gate)
api.add_router("", retention)
api.add_router("", data_requests)
