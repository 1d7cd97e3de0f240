"""Requests about people's data: what came in, the request with its clocks, the links that prove, the plan and its steps, and the proof of the end."""

from apps.data_requests.models.arrivals import Arrival, arrival_reference
from apps.data_requests.models.identity import Receipt, RequestLink
from apps.data_requests.models.plans import Attempt, ClientQuestion, ErasureHook, ErasureNotice, Plan, Remainder, Step, plan_reference
from apps.data_requests.models.proof import ErasedPerson, Evidence, Package, Scan, package_reference
from apps.data_requests.models.requests import (
    Clock,
    DataRequest,
    Letter,
    LetterTemplate,
    RequestNote,
    letter_reference,
    request_reference,
)

__all__ = [
    "Arrival", "Attempt", "ClientQuestion", "Clock", "DataRequest", "ErasedPerson", "ErasureHook", "ErasureNotice", "Evidence", "Letter", "LetterTemplate",
    "Package", "Plan", "Receipt", "Remainder", "RequestLink", "RequestNote", "Scan", "Step", "arrival_reference", "letter_reference", "package_reference",
    "plan_reference", "request_reference",
]  # fmt: skip
