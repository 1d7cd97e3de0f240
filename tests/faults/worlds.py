"""What faults are tried on: days, rows aside and archives whose ends come one a day, so that each death has its own."""

from collections import Counter
from datetime import datetime, timedelta

from apps.accounts.models import Organization
from apps.audit.models import Event
from apps.audit.services import journal
from apps.holds.models import Hold
from apps.holds.services import matters, placing, releasing
from apps.holds.services.placing import Conversation
from apps.retention.models import Archive, AsideBundle, Certificate, Cohort, Destruction
from apps.retention.services import archiving, leaves, sweep
from apps.retention.states import ArchiveState, DestructionScope, DestructionState
from apps.staff.models import StaffMember
from apps.staff.roles import Role
from tests import cast
from tests.cast import DAY, NOON
from tests.retention import archived

GRACE = 7 * DAY
KEEP_DAYS = 30
SOON = timedelta(minutes=3)


def begin(archive: bool = False) -> None:
    """Hill Clinic, whose messages a hold keeps a part of; Mercy General, with a place for its archive or without."""
    cast.house()
    cast.hill_clinic(7)
    mercy = cast.client("Mercy General", archive="hosted")
    cast.rule(mercy, 7)
    cast.staff("ezra", Role.COUNSEL)
    cast.bo()
    cast.cleo()
    if archive:
        archived.hosted(mercy, keep_days=KEEP_DAYS)


def clinic() -> Organization:
    return Organization.objects.get(name="Hill Clinic")


def mercy() -> Organization:
    return Organization.objects.get(name="Mercy General")


def ezra() -> StaffMember:
    return StaffMember.objects.get(username="ezra")


def end_of_day(number: int) -> datetime:
    """Noon of the day on which what was handed over on day `number` has ended."""
    return NOON + (8 + number) * DAY


def a_day(number: int, *, hold: bool = True, messages: int = 5) -> None:
    """Messages of one day; of Hill Clinic's two are in a conversation that a hold of that day's keeps."""
    at = NOON + number * DAY
    leaves.make_leaves(at=at)
    if hold:
        matter = matters.open_matter(title=f"Case {number}", reason="asked by the court", by=ezra(), at=at)
        placing.place(
            matter=matter, organization=clinic(), conversation=Conversation("product", "kept"), sent_from=at.date(),
            sent_until=(at + DAY).date(), reason="asked by the court", by=ezra(), at=at,
        )  # fmt: skip
    lines = [cast.message(n, at=at, conversation="kept" if n < 3 else "free") for n in range(1, messages + 1)]
    cast.hand_over(clinic(), lines, at=at, key=f"b{number}")
    cast.hand_over(mercy(), lines[:3], at=at, key=f"b{number}")
    journal.write_owed()


def is_day(number: int):
    """Who dies: the destruction of that day."""
    day = end_of_day(number).date()
    return lambda work: work.scope == DestructionScope.DAY and work.day == day


def a_hold_on_everything(at: datetime) -> Hold:
    """A hold on all of Hill Clinic, placed from a connection of this process."""
    matter = matters.open_matter(title="Everything", reason="asked by the court", by=ezra(), at=at)
    return placing.place(matter=matter, organization=clinic(), reason="asked by the court", by=ezra(), at=at)


def release_all(at: datetime) -> None:
    """Holds on everything end, so that the next day is not kept by them; their grace is over at once."""
    for hold in Hold.objects.filter(conversation_id="", state="active"):
        releasing.ask_release(hold=hold, reason="the case is closed", by=ezra(), at=at - 20 * DAY)
        releasing.approve_release(hold=hold, by=cast.cleo(), at=at - 20 * DAY)
    journal.write_owed()


def a_bundle_falls_due(number: int) -> tuple[datetime, AsideBundle]:
    """What the hold of that day kept, released and after its grace: from when, and its bundle."""
    at = end_of_day(number)
    cohort = Cohort.objects.get(organization=clinic(), expiry_on=at.date())
    bundle = AsideBundle.objects.get(cohort=cohort, ground="hold")
    hold = Hold.objects.get(matter=bundle.matter)
    releasing.ask_release(hold=hold, reason="the case is closed", by=ezra(), at=at)
    releasing.approve_release(hold=hold, by=cast.cleo(), at=at)
    journal.write_owed()
    return at + GRACE + SOON, bundle


def an_archive_closes(number: int) -> tuple[datetime, Archive]:
    """The day's messages of Mercy General in their archive: when its life ends, and itself."""
    at = end_of_day(number) - 2 * DAY
    sweep.sweep(at=at)
    archiving.archive_due(at=at)
    journal.write_owed()
    archive = Archive.objects.get(cohort__organization=mercy(), cohort__expiry_on=end_of_day(number).date())
    assert archive.state == ArchiveState.CLOSED
    return at + KEEP_DAYS * DAY, archive


def each_thing_was_done_once() -> None:
    """Every destruction is done; ledger, journal and certificates tell each of them once."""
    assert set(Destruction.objects.values_list("state", flat=True)) == {DestructionState.DONE}
    certified = Counter(Certificate.objects.values_list("cohort__reference", "destruction__reference"))
    told = Counter(Event.objects.filter(verb="cohort.destroyed").values_list("object", "facts__destruction"))
    assert certified == told
    assert set(certified.values()) == {1}
    said = Counter((line.kind, line.about) for line in journal.read() if line.kind.startswith("destruction."))
    kinds = ("destruction.intended", "destruction.done")
    assert said == Counter({(kind, work.reference): 1 for kind in kinds for work in Destruction.objects.all()})
