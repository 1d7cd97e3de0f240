"""A search for one person through BENCH_SEARCH_MB (default 1,024) of rows and a quarter of that in files, everything that an erasure waits for.

Half of the rows are ciphertext, as messages are, half are words, as logs of acts and mails are. Beside it one pass over the same rows that only
reads them: less no search can take.
"""

import secrets

import pytest
from django.db import connection

from apps.data_requests.scanning import files, looking, tables, terms
from apps.data_requests.scanning.kinds import Seen
from apps.foundation.personal_data import Subject
from tests import cast
from tests.bench.conftest import ask, compare, size

MEGABYTES = size("BENCH_SEARCH_MB", 1_024)
ROUNDS = 3
WHOM = Subject(
    pk=987_654_321, reference="PER-7K3M9QX", names=("Zelia Quark-Hobbs", "Zelia", "Quark-Hobbs"), emails=("zelia.quark@client.example",
    "zelia@private.example"), phones=("+12025550143",), identities=(("directory", "zq-4471-aa"),),
)  # fmt: skip
BYTES_A_ROW, WORDS_A_ROW = 640, 600


def only_read() -> None:
    ask("SELECT count(*) FILTER (WHERE get_byte(b, 639) > 256) FROM bench_bytes")
    ask("SELECT count(*) FILTER (WHERE length(words) = 1) FROM bench_words")


@pytest.mark.django_db(transaction=True)
def bench_search(home):
    cast.house()
    rows = MEGABYTES * (1 << 20) // 2
    ask("CREATE TABLE bench_bytes AS SELECT g AS id, decode(repeat(md5(g::text), 40), 'hex') AS b FROM generate_series(1, %s) g", rows // BYTES_A_ROW)
    ask(
        "CREATE TABLE bench_words AS SELECT g AS id, left(repeat('On day ' || g || ' somebody@elsewhere.example wrote (202) 555-0100: ' || md5(g::text), 9),"
        " 600) AS words FROM generate_series(1, %s) g", rows // WORDS_A_ROW,
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE bench_bytes, bench_words")
    (home / "log").mkdir()
    with (home / "log" / "web.log").open("wb") as file:
        for _megabyte in range(MEGABYTES // 8):
            file.write(secrets.token_bytes(1 << 20))
            file.write(b'{"event": "request", "status": 200, "path": "/admin/", "at": "2026-03-08T12:00:00Z"}\n' * 12_000)
    whom = terms.of_subject(WHOM)
    assert looking.search(WHOM).found == []
    race = compare(f"a search for one person through {MEGABYTES:,} MB of rows and {MEGABYTES // 4:,} MB of files")
    for _round in range(ROUNDS):
        race.time("the rows are only read", only_read)
        race.time("tables", lambda: tables.look(whom, Seen()))
        race.time("files", lambda: files.look(whom, Seen()))
    race.limited(
        f"{len({needle.text for needle in whom.needles}):,} spellings in texts and {len(whom.in_bytes):,} in bytes, looked for by one automaton as the rows"
        " come, row by row over the connection; the database looks for what is left over. Physical limit: reading the same rows once."
    )
    ask("DROP TABLE bench_bytes, bench_words")
