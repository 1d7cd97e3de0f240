"""The register as a file: what leaves comes back the same, and nothing is changed before somebody confirmed what they saw."""

import csv
import io

import pytest

from apps.audit.models import Event
from apps.providers.models import Provider, RegisterImport
from apps.providers.services import lives, register
from apps.staff.roles import Role
from apps.staff.services import duties
from apps.staff.services.presence import NotPermitted
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry

pytestmark = pytest.mark.django_db


def taken(by) -> list[dict]:
    return list(csv.DictReader(io.StringIO("".join(register.export_lines(by=by, at=NOON)), newline="")))


def file_of(*rows: dict) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, register.COLUMNS)
    writer.writeheader()
    writer.writerows({name: row.get(name, "") for name in register.COLUMNS} for row in rows)
    return out.getvalue().encode()


def line(**given) -> dict:
    return {
        "reference": "", "legal_name": "Nimbus Backup Co.", "role": "processor", "service": "keeps copies", "countries": "US;CA", "hipaa_relevant": "no",
        "clients": "", "contact_name": "Quentina", "contact_email": "q@nimbus.example", "owner": "dana",
    } | given  # fmt: skip


def kinds(content: bytes) -> list[tuple[str, str]]:
    return [(one.kind, one.why) for one in register.plan(content)]


def test_what_was_taken_away_and_handed_in_changes_nothing(harbor, dana):
    registry.proposed("=cmd|' /C calc'!A0", countries=["US", "DE"], clients=[cast.client().reference])
    content = "".join(register.export_lines(by=dana, at=NOON)).encode()

    assert kinds(content) == [("same", ""), ("same", "")]
    assert "\"'=cmd|" in content.decode()
    assert Event.objects.filter(verb="export.made").count() == 1


def test_no_cell_of_the_file_is_a_formula(house, dana):
    for number, name in enumerate(('=HYPERLINK("http://evil.example")', "+1+1", "-2+3", "@SUM(A1)")):
        registry.proposed(name, service=f"{name[0]}service {number}", contact_name=name)

    cells = [cell for row in taken(dana) for cell in row.values()]

    assert [cell for cell in cells if cell[:1] in "=+-@" and cell] == []
    assert "'+1+1" in cells


def test_each_line_is_new_changed_as_before_or_refused_with_its_reason(harbor, dana):
    (known,) = taken(dana)
    plan = register.plan(file_of(
        line(), known, known | {"service": "hosts more"}, line(reference="PRV-0000000"), line(legal_name="B", role="friend"),
        line(legal_name="C", countries="XX"), line(legal_name="D", hipaa_relevant="perhaps"), line(legal_name="E", owner="nobody"),
        line(legal_name=harbor.legal_name.lower()), line(legal_name="NIMBUS BACKUP CO."), line(legal_name="F", contact_email="none"),
    ))  # fmt: skip

    assert [one.kind for one in plan] == ["new", "same", *["refused"] * 9]
    assert all(one.why for one in plan if one.kind == "refused")
    for one, words in zip(
        plan[2:], ("same provider", "no provider", "role", "country", "yes or no", "user name", harbor.reference, "same provider", "e-mail"), strict=True
    ):
        assert words in one.why, one


def test_nothing_is_changed_before_it_is_applied_and_all_of_it_then(harbor, dana):
    (known,) = taken(dana)
    content = file_of(line(), known | {"service": "hosts more", "contact_name": "Somebody Else"}, line(legal_name="X", role="friend"))

    row = register.upload(content=content, by=dana, at=NOON)
    harbor.refresh_from_db()
    assert (Provider.objects.count(), harbor.service, row.state, row.lines) == (1, "hosts our servers", "previewed", 3)

    done = register.apply(upload=row, by=dana, at=NOON + DAY)

    harbor.refresh_from_db()
    new = Provider.objects.get(legal_name="Nimbus Backup Co.")
    assert (done.added, done.changed, done.refused, done.state) == (1, 1, 1, "applied")
    assert (harbor.service, harbor.contact_name, harbor.state) == ("hosts more", "Somebody Else", "active")
    assert (new.state, new.countries, new.owner, new.proposed_by, new.proposed_at) == ("proposed", ["CA", "US"], dana, str(dana.actor), NOON + DAY)
    assert bytes(RegisterImport.objects.get().content) == b""


def test_the_second_click_does_nothing_twice(house, dana):
    row = register.upload(content=file_of(line()), by=dana, at=NOON)
    register.apply(upload=row, by=dana, at=NOON)

    for again in (register.apply, register.drop):
        with pytest.raises(register.ImportDecided):
            again(upload=row, by=dana, at=NOON)
    assert Provider.objects.count() == 1


def test_what_differs_from_what_was_shown_is_not_applied(harbor, dana):
    (known,) = taken(dana)
    row = register.upload(content=file_of(known | {"service": "hosts more"}), by=dana, at=NOON)
    lives.correct(provider=harbor, service="hosts less", by=dana, at=NOON)

    with pytest.raises(register.RegisterChanged):
        register.apply(upload=row, by=dana, at=NOON)
    harbor.refresh_from_db()
    assert (harbor.service, RegisterImport.objects.get().state) == ("hosts less", "previewed")


def test_no_line_changes_what_a_second_person_approved(harbor, dana, cleo):
    (known,) = taken(dana)
    assert "Suspend it" in kinds(file_of(known | {"countries": "CA"}))[0][1]
    lives.end(provider=harbor, data_end="return", by=cleo, at=NOON)
    assert kinds(file_of(known | {"service": "hosts more"}))[0][0] == "refused"


def test_a_semicolon_file_of_another_spreadsheet_is_read(house, dana):
    content = file_of(line(countries="US")).decode().replace(",", ";").encode("utf-8-sig")

    assert kinds(content) == [("new", "")]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"a,b,c\n1,2,3\n", b'reference,"unclosed\n', file_of(line()).replace(b"owner", b"boss"), b"reference" + b"," * 3_000_000],
    ids=["empty", "not-utf8", "other-columns", "broken", "renamed", "huge"],
)
def test_what_is_no_register_is_refused(house, dana, content):
    with pytest.raises(register.FileUnreadable):
        register.upload(content=content, by=dana, at=NOON)
    assert RegisterImport.objects.count() == 0


def test_a_line_of_another_length_is_refused(house, dana):
    assert kinds(file_of(line()) + b"PRV-1,x\n")[1][0] == "refused"


def test_who_lost_the_right_applies_nothing(house, dana):
    row = register.upload(content=file_of(line()), by=dana, at=NOON)
    duties.assign(member=dana, roles=[Role.AUDITOR], by=cast.SYSTEM, at=NOON)

    with pytest.raises(NotPermitted):
        register.apply(upload=row, by=dana, at=NOON)
    assert Provider.objects.count() == 0


def test_a_file_that_nobody_decides_on_is_emptied(house, dana):
    register.upload(content=file_of(line()), by=dana, at=NOON)
    assert register.empty_old(at=NOON + 7 * DAY) == 0

    assert register.empty_old(at=NOON + 8 * DAY) == 1

    row = RegisterImport.objects.get()
    assert (row.state, bytes(row.content), row.emptied_at) == ("dropped", b"", NOON + 8 * DAY)


def test_who_may_not_take_the_register_away_does_not(harbor, ezra):
    with pytest.raises(NotPermitted):
        register.export_lines(by=ezra, at=NOON)
    assert not Event.objects.filter(verb="export.made").exists()
