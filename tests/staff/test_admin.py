"""What each role may see and do with members of staff and approvals in the admin, tried on the pages themselves."""

import pytest

from apps.staff.models import Approval, StaffMember
from apps.staff.roles import Role
from apps.staff.services import approvals, duties
from tests.staff.people import DIGEST, NOON, PASSWORD, PUBLISH, SYSTEM, hire, is_signed_in, sign_in

pytestmark = pytest.mark.django_db

MEMBERS = "/admin/staff/staffmember/"
APPROVALS = "/admin/staff/approval/"

#: role → may look at members, may add, change, end and reset them. Written by hand, on purpose not read from roles.py.
TABLE = {
    Role.COMPLIANCE_OFFICER: (False, False),
    Role.RECORDS_MANAGER: (False, False),
    Role.PRIVACY_ANALYST: (False, False),
    Role.COUNSEL: (False, False),
    Role.AUDITOR: (True, False),
    Role.ADMINISTRATOR: (True, True),
}
LOOK = [(role, allowed) for role, (allowed, _manage) in TABLE.items()]
MANAGE = [(role, allowed) for role, (_look, allowed) in TABLE.items()]

NEW = {
    "username": "dan",
    "full_name": "Dan Example",
    "email": "dan@covenant.example",
    "roles": ["counsel"],
    "first_password": "",
}


@pytest.fixture
def bo():
    return hire("bo", Role.AUDITOR)


def page_of(member, act=""):
    return f"{MEMBERS}{member.pk}/{f'act/{act}/' if act else 'change/'}"


def test_the_table_of_this_test_names_every_role():
    assert set(TABLE) == set(Role)


@pytest.mark.parametrize(("role", "allowed"), LOOK)
def test_who_may_look_at_members(bo, role, allowed):
    browser = sign_in(hire("cleo", role))
    assert [browser.get(MEMBERS).status_code, browser.get(page_of(bo)).status_code] == [200 if allowed else 403] * 2


@pytest.mark.parametrize(("role", "allowed"), MANAGE)
def test_who_may_add_a_member(role, allowed):
    browser = sign_in(hire("cleo", role))
    assert browser.get(f"{MEMBERS}add/").status_code == (200 if allowed else 403)
    assert browser.post(f"{MEMBERS}add/", NEW).status_code == (302 if allowed else 403)
    assert StaffMember.objects.filter(username="dan").exists() == allowed


@pytest.mark.parametrize(("role", "allowed"), MANAGE)
def test_who_may_change_a_member(bo, role, allowed):
    browser = sign_in(hire("cleo", role))
    answer = browser.post(page_of(bo), {"full_name": "Bob", "email": bo.email, "roles": ["counsel"]})
    assert answer.status_code == (302 if allowed else 403)
    bo.refresh_from_db()
    assert (bo.roles, bo.full_name) == ((["counsel"], "Bob") if allowed else (["auditor"], "Bo Example"))


@pytest.mark.parametrize("act", ["leave", "reset_second_factor"])
@pytest.mark.parametrize(("role", "allowed"), MANAGE)
def test_who_may_end_a_member_or_remove_a_second_factor(bo, role, allowed, act):
    browser_of_bo, browser = sign_in(bo), sign_in(hire("cleo", role))
    question = browser.get(page_of(bo, act))
    assert question.status_code == (200 if allowed else 403)
    assert is_signed_in(browser_of_bo), "looking at the question changes nothing"
    assert browser.post(page_of(bo, act), {"once": "one"}).status_code == (302 if allowed else 403)
    assert is_signed_in(browser_of_bo) != allowed


@pytest.mark.parametrize("role", Role)
def test_nobody_deletes_a_member_or_an_approval(bo, role):
    member = hire("cleo", role)
    asked = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=bo, at=NOON)
    browser = sign_in(member)
    assert browser.post(f"{MEMBERS}{bo.pk}/delete/", {"post": "yes"}).status_code == 403
    assert browser.post(f"{APPROVALS}{asked.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("role", Role)
def test_everybody_sees_approvals_and_nobody_changes_one_there(bo, role):
    asked = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=bo, at=NOON)
    browser = sign_in(hire("cleo", role))
    page = browser.get(f"{APPROVALS}{asked.pk}/change/")
    assert (browser.get(APPROVALS).status_code, page.status_code) == (200, 200)
    assert browser.get(f"{APPROVALS}add/").status_code == 403
    assert browser.post(f"{APPROVALS}{asked.pk}/change/", {"verdict": "approved"}).status_code == 403
    asked.refresh_from_db()
    assert asked.verdict == "open"


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    "address",
    [
        "/admin/account/emailaddress/", "/admin/mfa/authenticator/", "/admin/socialaccount/socialaccount/",
        "/admin/socialaccount/socialapp/", "/admin/auth/group/",
    ],
)  # fmt: skip
def test_the_tables_of_others_have_no_page_for_anybody(role, address):
    assert sign_in(hire("cleo", role)).get(address).status_code in (403, 404)


def test_an_added_member_without_a_password_sets_their_own():
    ada = hire("ada", Role.ADMINISTRATOR)
    sign_in(ada).post(f"{MEMBERS}add/", NEW)
    dan = StaffMember.objects.get(username="dan")
    assert (dan.roles, dan.has_usable_password()) == (["counsel"], False)
    assert dan.history.get().history_user == ada


def test_what_the_service_refuses_is_said_on_the_form():
    browser = sign_in(hire("ada", Role.ADMINISTRATOR))
    page = browser.post(f"{MEMBERS}add/", NEW | {"first_password": "password1234"})
    assert page.status_code == 200
    assert "This password is too common." in page.content.decode()
    assert StaffMember.objects.count() == 1


def test_an_administrator_does_not_find_their_own_roles_on_the_form_and_cannot_smuggle_them_in():
    ada = hire("ada", Role.ADMINISTRATOR)
    browser = sign_in(ada)
    assert 'name="roles"' not in browser.get(page_of(ada)).content.decode()
    browser.post(page_of(ada), {"full_name": "Ada Lane", "email": ada.email, "roles": ["administrator", "counsel"]})
    ada.refresh_from_db()
    assert (ada.roles, ada.full_name) == (["administrator"], "Ada Lane")


@pytest.mark.parametrize("act", ["leave", "reset_second_factor"])
def test_nobody_ends_themself_or_takes_off_their_own_second_factor(act):
    ada = hire("ada", Role.ADMINISTRATOR)
    browser = sign_in(ada)
    assert f"act/{act}/" not in browser.get(page_of(ada)).content.decode()
    answer = browser.post(page_of(ada, act), {"once": "one"})
    assert answer.status_code == 409
    assert "sk another administrator" in answer.content.decode()
    assert is_signed_in(browser)


def test_the_question_says_what_leaving_will_do(bo):
    approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=bo, at=NOON)
    sign_in(bo)
    page = sign_in(hire("ada", Role.ADMINISTRATOR)).get(page_of(bo, "leave")).content.decode()
    assert f"Bo Example ({bo.reference}) can no longer sign in" in page
    assert "Open sessions that end: 1." in page
    assert "waiting for a decision, that become void: 1." in page
    assert "Sign-on accounts" not in page


def test_who_left_is_shown_and_no_longer_changed(bo):
    browser = sign_in(hire("ada", Role.ADMINISTRATOR))
    browser.post(page_of(bo, "leave"), {"once": "one"})
    assert browser.get(page_of(bo)).status_code == 200
    assert browser.post(page_of(bo), {"full_name": "B", "email": bo.email, "roles": ["counsel"]}).status_code == 403


def test_rights_taken_away_count_from_the_next_click(bo):
    browser = sign_in(bo)
    assert browser.get(MEMBERS).status_code == 200
    duties.assign(member=bo, roles=[Role.COUNSEL], by=SYSTEM, at=NOON)
    assert browser.get(MEMBERS).status_code == 403


def test_the_list_can_be_narrowed_to_what_waits_for_me():
    ada, cleo = hire("ada", Role.COMPLIANCE_OFFICER), hire("cleo", Role.COUNSEL)
    of_ada = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON)
    of_cleo = approvals.ask(act=PUBLISH, subject="POL-2", digest=DIGEST, by=cleo, at=NOON)
    page = sign_in(cleo).get(f"{APPROVALS}?waiting=me").content.decode()
    assert (of_ada.reference in page, of_cleo.reference in page) == (True, False)
    page = sign_in(cleo).get(f"{APPROVALS}?waiting=others").content.decode()
    assert (of_ada.reference in page, of_cleo.reference in page) == (False, True)


def test_only_who_asked_withdraws_it_there():
    ada, cleo = hire("ada", Role.COMPLIANCE_OFFICER), hire("cleo", Role.COUNSEL)
    asked = approvals.ask(act=PUBLISH, subject="POL-1", digest=DIGEST, by=ada, at=NOON)
    address = f"{APPROVALS}{asked.pk}/act/withdraw/"
    assert sign_in(cleo).post(address, {"once": "one"}).status_code == 409
    assert sign_in(ada).post(address, {"once": "two"}).status_code == 302
    assert Approval.objects.get().verdict == "withdrawn"


@pytest.mark.parametrize("people", [1, 3])
def test_the_lists_take_the_same_number_of_queries_for_one_and_for_three(people, django_assert_num_queries):
    browser = sign_in(hire("ada", Role.ADMINISTRATOR))
    for number in range(people):
        asker = hire(f"bo{number}", Role.COMPLIANCE_OFFICER)
        approvals.ask(act=PUBLISH, subject=f"POL-{number}", digest=DIGEST, by=asker, at=NOON)
    browser.get(MEMBERS)
    with django_assert_num_queries(4):  # session, who looks, whether they have a second factor, the rows
        browser.get(MEMBERS)
    with django_assert_num_queries(4):
        browser.get(APPROVALS)


def test_names_of_members_are_not_searched_for_in_the_address(bo):
    browser = sign_in(hire("ada", Role.ADMINISTRATOR, password=PASSWORD))
    answer = browser.post(MEMBERS, {"_search": "1", "q": "Bo Example"})
    assert answer.status_code == 302
    assert "Example" not in answer.url
    assert bo.reference in browser.get(answer.url).content.decode()


@pytest.mark.parametrize("question", ["password__startswith=md5", "password=x", "o=-password"])
def test_no_address_asks_about_a_password_hash(bo, question):
    page = sign_in(hire("cleo", Role.AUDITOR)).get(f"{MEMBERS}?{question}", follow=True)
    listed = page.status_code == 200 and not page.redirect_chain and question.startswith("password")
    assert not listed
    assert "md5$" not in page.content.decode()
