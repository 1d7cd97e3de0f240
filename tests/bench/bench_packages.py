"""A copy of the data of somebody with 10,000 messages: collected, written as JSON, page and paper, packed, encrypted; then handed over.

BENCH_PACKAGE_MESSAGES (default 10,000) messages of some 250 letters each. Beside each part what limits it: the same zip without encryption, and the
bare reading of the file. Memory is the most that this process, and the process that sets one part of the paper, ever took.
"""

import io
import resource

import pytest
from django.db import transaction

from apps.data_requests.models import ClientQuestion
from apps.data_requests.services.packages import collecting, delivering, making, rendering, sealing
from apps.data_requests.services.packages.delivering import Handing
from apps.data_requests.states import Kind, State
from tests import cast
from tests.bench.conftest import note, size, stopwatch
from tests.cast import DAY, NOON
from tests.data_requests import asked

MESSAGES = size("BENCH_PACKAGE_MESSAGES", 10_000)
TEXT = "The quick brown fox jumps over the lazy dog, and the dog wonders what that was for. " * 3
MEGA = 1024 * 1024


@pytest.mark.django_db(transaction=True)
def bench_packages(home):
    cast.house()
    clinic = cast.hill_clinic(90)
    ada = cast.ada(clinic)
    cast.hand_over(clinic, [cast.message(number, body=f"{number}: {TEXT}") for number in range(1, MESSAGES + 1)])
    opened = asked.request(Kind.ACCESS, person=ada)
    with transaction.atomic():
        request = asked.brought(opened, State.RUNNING)
    ClientQuestion.objects.create(
        request=request, organization=clinic.reference, asked_at=NOON - DAY, due_at=NOON + DAY, answer="release", answered_at=NOON
    )
    what = f"a copy of somebody's data with {MESSAGES:,} messages"

    package = collecting.begin(request, at=NOON)
    subject = making.subjects.subject_of(ada)
    with stopwatch() as collected:
        held = making._held(package, subject, NOON)
    note(what, "collected from every holding, sealed", collected[0], "s")
    with stopwatch() as bare:
        rendering.write(making._contents(package, subject, held, NOON), io.BytesIO())
    note(what, "written and packed, not encrypted, to memory", bare[0], "s")
    with stopwatch() as made:
        row = making.make_package(request, at=NOON)
    note(what, "written, packed, encrypted, on disk", made[0], "s")
    note(what, "size of the zip", row.size / MEGA, "MB")
    path = sealing.path_of(row.reference)
    with stopwatch() as streamed:
        length = sum(map(len, delivering.stream(Handing(row, row.size, ""))))
    note(what, "handed over", length / MEGA / streamed[0], "MB/s")
    with stopwatch() as looked:
        delivering._require_whole(row)
    note(what, "looked at before, whether it is whole", path.stat().st_size / MEGA / looked[0], "MB/s")
    for who, label in ((resource.RUSAGE_SELF, "memory of the maker at most"), (resource.RUSAGE_CHILDREN, "memory of who sets a part of the paper at most")):
        note(what, label, resource.getrusage(who).ru_maxrss / 1024, "MB")
