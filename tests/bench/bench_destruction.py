"""Destroying a day, from intent to certificate, beside the ways others end rows: on the same machine, in the same database, in one run.

BENCH_DAY (default 1,000,000) messages of BENCH_CLIENTS (1) clients end on one day among five times as many, a hold keeps 1 % of them;
a tenth of that ends on another. The others get a table of their own with the same bytes in each row, messages of five days mixed as
they come when clients have different lives, where Zulip has them with a row for each participant:

| way | what it does |
|---|---|
| copy and delete by 1,000 | Zulip's: INSERT … SELECT into archive tables, DELETE, a transaction each; later the archive's rows go, 100 transactions at a time |
| DELETE by 3,000 with pauses | Mattermost's: DELETE … WHERE id = ANY (ARRAY (SELECT … LIMIT 3000)), 100 ms of rest between |
| one bare DELETE | of a day's rows mixed among others; and of a day that stands together |
| unlink of the same bytes | files of the sizes of the leaf's, written, synced, removed, the folder synced |

None of them proves, keeps, counts, certifies or gives a byte back. Where BENCH_SLICE is less than a day, those in batches are measured
over so many rows and multiplied, and their name says so.
"""

import gc
import os
import re
import shutil
import time
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction

from apps.accounts.services import registration
from apps.audit.services import journal
from apps.foundation.actors import SYSTEM
from apps.holds.services import matters, placing
from apps.retention.models import AsideMessage, Certificate, Cohort, Destruction
from apps.retention.services import destroy, leaves, sealing
from apps.staff.roles import Role
from tests import cast
from tests.bench import filling
from tests.bench.conftest import ask, compare, note, size
from tests.bench.filling import leaf_of

DAY_SIZE = size("BENCH_DAY", 1_000_000)
CLIENTS = size("BENCH_CLIENTS", 1)
SLICE = min(size("BENCH_SLICE", 1_000_000), DAY_SIZE)
TENTH = DAY_SIZE // 10
FIRST = cast.NOON.date() + timedelta(days=8)
#: which of the days from FIRST on get how many messages: five times a day in all
SMALL, LARGE, OTHERS = (0, 2, 4), (1, 3), (10, 11, 12)  # 3 tenths, 2, and 3 times nine tenths
#: and two small ones more, of ten times as many clients
SPREAD, TIMES = (5, 6), 10
COLUMNS = "id, expiry, organization_id, segment, policy_version_id, source_tag, proof, ciphertext"


@pytest.fixture(autouse=True)
def clock_is_ours(settings):
    """Days pass between two lines of a bench."""
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660
    settings.CLOCK_JUMP_HOURS = 24 * 3660


def nth(number: int) -> date:
    return FIRST + timedelta(days=number)


def noon_of(day: date):
    return cast.NOON + (day - cast.NOON.date())


def a_client(number: int) -> tuple:
    """A client without an archive, and somebody of it whose messages a hold keeps."""
    client = cast.client(f"Client {number}")
    cast.rule(client, 7)
    person = registration.register_person(
        organization=client, given_name="P", family_name="Held", emails=[f"held{number}@client.example"], by=SYSTEM, at=cast.NOON - 150 * cast.DAY
    )
    return client, person


def hold_on(person) -> None:
    ezra = cast.staff(f"ezra{person.pk}", Role.COUNSEL)
    matter = matters.open_matter(title="Case", reason="asked by the court", by=ezra, at=cast.NOON)
    placing.place(matter=matter, organization=person.organization, person=person, reason="asked by the court", by=ezra, at=cast.NOON)
    journal.write_owed()


def copied_day(of: date, to: date, share: str) -> None:
    """A day that only has to be there: rows of another, under numbers and tags of their own."""
    leaves.make_leaves(at=cast.NOON, days=[to])
    ask(
        f"INSERT INTO message (id, expiry, organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext)"
        f" SELECT nextval('message_id_seq'), '{to}', organization_id, segment, policy_version_id, source_tag, tags, proof, ciphertext"
        f" FROM message WHERE expiry = '{of}' {share}"
    )


# --- the others' tables -----------------------------------------------------------------------------------------------


class Others:
    """The same rows in one table, mixed as they come, and each participant in a row of its own."""

    def __init__(self, mixed: list[date], together: date):
        ask("CREATE TABLE other_message (LIKE message INCLUDING STORAGE)")
        ask("ALTER TABLE other_message DROP COLUMN tags")
        ask("CREATE TABLE other_recipient (id bigint GENERATED ALWAYS AS IDENTITY, message_id bigint NOT NULL, person bytea NOT NULL, flags bigint NOT NULL)")
        for table in ("other_message", "other_recipient"):
            ask(f"ALTER TABLE {table} SET (autovacuum_enabled = off)")  # nobody is disturbed while he is measured
        bounds = {day: ask(f"SELECT min(id), max(id) FROM message WHERE expiry = '{day}'")[0] for day in (*mixed, together)}
        pieces = max(1, DAY_SIZE // 2_000)
        for piece in range(pieces):
            parts = []
            for day in mixed:
                first, last = bounds[day]
                step = (last - first + pieces) // pieces
                start = first + piece * step
                parts.append(f"(expiry = '{day}' AND id >= {start} AND id < {start + step})")
            ask(f"INSERT INTO other_message SELECT {COLUMNS} FROM message WHERE {' OR '.join(parts)} ORDER BY hashint8(id)")
        ask(f"INSERT INTO other_message SELECT {COLUMNS} FROM message WHERE expiry = '{together}' ORDER BY id")
        for day in (*mixed, together):
            ask(
                "INSERT INTO other_recipient (message_id, person, flags) SELECT id, tag, 1 FROM message, unnest(tags[2:]) AS tag"
                f" WHERE expiry = '{day}' ORDER BY id"
            )
        ask("ALTER TABLE other_message ADD PRIMARY KEY (id)")
        ask("CREATE INDEX ON other_message (expiry, organization_id)")
        ask("ALTER TABLE other_recipient ADD PRIMARY KEY (id)")
        ask("CREATE INDEX ON other_recipient (message_id)")
        ask("CREATE UNIQUE INDEX ON other_recipient (person, message_id)")
        ask("CREATE TABLE other_archivetransaction (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz DEFAULT now())")
        ask(
            "CREATE TABLE other_archivedmessage (LIKE other_message INCLUDING STORAGE, PRIMARY KEY (id),"
            " transaction_id bigint REFERENCES other_archivetransaction DEFERRABLE INITIALLY DEFERRED)"
        )
        ask("CREATE INDEX ON other_archivedmessage (transaction_id)")
        ask(
            "CREATE TABLE other_archivedrecipient (LIKE other_recipient, PRIMARY KEY (id),"
            " FOREIGN KEY (message_id) REFERENCES other_archivedmessage DEFERRABLE INITIALLY DEFERRED)"
        )
        ask("CREATE INDEX ON other_archivedrecipient (message_id)")
        filling.settle("other_message", "other_recipient")

    def bare_delete(self, day: date) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM other_message WHERE expiry = '{day}'")
            return cursor.rowcount

    def batched_delete(self, day: date, rows: int) -> int:
        """Mattermost's, one batch after the other."""
        gone = 0
        with connection.cursor() as cursor:
            while gone < rows:
                cursor.execute(
                    f"DELETE FROM other_message WHERE id = ANY (ARRAY (SELECT id FROM other_message WHERE expiry = '{day}' LIMIT {min(3_000, rows - gone)}))"
                )
                if not cursor.rowcount:
                    break
                gone += cursor.rowcount
                time.sleep(0.1)
        return gone

    def refer(self) -> None:
        """Zulip's foreign key; only now, for it would have held up the others."""
        ask(
            "ALTER TABLE other_recipient ADD FOREIGN KEY (message_id) REFERENCES other_message"
            " DEFERRABLE INITIALLY DEFERRED NOT VALID"
        )

    def copy_and_delete(self, day: date, rows: int) -> int:
        """Zulip's, and its clean-up of what it has put into the archive's tables."""
        moved = 0
        while moved < rows:
            with transaction.atomic():
                number = ask("INSERT INTO other_archivetransaction DEFAULT VALUES RETURNING id")[0][0]
                found = ask(
                    f"INSERT INTO other_archivedmessage ({COLUMNS}, transaction_id) SELECT {COLUMNS}, {number} FROM other_message"
                    f" WHERE expiry = '{day}' LIMIT {min(1_000, rows - moved)}"
                    f" ON CONFLICT (id) DO UPDATE SET transaction_id = {number} RETURNING id"
                )
                if not found:
                    break
                ids = ",".join(str(pk) for (pk,) in found)
                ask(
                    "INSERT INTO other_archivedrecipient (id, message_id, person, flags) SELECT id, message_id, person, flags FROM other_recipient"
                    f" WHERE message_id IN ({ids}) ON CONFLICT (id) DO NOTHING"
                )
                ask(f"DELETE FROM other_recipient WHERE message_id IN ({ids})")
                ask(f"DELETE FROM other_message WHERE id IN ({ids})")
            moved += len(found)
        while numbers := [str(pk) for (pk,) in ask("SELECT id FROM other_archivetransaction ORDER BY id LIMIT 100")]:
            listed = ",".join(numbers)
            with transaction.atomic():
                ask(
                    "DELETE FROM other_archivedrecipient WHERE message_id IN"
                    f" (SELECT id FROM other_archivedmessage WHERE transaction_id IN ({listed}))"
                )
                ask(f"DELETE FROM other_archivedmessage WHERE transaction_id IN ({listed})")
                ask(f"DELETE FROM other_archivetransaction WHERE id IN ({listed})")
        return moved

    def drop(self) -> None:
        ask("DROP TABLE other_archivedrecipient, other_archivedmessage, other_archivetransaction, other_recipient, other_message")


# --- what is looked at ------------------------------------------------------------------------------------------------


class Taken:
    """How long a block took and how much it wrote to the log, from a checkpoint on."""

    def __enter__(self):
        ask("CHECKPOINT")
        gc.collect()
        self.log = ask("SELECT pg_current_wal_lsn()")[0][0]
        self.began = time.perf_counter()
        return self

    def __exit__(self, *_error):
        self.ms = (time.perf_counter() - self.began) * 1000
        self.log_bytes = int(ask("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), %s::pg_lsn)", self.log)[0][0])


def folder() -> Path:
    return Path(ask("SHOW data_directory")[0][0])


def files_of(leaf: str) -> list[Path]:
    """All files of a table, its indexes and what is stored out of line."""
    found = ask(
        "SELECT pg_relation_filepath(oid) FROM pg_class WHERE oid = %s::regclass OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = %s::regclass)"
        " OR oid = (SELECT reltoastrelid FROM pg_class WHERE oid = %s::regclass)", leaf, leaf, leaf
    )  # fmt: skip
    named = {(folder() / name) for (name,) in found}
    return [path for main in named for path in main.parent.iterdir() if re.split("[._]", path.name)[0] == main.name]


def on_disk() -> int:
    """Bytes of tables and indexes that the file system has given out."""
    return sum(path.stat().st_blocks * 512 for path in (folder() / "base").rglob("*") if path.is_file())


def unlinked(sizes: list[int], place: Path) -> float:
    """Milliseconds of removing files of these sizes for good."""
    place.mkdir()
    block = os.urandom(1 << 20)
    for number, length in enumerate(sizes):
        with (place / str(number)).open("wb") as file:
            for start in range(0, length, len(block)):
                file.write(block[: min(len(block), length - start)])
            file.flush()
            os.fsync(file.fileno())
    began = time.perf_counter()
    for path in place.iterdir():
        path.unlink()
    handle = os.open(place, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)
    took = time.perf_counter() - began
    shutil.rmtree(place)
    return took * 1000


def destroyed(day: date, messages: int, held: int) -> Taken:
    """Destroy one day that is sealed and hidden, and look whether that is what happened."""
    at = noon_of(day)
    with Taken() as taken:
        destroy.destroy_due(at=at)
    work = Destruction.objects.get(day=day)
    assert work.state == "done", work.last_error
    certified = Certificate.objects.filter(cohort__expiry_on=day).values_list("messages", flat=True)
    assert (sum(certified), AsideMessage.objects.filter(cohort__expiry_on=day).count()) == (messages - held, held)
    assert ask(f"SELECT count(*) FROM {leaf_of(day)}") == [(0,)]
    return taken


@pytest.mark.django_db(transaction=True)
def bench_destroying_a_day(home, tmp_path):
    cast.house()
    everybody = [a_client(number) for number in range(CLIENTS * TIMES)]
    began = time.perf_counter()
    for offset in (*SMALL, *LARGE, *SPREAD):
        clients = everybody if offset in SPREAD else everybody[:CLIENTS]
        count = (DAY_SIZE if offset in LARGE else TENTH) // len(clients)
        for number, (client, person) in enumerate(clients):
            held = filling.party(1, person=person.reference)
            filling.fill(client, nth(offset), count, held=held, every=100, first=1 + number * count)
    for offset in OTHERS:
        copied_day(nth(LARGE[1]), nth(offset), "AND id % 10 < 9")
    for _client, person in everybody:
        hold_on(person)
    filling.settle("message")
    total = ask("SELECT count(*) FROM message")[0][0]
    note("(set up)", f"filling {total:,} messages", time.perf_counter() - began, "s")
    began = time.perf_counter()
    others = Others([nth(offset) for offset in (LARGE[0], *OTHERS)], nth(LARGE[1]))
    note("(set up)", "the others' tables", time.perf_counter() - began, "s")

    race = compare(f"destroying a day of {DAY_SIZE:,} among {total:,}, {CLIENTS} clients, 1 % on hold", counts=min)
    log = compare(f"write-ahead log of destroying {DAY_SIZE:,}", unit="MB", counts=min)
    seals = compare(f"sealing {DAY_SIZE:,}, apart", counts=min)
    small = compare(f"destroying {TENTH:,}", counts=min)
    spread = compare(f"destroying {TENTH:,} of {CLIENTS * TIMES} clients", counts=min)
    for offset in sorted((*SMALL, *LARGE, *SPREAD)):
        day, large = nth(offset), offset in LARGE
        messages = DAY_SIZE if large else TENTH
        if large:
            seals.time("ours", lambda: sealing.expire_due(at=noon_of(day)))  # noqa: B023
        else:
            sealing.expire_due(at=noon_of(day))
        ask("CHECKPOINT")
        sizes = [path.stat().st_size for path in files_of(leaf_of(day))]
        before = on_disk()
        taken = destroyed(day, messages, messages // 100)
        (race if large else spread if offset in SPREAD else small).add("ours", taken.ms)
        if large:
            log.add("ours", taken.log_bytes / 1e6)
            left = ask(f"SELECT pg_total_relation_size('{leaf_of(day)}')")[0][0]
            note("disk given back at once, of the leaf's bytes", "ours", (1 - left / sum(sizes)) * 100, "%", wanted="all of it")
            note("disk given back at once, of the leaf's bytes", "file system, less what stepped aside", (before - on_disk()) / sum(sizes) * 100, "%")
            race.add("unlink of the same bytes", unlinked(sizes, tmp_path / "files"))
    assert not Cohort.objects.filter(expiry_on__lte=nth(max(SPREAD))).exclude(state="destroyed").exists()

    mixed, together = nth(LARGE[0]), nth(LARGE[1])
    for way, day in (("one bare DELETE", mixed), ("one bare DELETE of rows that stand together", together)):
        before = on_disk()
        with Taken() as taken:
            assert others.bare_delete(day) == DAY_SIZE
        race.add(way, taken.ms)
        log.add(way, taken.log_bytes / 1e6)
        note("disk given back at once, of the leaf's bytes", way, max(0, before - on_disk()) / sum(sizes) * 100, "%")
    others_in_batches = {"DELETE by 3,000 with pauses": others.batched_delete, "copy and delete by 1,000": others.copy_and_delete}
    for (way, run), offset in zip(others_in_batches.items(), OTHERS, strict=False):
        if run == others.copy_and_delete:
            others.refer()
        with Taken() as taken:
            gone = run(nth(offset), SLICE)
        race.add(f"{way} (rate of {gone:,})", taken.ms * DAY_SIZE / gone)
        log.add(f"{way} (rate of {gone:,})", taken.log_bytes * DAY_SIZE / gone / 1e6)
    others.drop()

    race.ratio(f"copy and delete by 1,000 (rate of {gone:,})", "ours", "at least 150 times our time")
    race.ratio(f"DELETE by 3,000 with pauses (rate of {gone:,})", "ours", "at least 60 times our time")
    race.ratio("one bare DELETE", "ours", "at least 3 times our time")
    race.ratio("one bare DELETE of rows that stand together", "ours", "(told; its rows share their pages with nobody)")
    race.ratio("ours", "unlink of the same bytes", "at most 5 times its time")
    mixed_rows = [way for way in log.taken if way != "ours" and "together" not in way]
    log.ratio(min(mixed_rows, key=log.number), "ours", "at least 30 times our log")
    log.ratio("one bare DELETE of rows that stand together", "ours", "(told; its rows share their pages with nobody)")
    note(small.what, f"{DAY_SIZE:,} / {TENTH:,}", race.number("ours") / small.number("ours"), "times", wanted="at most 6 times for ten times the rows")
    note(spread.what, "each client more", (spread.number("ours") - small.number("ours")) / (CLIENTS * (TIMES - 1)))
    race.limited(
        "Where our time goes: removing the files when it is committed (as long as the bare unlink), counting the rows twice in an index, and moving"
        " the 1 % that is held (a look-up, AES both ways, COPY and DELETE of each row). None of it grows with the other days. Physical limit: the"
        " unlink, and the log of the held rows."
    )
    log.limited(
        "Ours is the held rows' own: each lies in a page that nobody has changed since the checkpoint, which is logged whole (91 MB of a million);"
        " and the count marks what they left in its index (37 MB), where counting in the table itself would read all of that instead."
    )
    spread.limited("Each client is a cohort with its seal, account, bundle, secrets, ledger lines, letter and certificate: some 60 questions to the database.")
