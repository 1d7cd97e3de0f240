"""What is put together from pieces is the canonical message to the byte, and carries the tags it always had."""

from datetime import UTC, date, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.foundation.digests import canonical, leaf_hash
from apps.retention.envelope import Envelope
from apps.retention.importing.lines import Incoming, Party, as_message, party_as_dict
from apps.retention.services.writing import Writing

DAY = date(2026, 3, 16)
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)
MOMENT = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))
PARTY = st.builds(Party, st.none() | TEXT, st.none() | TEXT, st.none() | TEXT, st.booleans())
ATTACHMENT = st.fixed_dictionaries({}, optional={"name": TEXT, "size": st.integers(0, 2**63 - 1)})
LINE = st.builds(
    Incoming, number=st.just(1), id=TEXT, conversation=TEXT, conversation_class=st.none() | TEXT, sent_at=MOMENT, sender=PARTY,
    recipients=st.lists(PARTY, max_size=4).map(tuple), body=TEXT, attachments=st.lists(ATTACHMENT, max_size=2).map(tuple),
    thread=st.none() | TEXT, edited_at=st.none() | MOMENT,
)  # fmt: skip


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINE, min_size=1, max_size=4), TEXT)
def test_rows_made_from_pieces_are_those_made_from_whole_messages(lines, source):
    parties = {
        party: party_as_dict(party) | {"person": "PER-7F3K2M9" if party.owned_by_organization else None}
        for line in lines for party in (line.sender, *line.recipients)
    }  # fmt: skip
    sealer = Envelope(b"k" * 32, b"i" * 32, organization="ORG-7F3K2M9", expiry=DAY)
    writing = Writing(source, parties, sealer, 3)
    by_tag = {bytes([number]) * 16: line for number, line in enumerate(lines)}
    rows = list(writing.rows(by_tag, range(len(lines))))
    for (number, sealed), (source_tag, line) in zip(rows, by_tag.items(), strict=True):
        message = as_message(line, parties.__getitem__) | {"source": source}
        salt, body = sealer.open_raw(sealed.ciphertext, number=number, policy_version=3)
        assert body == canonical(message)
        assert (sealed.source_tag, sealed.tags, sealed.proof) == (source_tag, sealer.tags(message), leaf_hash(salt, body))
    assert sum(messages for messages, _bytes in writing.sizes.values()) == len(lines)
    assert sum(size for _messages, size in writing.sizes.values()) == sum(len(sealed.ciphertext) for _number, sealed in rows)


def test_no_two_rows_share_their_random_bytes():
    sealer = Envelope(b"k" * 32, b"i" * 32, organization="ORG-7F3K2M9", expiry=DAY)
    party = Party("u1")
    line = Incoming(1, "m1", "c1", None, datetime(2026, 3, 8, tzinfo=UTC), party, (), "hello")
    writing = Writing("product", {party: party_as_dict(party) | {"person": None}}, sealer, 3)
    sealed = [row for _number, row in writing.rows({bytes([n]) * 16: line for n in range(200)}, range(200))]
    assert len({row.ciphertext[:12] for row in sealed}) == len({row.proof for row in sealed}) == 200
