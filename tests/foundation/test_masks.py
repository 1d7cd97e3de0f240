"""Masks: personal values are hidden on lists, pages, in files and from questions, until somebody lifts them, which is recorded."""

from datetime import date

import pytest
import time_machine

from apps.accounts.models import Organization, Person
from apps.audit.models import Event
from apps.foundation.masks import kind_of, mask

PEOPLE = "/admin/accounts/person/"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("name", "Ada Lovelace", "A••• L•••"),
        ("name", "  Ada  ", "A•••"),
        ("name", "", ""),
        ("email", "ada@harbor.org", "a•••@h•••.org"),
        ("email", "ada@mail.harbor.co.uk", "a•••@m•••.uk"),
        ("email", "not an address", "•••"),
        ("email", "ada@localhost", "•••"),
        ("phone", "+1 555 010 7721", "••• 21"),
        ("phone", "112", "•••"),
        ("date", date(1985, 12, 10), "•••"),
        ("text", "10 Harbor Street", "•••"),
        ("unheard of", "anything", "•••"),
        ("text", None, ""),
        ("email", ["ada@harbor.org", "b@c.de"], "a•••@h•••.org, b•••@c•••.de"),
    ],
)
def test_a_mask_shows_enough_to_tell_rows_apart_and_no_more(kind, value, shown):
    assert mask(value, kind) == shown


def test_the_kind_of_a_mask_follows_from_the_field():
    kinds = {name: kind_of(Person._meta.get_field(name)) for name in ("given_name", "birth_date", "street")}
    assert kinds == {"given_name": "name", "birth_date": "text", "street": "text"}
    assert kind_of(Organization._meta.get_field("contact_phone")) == "phone"
    assert kind_of(Organization._meta.get_field("contact_email")) == "email"


@pytest.mark.parametrize("path", ["", "?q=Lovelace", "{pk}/change/"])
def test_no_page_shows_what_is_masked(auditor, ada, path):
    page = auditor.get(PEOPLE + path.format(pk=ada.pk)).content.decode()
    assert "A•••" in page
    assert "L•••" in page
    text = page.replace('value="Lovelace"', "")  # what somebody typed themself
    assert "Lovelace" not in text
    assert "ada@harbor.org" not in text
    assert "1985" not in text


def test_who_may_change_but_did_not_look_sees_masks_and_changes_nothing_hidden(analyst, ada):
    address = f"{PEOPLE}{ada.pk}/change/"
    page = analyst.get(address).content.decode()
    assert "Lovelace" not in page
    assert 'name="given_name"' not in page
    assert "ada@harbor.org" not in page
    answer = analyst.post(address, {"given_name": "Eve", "standing": "active"})
    ada.refresh_from_db()
    assert (answer.status_code, ada.given_name) == (200, "Ada")
    assert "hidden again before you saved" in answer.content.decode()


def test_lifting_the_masks_is_recorded_first_and_ends_by_itself(analyst, ada):
    address = f"{PEOPLE}{ada.pk}/"
    with time_machine.travel("2026-03-08T12:00:00Z", tick=False):
        assert analyst.get(address + "reveal/").status_code == 405
        assert analyst.post(address + "reveal/").url == address + "change/"
        event = Event.objects.get(verb="personal.revealed")
        assert (event.object, event.actor, event.facts) == (
            ada.reference, f"staff:{analyst.member.reference}", {"model": "accounts.person"},
        )  # fmt: skip
        page = analyst.get(address + "change/").content.decode()
        assert 'value="Lovelace"' in page
        assert "ada@harbor.org" in page
        assert "12:15 UTC" in page
    with time_machine.travel("2026-03-08T12:16:00Z", tick=False):
        page = analyst.get(address + "change/").content.decode()
        assert "Lovelace" not in page
        assert "ada@harbor.org" not in page


def test_lifting_masks_opens_that_page_only_and_not_the_list(analyst, ada, version):
    other = Person.objects.create(given_name="Bo", family_name="Diddley", registered_at=ada.registered_at, policy_version=version)
    analyst.post(f"{PEOPLE}{ada.pk}/reveal/")
    assert "Diddley" not in analyst.get(f"{PEOPLE}{other.pk}/change/").content.decode()
    assert "Lovelace" not in analyst.get(PEOPLE).content.decode()


def test_who_may_not_lift_masks_is_refused(auditor, manager, ada):
    assert auditor.post(f"{PEOPLE}{ada.pk}/reveal/").status_code == 403
    assert manager.post(f"{PEOPLE}{ada.pk}/reveal/").status_code == 403
    assert "Show personal fields</button>" not in auditor.get(f"{PEOPLE}{ada.pk}/change/").content.decode()
    assert not Event.objects.filter(verb="personal.revealed").exists()


def test_a_look_that_can_not_be_recorded_shows_nothing(analyst, ada, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("the ledger is closed")

    monkeypatch.setattr("config.admin_site_class.ledger.record", broken)
    with pytest.raises(RuntimeError):
        analyst.post(f"{PEOPLE}{ada.pk}/reveal/")
    assert "Lovelace" not in analyst.get(f"{PEOPLE}{ada.pk}/change/").content.decode()


@pytest.mark.parametrize(
    "question",
    ["family_name__startswith=L", "family_name=Lovelace", "birth_date__year=1985", "emails__address__startswith=a"],
)
def test_no_address_asks_letter_by_letter_what_a_mask_hides(auditor, ada, question):
    assert auditor.get(f"{PEOPLE}?{question}").status_code == 400


def test_no_address_asks_through_a_relation_either(auditor, ada):
    assert auditor.get(f"{PEOPLE}?organization__contact_email__startswith=a").status_code == 400
    assert auditor.get(f"{PEOPLE}?organization__reference={ada.organization.reference}").status_code == 200


def test_a_search_for_a_person_does_not_stand_in_the_address(auditor, ada):
    answer = auditor.post(PEOPLE + "?standing=active", {"_search": "1", "q": "Lovelace"})
    assert answer.status_code == 302
    assert "Lovelace" not in answer.url
    assert "standing=active" in answer.url
    page = auditor.get(answer.url)
    assert [row.pk for row in page.context["cl"].result_list] == [ada.pk]
    assert page.context["cl"].query == "Lovelace"


def test_a_sealed_search_that_is_old_or_forged_is_said_to_have_expired(auditor, ada):
    with time_machine.travel("2026-03-08T12:00:00Z", tick=False):
        address = auditor.post(PEOPLE, {"_search": "1", "q": "Lovelace"}).url
    later = auditor.get(address)
    assert "has expired" in later.content.decode()
    assert "has expired" in auditor.get(PEOPLE + "?q=~forged").content.decode()
