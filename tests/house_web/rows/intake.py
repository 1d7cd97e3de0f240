"""What came in: one that waits, one that is parked, one that nobody can take; with words and addresses that no page may show unasked."""

from datetime import timedelta

from apps.data_requests.models import Arrival
from apps.data_requests.services import arriving
from apps.data_requests.states import Channel, Kind
from apps.data_requests.words import Asked
from apps.staff.models import StaffMember
from tests.house_web.rows.declared import PRESENT, Rows, Scene


def arrival(number: int = 0) -> Arrival:
    asked = Asked(kind=Kind.COMPLAINT, text="Whisperworth, please look at all of it", name="Beatrix Whisperworth", email=f"beatrix{number}@elsewhere.example")
    made = arriving.arrive(
        channel=Channel.FORM, asked=asked, from_address=asked.email, prefix="203.0.113.0/24", at=PRESENT - timedelta(hours=9 - number)
    )  # fmt: skip
    if number:
        state, code = (("parked", "flood_prefix"), ("unreadable", "seal_broken"))[number - 1]
        made.state, made.code, made.parked_at = state, code, PRESENT if state == "parked" else None
        made.save(update_fields=["state", "code", "parked_at"])
    return made


def parked(_member: StaffMember) -> Arrival:
    return arrival(1)


ROWS = {Arrival: Rows(arrival)}

SCENES = {
    (Arrival, "read"): Scene(lambda _member: arrival(), {"reason": "person_asked"}),
    (Arrival, "take_in"): Scene(parked),
    (Arrival, "drop"): Scene(parked, {"reason": "twice"}),
    (Arrival, "drop_network"): Scene(parked),
}
