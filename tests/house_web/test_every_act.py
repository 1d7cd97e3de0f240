"""Every act that the admin declares, whatever app it belongs to: refused to each role without it, asked before it is done, done by who may.

The acts are those of the registered classes, not a list kept by hand; what each is tried on stands in tests/house_web/rows. Beside the
acts, the doors that come with every class (add, change, delete, reveal) are tried by each role that the table of roles doesn't name.
"""

import hashlib
from html import escape

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import reverse

from apps.foundation.admin import Act
from apps.staff.roles import PERMISSIONS, Role
from tests.house_web.listed import LISTED, address, every_model, may_view
from tests.house_web.masked import leaks, personal_values
from tests.house_web.rows import SCENES, Scene

ACTS = {(model, act.name): act for model in LISTED for act in admin.site.get_model_admin(model).acts}


def case_of(model: type, name: str, act: Act):
    """An act as a case of its own, with committed transactions where what it is tried on takes them."""
    committed = (model, name) in SCENES and SCENES[model, name].committed
    return pytest.param(model, act, id=f"{model._meta.label}-{name}", marks=pytest.mark.django_db(transaction=committed))


every_act = pytest.mark.parametrize(("model", "act"), [case_of(model, name, act) for (model, name), act in ACTS.items()])

pytestmark = pytest.mark.django_db

#: a session notes that somebody was here; it is nobody's data and no effect of an act
NO_EFFECT = frozenset({"django_session"})


def scene_of(model: type, act: Act) -> Scene:
    assert (model, act.name) in SCENES, (
        f"The act “{act.label}” of {model._meta.label} is tried by nobody. Mend: add ({model.__name__}, {act.name!r}) to SCENES in "
        f"tests/house_web/rows/{model._meta.app_label}.py, with a thing that it applies to and a form that is right."
    )
    return SCENES[model, act.name]


def may(act: Act, model: type, role: Role) -> bool:
    return act.permission in PERMISSIONS[role] and may_view(model, role)


def who_may(act: Act, model: type) -> list[Role]:
    return [role for role in Role if may(act, model, role)]


def place_of(model: type, act: Act, thing) -> str:
    return address(model, act.name, *([] if thing is None else [thing.pk]))


def page_of(model: type, thing) -> str:
    """Where the button of an act stands."""
    return address(model, "changelist") if thing is None else address(model, "change", thing.pk)


def state_of_everything(settings) -> dict[str, str]:
    """A digest of each table, the messages among them, and of each file at home: keys, journal, signatures."""
    with connection.cursor() as cursor:
        tables = sorted(set(connection.introspection.table_names(cursor)) - NO_EFFECT)
        digests = " UNION ALL ".join(
            f"SELECT '{table}', md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM {connection.ops.quote_name(table)} t"
            for table in tables
        )
        cursor.execute(digests)
        state = dict(cursor.fetchall())
    assert {"accounts_person", "audit_event", "message", "staff_staffmember"} <= state.keys()
    files = (path for path in settings.COVENANT_HOME.rglob("*") if path.is_file())
    return state | {str(path.relative_to(settings.COVENANT_HOME)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def changes(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_no_scene_is_kept_for_an_act_that_is_no_longer_declared():
    assert [name for name in SCENES if name not in ACTS] == []


@pytest.mark.parametrize("act", [pytest.param(act, id=f"{model._meta.label}-{name}") for (model, name), act in ACTS.items()])
def test_the_right_to_an_act_stands_in_the_table_of_roles(act):
    assert [role for role in Role if act.permission in PERMISSIONS[role]] != [], f"no role may “{act.label}”: {act.permission}"


@every_act
def test_an_act_is_refused_to_every_role_without_it_and_changes_nothing(office, settings, model, act):
    scene = scene_of(model, act)
    thing = scene.subject(office.member(Role.AUDITOR))
    place, form = place_of(model, act, thing), scene.form(thing) | {"once": "first"}
    refused = [role for role in Role if not may(act, model, role)] + [None]
    browsers = {role: office.browser(role) for role in refused}

    answers, touched = {}, {}
    for role, browser in browsers.items():
        before = state_of_everything(settings)
        page = browser.get(page_of(model, thing))
        answers[role] = (browser.get(place).status_code, browser.post(place, form).status_code, place in page.text)
        touched[role] = changes(before, state_of_everything(settings))

    assert answers == dict.fromkeys(refused, (403, 403, False))
    assert touched == dict.fromkeys(refused, set())


@every_act
def test_asking_for_an_act_says_what_will_happen_and_changes_nothing(office, settings, model, act):
    scene = scene_of(model, act)
    thing = scene.subject(office.member(who_may(act, model)[0]))
    place = place_of(model, act, thing)
    said = act.explain(thing)
    browsers = {role: office.browser(role) for role in who_may(act, model)}
    personal = personal_values()
    assert [sentence for sentence in said if sentence.strip()] != []

    for role, browser in browsers.items():
        before = state_of_everything(settings)
        page = browser.get(place)
        assert (page.status_code, browser.head(place).status_code) == (200, 200), role
        assert changes(before, state_of_everything(settings)) == set(), role
        assert [sentence for sentence in said if escape(sentence) not in page.text] == [], role
        assert "What will happen" in page.text
        assert page.context["once"] in page.text
        assert "Go back, change nothing" in page.text
        assert leaks(page, personal) == set(), role


@every_act
def test_an_act_is_done_by_who_may_after_the_question_and_leaves_a_trace(office, settings, model, act):
    scene, role = scene_of(model, act), who_may(act, model)[0]
    thing = scene.subject(office.member(role))
    place, browser = place_of(model, act, thing), office.browser(role)
    assert place in browser.get(page_of(model, thing)).text, "no button leads there"
    form = scene.form(thing) | {"once": browser.get(place).context["once"]}
    before = state_of_everything(settings)

    answer = browser.post(place, form)

    assert answer.status_code in (200, 302), answer.text
    touched = changes(before, state_of_everything(settings))
    assert touched & {"audit_event", "django_admin_log", "staff_historicalstaffmember", "staff_approval"} != set(), "nothing tells who did it"


@every_act
def test_a_confirmation_from_elsewhere_does_nothing(office, settings, model, act):
    scene, role = scene_of(model, act), who_may(act, model)[0]
    thing = scene.subject(office.member(role))
    browser = office.browser(role, enforce_csrf_checks=True)
    before = state_of_everything(settings)

    assert browser.post(place_of(model, act, thing), scene.form(thing) | {"once": "forged"}).status_code == 403
    assert changes(before, state_of_everything(settings)) == set()


# The doors that come with every class


def doors(model: type, thing) -> dict[str, str]:
    """Address of each stock door, and the permission that opens it."""
    app, name = model._meta.app_label, model._meta.model_name
    found = {
        address(model, "add"): f"{app}.add_{name}",
        address(model, "change", thing.pk): f"{app}.change_{name}",
        address(model, "delete", thing.pk): "",
    }
    if reveal := admin.site.get_model_admin(model).reveal_permission:
        found[reverse(f"admin:{app}_{name}_reveal", args=[thing.pk])] = reveal
    return found


@every_model
def test_no_role_adds_changes_deletes_or_reveals_what_the_table_does_not_name_for_it(office, settings, model):
    office.fill(model, 1)
    thing = model._default_manager.order_by("pk").last()
    browsers = {role: office.browser(role) for role in (*Role, None)}
    before = state_of_everything(settings)

    opened = {
        (role, door): status
        for role, browser in browsers.items()
        for door, permission in doors(model, thing).items()
        if role is None or permission not in PERMISSIONS[role]
        for status in [browser.post(door, {"post": "yes"}).status_code]
        if status not in (403, 405)
    }

    assert opened == {}
    assert changes(before, state_of_everything(settings)) == set()


@every_model
def test_the_form_to_add_opens_for_exactly_the_roles_that_may_add(office, model):
    adds = f"{model._meta.app_label}.add_{model._meta.model_name}"
    listed = admin.site.get_model_admin(model)
    answers = {role: office.browser(role).get(address(model, "add")).status_code for role in Role}

    opened = {role for role, status in answers.items() if status == 200}
    named = {role for role in Role if adds in PERMISSIONS[role]}
    only_by_act = {act.permission for act in listed.acts if act.on_list}
    assert opened == (set() if adds in only_by_act else named)
    assert {status for role, status in answers.items() if role not in opened} <= {403}
