"""Address books as programs write them: 2.1, 3 and 4, folded, encoded, grouped, several in a file."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from apps.contacts.reading import files
from apps.contacts.reading.bounds import Bounds
from apps.contacts.reading.found import Card
from apps.contacts.reading.refused import WHY, FileRefused
from tests.contacts.reading import hostile


def cards(*lines: str, region: str = "", encoding: str = "utf-8") -> list[Card]:
    return files.read_cards("\r\n".join(("BEGIN:VCARD", *lines, "END:VCARD", "")).encode(encoding), region=region)


def test_a_card_of_version_3_as_an_iphone_writes_it():
    assert cards(
        "VERSION:3.0", "N:Berg;Ben;;;", "FN:Ben Berg", "item1.EMAIL;type=INTERNET;type=pref:Ben.Berg@People.Example",
        "item1.X-ABLabel:_$!<Other>!$_", "TEL;type=CELL;type=VOICE;type=pref:(202) 555-0123", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQ", " SkZJRg",
        "UID:5B8C", region="US",
    ) == [Card(uid="5B8C", emails=("ben.berg@people.example",), phones=("+12025550123",))]  # fmt: skip


def test_a_card_of_version_2_1_as_an_android_phone_writes_it():
    assert cards(
        "VERSION:2.1", "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:;=4B=C3=A4=", "=74=68=65;;;", "TEL;CELL;PREF:0151 23456789",
        "EMAIL;HOME:kaethe@people.example", "EMAIL;INTERNET;ENCODING=QUOTED-PRINTABLE:k=61ethe=", "=40work.example",
        "PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRg", " ABAQ", "", region="DE",
    ) == [Card(uid="", emails=("kaethe@people.example", "kaethe@work.example"), phones=("+4915123456789",))]  # fmt: skip


def test_a_card_of_version_4_with_addresses_and_numbers_as_uris():
    assert cards(
        "VERSION:4.0", "UID:urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1", 'TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+1-202-555-0123',
        "TEL;VALUE=uri:tel:+1-202-555-0124;ext=55", "EMAIL;PREF=1:mailto:ada@people.example?subject=hello",
    ) == [Card("urn:uuid:4fbe8971-0bc3-424c-9c26-36c3e1eff6b1", ("ada@people.example",), ("+12025550123",))]  # fmt: skip


def test_a_folded_line_is_one_line():
    assert cards("EMAIL:ada@", " people", "\t.example", "TEL:+1 202", "  555 0123") == [Card("", ("ada@people.example",), ("+12025550123",))]


def test_several_cards_in_a_file_stay_apart_whatever_ends_their_lines():
    data = (hostile.card(1) + hostile.card(2) + hostile.card(3)).encode()
    expected = [Card(f"u{one}", (f"a{one}@people.example",), (f"+1202555000{one}",)) for one in (1, 2, 3)]

    for end in (b"\r\n", b"\n", b"\r"):
        assert files.read_cards(data.replace(b"\r\n", end)) == expected


def test_what_is_no_address_or_number_is_left_out_and_what_is_there_twice_is_there_once():
    assert cards("EMAIL:Ada@People.example", "EMAIL:ada@people.example ", "EMAIL:nobody", "EMAIL:", "TEL:112", "TEL:+12025550123", "TEL:+1 (202) 555-0123",
                 "TEL:call me", "EMAIL:" + "a" * 300 + "@people.example") == [Card("", ("ada@people.example",), ("+12025550123",))]  # fmt: skip


def test_a_number_in_national_form_needs_a_region():
    assert cards("TEL:0151 23456789") == [Card("", (), ())]
    assert cards("TEL:0151 23456789", region="DE") == [Card("", (), ("+4915123456789",))]


def test_encodings_of_old_and_of_odd_programs_are_read():
    expected = [Card("käthe", ("käthe@people.example".replace("ä", "a"),), ())]
    lines = ("UID:käthe", "EMAIL:kathe@people.example")

    assert cards(*lines) == cards(*lines, encoding="utf-8-sig") == cards(*lines, encoding="utf-16") == cards(*lines, encoding="cp1252") == expected
    assert cards("UID;CHARSET=ISO-8859-1:käthe", lines[1], encoding="iso-8859-1") == expected
    assert cards("UID;CHARSET=idna:käthe", lines[1]) == expected


def test_the_card_of_an_agent_inside_a_card_is_not_taken():
    assert cards("AGENT:", "BEGIN:VCARD", "EMAIL:agent@people.example", "END:VCARD", "EMAIL:ada@people.example") == [
        Card("", ("ada@people.example",), ())
    ]


def test_escapes_and_quotes_of_apple_do_no_harm():
    assert cards(r"EMAIL:ada\@people.example", r'X-PLACE;X-TITLE=a "b":geo:1,2', 'EMAIL;TYPE="a:b;c":ben@people.example') == [
        Card("", ("ada@people.example", "ben@people.example"), ())
    ]


def test_an_address_book_with_pictures_is_read_in_reasonable_time():
    picture = "PHOTO;ENCODING=b:" + "\r\n ".join(["A" * 74] * 150) + "\r\n"

    found = files.read_cards("".join(hostile.card(one, picture) for one in range(1000)).encode())

    assert len(found) == 1000
    assert found[-1] == Card("u999", ("a999@people.example",), ("+12025550999",))


def test_neither_a_card_nor_a_refusal_shows_what_is_in_it():
    [card] = cards("EMAIL:ada@people.example", "TEL:+12025550123")

    assert repr(card) == "<card with 1 addresses and 1 numbers>"
    assert "people" not in str([FileRefused.because(code) for code in WHY])


LINES = some.sampled_from([
    b"BEGIN:VCARD", b"END:VCARD", b"BEGIN:VEVENT", b"VERSION:4.0", b"EMAIL:a@b.example", b"EMAIL;", b"TEL;TYPE=\"", b"TEL;X=\":1\":2", b" folded", b"=",
    b"NOTE;ENCODING=QUOTED-PRINTABLE:=", b"UID;CHARSET=utf-16:\xff", b":", b";", b"EMAIL;CHARSET=\x00:\x00", b"a.b.EMAIL:x", b"TEL:tel:;ext=", b"\xff\xfe",
])  # fmt: skip


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(some.lists(some.one_of(some.binary(max_size=300), some.lists(LINES, max_size=30).map(b"\r\n".join)), min_size=40, max_size=60))
def test_whatever_the_bytes_are_there_are_cards_or_a_refusal(garbage: list[bytes]):
    for answer in files.read_cards_of(garbage, region="US", bounds=Bounds(seconds=60)):
        if isinstance(answer, FileRefused):
            assert answer.code in WHY
        else:
            assert all(isinstance(card, Card) for card in answer)
