"""The form by which people ask about their data, at the rate that is promised, and whether its time tells who is known.

The real installation (`config.run`) on a home of its own: web processes, database, broker and worker on this machine, which also sends the posts.
BENCH_FORM_POSTS (default 150) a second for BENCH_FORM_SECONDS (default 30); then BENCH_FORM_PAIRS (default 1,000) pairs of a known and an unknown
address, interleaved, each pair in turn first the one and then the other, over one connection.
"""

import http.client
import random
import re
import statistics
import sys
import threading
import time
from urllib.parse import urlencode

import pytest

from tests.bench.conftest import note, size
from tests.house.installation import Installation

POSTS = size("BENCH_FORM_POSTS", 150)
SECONDS = size("BENCH_FORM_SECONDS", 30)
PAIRS = size("BENCH_FORM_PAIRS", 1_000)
SENDERS = 24
TYPED = {
    "kind": "deletion", "asker": "self", "name": "", "phone": "", "organization": "", "state_of_residence": "", "text": "Please remove it all.",
    "agent_name": "", "agent_email": "", "website": "",
}  # fmt: skip
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
#: two addresses of the same length, of which one is on file
ADA, EVE = "ada@known.example", "eve@other.example"
#: run by the installation itself
KNOWN = """
from apps.accounts.services import registration
from apps.foundation.actors import SYSTEM
from apps.foundation import clock
registration.register_person(organization=None, given_name="Ada", emails=["ada@known.example"], by=SYSTEM, at=clock.now())
"""
COUNTED = """
from apps.data_requests.models import Arrival
print("arrived", Arrival.objects.count())
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("house"), LOG_LEVEL="ERROR").start()
    yield installation
    installation.end()


def shell(house, code: str) -> str:
    done = house.alone(sys.executable, "manage.py", "shell", "-v", "0", "-c", code)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def arrived(house) -> int:
    return int(re.search(r"arrived (\d+)", shell(house, COUNTED))[1])


def post(line: http.client.HTTPConnection, email: str) -> tuple[int, bytes, float]:
    """Status, all that came, and milliseconds."""
    body = urlencode(TYPED | {"email": email})
    began = time.perf_counter()
    line.request("POST", "/requests/", body, HEADERS)
    answer = line.getresponse()
    content = answer.read()
    took = (time.perf_counter() - began) * 1000
    headers = "\n".join(f"{name}: {value}" for name, value in answer.getheaders() if name not in ("Date", "X-Request-ID"))
    return answer.status, headers.encode() + content, took


def bench_posts_at_the_promised_rate(house):
    """Each post has its moment; one that finds no free sender waits, and that wait counts as its time."""
    moments = iter([number / POSTS for number in range(POSTS * SECONDS)])
    before = arrived(house)
    lock, ends, began = threading.Lock(), [], time.perf_counter()

    def send():
        line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
        while True:
            with lock:
                moment = next(moments, None)
            if moment is None:
                return
            time.sleep(max(0.0, began + moment - time.perf_counter()))
            try:
                status, _content, _took = post(line, f"somebody{random.randrange(10**9)}@elsewhere.example")
            except (OSError, http.client.HTTPException):
                status = 599
                line.close()
            ends.append((status, (time.perf_counter() - began - moment) * 1000))

    senders = [threading.Thread(target=send) for _ in range(SENDERS)]
    [sender.start() for sender in senders]
    [sender.join() for sender in senders]
    took = time.perf_counter() - began
    times = sorted(milliseconds for _status, milliseconds in ends)
    what = f"request form, {POSTS} posts/s for {SECONDS} s"
    note(what, "posts/s reached", len(ends) / took, "1/s", wanted=f">= {POSTS}")
    note(what, "answers of 500 and above", sum(status >= 500 for status, _ in ends), "answers", wanted="0")
    note(what, "answers that are not the redirect", sum(status != 303 for status, _ in ends), "answers", wanted="0")
    note(what, "median", statistics.median(times))
    note(what, "99 of 100 within", times[int(len(times) * 0.99)])
    note(what, "kept, less those that were answered", arrived(house) - before - sum(status == 303 for status, _ in ends), "rows", wanted="0")


def bench_known_and_unknown(house):
    """The time of an answer tells nothing."""
    shell(house, KNOWN)
    line = http.client.HTTPConnection("127.0.0.1", house.port, timeout=60)
    for _turn in range(50):
        post(line, ADA)
    times: dict[str, list[float]] = {ADA: [], EVE: []}
    answers = set()
    for number in range(PAIRS):
        for email in sorted(times, reverse=bool(number % 2)):
            status, content, took = post(line, email)
            answers.add((status, content))
            times[email].append(took)
    known, unknown = (statistics.median(times[email]) for email in times)
    what = f"request form, {PAIRS} interleaved pairs"
    note(what, "known address, median", known)
    note(what, "unknown address, median", unknown)
    note(what, "medians apart", abs(known - unknown), wanted="< 2 ms")
    note(what, "different answers", len(answers), "answers", wanted="1")
