"""The doors of Message Data: the API, the import command, and each act in the admin for every role."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from apps.accounts.services import tokens
from apps.foundation.actors import SYSTEM
from apps.retention.models import Batch, Cohort, Message, RetentionRule
from apps.retention.services import leaves, rules
from apps.staff.roles import PERMISSIONS, Role
from tests import cast

pytestmark = pytest.mark.usefixtures("house")

SLACK = "tests/data/slack/testarchive.zip"


@pytest.fixture
def clinic():
    organization = cast.hill_clinic(7)
    leaves.make_leaves(at=timezone.now())
    return organization


@pytest.fixture
def token():
    return tokens.issue(name="messaging", scopes=["messages"], organization=None, by=SYSTEM, at=cast.NOON)[1]


def line(number: int, **given) -> bytes:
    said = {
        "id": f"a{number}", "conversation": "c", "sent_at": timezone.now().isoformat(), "sender": {"email": "x@y.example"},
        "recipients": [], "body": "hi",
    }  # fmt: skip
    return json.dumps(said | given).encode() + b"\n"


def post(client, token, organization, body, batch="b1", content_type="application/x-ndjson"):
    return client.post(
        f"/api/v1/messages?organization={organization.reference}&batch={batch}", body, content_type=content_type,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip


def test_a_stream_of_messages_is_taken_in_and_what_can_not_be_is_told(client, clinic, token):
    body = line(1) + b"not json\n" + line(2, sent_at="2999-01-01T00:00:00Z") + line(3)
    answer = post(client, token, clinic, body)
    said = answer.json()
    assert (answer.status_code, said["accepted"], said["refused"]) == (200, 2, 2)
    assert [(row["line"], row["code"]) for row in said["refused_lines"]] == [(2, "not_json"), (3, "sent_in_the_future")]
    assert Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).count() == 2


def test_the_same_batch_is_done_once_and_other_content_under_its_name_is_refused(client, clinic, token):
    body = line(1)
    assert post(client, token, clinic, body).json()["accepted"] == 1
    assert post(client, token, clinic, body).json()["accepted"] == 1
    assert post(client, token, clinic, line(2)).json()["error"]["code"] == "batch_key_used"
    assert Batch.objects.get().accepted == 1


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_batch_that_broke_off_goes_on_where_it_had_committed(client, clinic, token, settings, size):
    settings.RETENTION_BATCH_LINES = size
    whole = b"".join(line(n) for n in range(1, 8))
    Batch.objects.all().delete()
    half = b"".join(whole.splitlines(keepends=True)[:4])
    post(client, token, clinic, half)
    Batch.objects.update(finished_at=None, digest=None)  # as if the connection had broken after the fourth line
    said = post(client, token, clinic, whole).json()
    assert (said["accepted"], said["duplicates"], said["lines"]) == (7, 0, 7)


def test_without_a_valid_token_nothing_is_taken_in(client, clinic):
    assert post(client, "cov_wrong", clinic, line(1)).status_code == 401
    assert Batch.objects.count() == 0


def test_a_body_that_is_no_stream_of_lines_is_refused_with_the_mend(client, clinic, token):
    answer = post(client, token, clinic, line(1), content_type="application/json")
    assert answer.json()["error"]["code"] == "not_ndjson"


def test_an_organization_without_a_rule_is_told_so(client, token):
    assert post(client, token, cast.client("New Clinic"), line(1)).json()["error"]["code"] == "no_rule"


def test_a_message_is_read_back_while_it_lives(client, clinic, token):
    sent_at = timezone.now().isoformat()
    post(client, token, clinic, line(1, sent_at=sent_at))
    wanted = {"organization": clinic.reference, "id": "a1", "sent_at": sent_at}
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/api/v1/messages/read", json.dumps(wanted), content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["body"]) == (200, "hi")
    long_ago = wanted | {"sent_at": "2020-01-01T00:00:00Z"}
    gone = client.post("/api/v1/messages/read", json.dumps(long_ago), content_type="application/json", headers=headers)
    assert (gone.status_code, gone.json()["error"]["code"]) == (410, "message_gone")


def test_the_slack_export_adds_up_to_158_and_is_past_its_life(clinic, capsys):
    call_command("import_messages", SLACK, organization=clinic.reference)
    batch = Batch.objects.get()
    assert (batch.accepted, batch.refused, sum(batch.kinds.values())) == (0, 158, 158)
    assert "Not taken in:" in capsys.readouterr().out


def test_with_life_from_import_the_slack_export_is_stored_once_however_often_it_is_imported(clinic):
    for _time in range(2):
        call_command("import_messages", SLACK, organization=clinic.reference, life_from="import", quiet_lines=True)
    batch = Batch.objects.get()
    assert (batch.life_from, batch.accepted, batch.refused) == ("import", 147, 11)
    assert Message.objects.on_days(Cohort.objects.values_list("expiry_on", flat=True)).count() == 147


def test_an_unknown_organization_and_a_broken_zip_are_told_with_the_mend(clinic, tmp_path):
    with pytest.raises(CommandError, match="Register the organization first"):
        call_command("import_messages", SLACK, organization="ORG-NOPE")
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"PK\x03\x04 not a zip at all")
    with pytest.raises(CommandError, match="Export the workspace"):
        call_command("import_messages", str(broken), organization=clinic.reference)


# --- the admin --------------------------------------------------------------------------------------------------------


def sign_in(client, role: Role):
    member = cast.staff(f"someone-{role}", role)
    client.force_login(member)
    return member


ACTS = {
    "retention.sweep_now": lambda: reverse("admin:retention_cohort_sweep"),
    "retention.delete_early": lambda: reverse("admin:retention_cohort_delete_early", args=[Cohort.objects.get().pk]),
    "retention.approve_retentionrule": lambda: reverse(
        "admin:retention_retentionrule_approve", args=[RetentionRule.objects.get(state="proposed").pk]
    ),
}


@pytest.mark.parametrize("role", Role.values)
@pytest.mark.parametrize("permission", ACTS)
def test_each_act_is_refused_to_every_role_without_it(client, clinic, permission, role):
    cast.hand_over(clinic, [cast.message(1, at=timezone.now())], at=timezone.now())
    rules.propose(
        organization=clinic, life_days=9, minimum_days=1, maximum_days=90, effective_from=timezone.now(), by=cast.bo(),
        at=timezone.now(),
    )  # fmt: skip
    sign_in(client, Role(role))
    expected = 200 if permission in PERMISSIONS[Role(role)] else 403
    assert client.get(ACTS[permission]()).status_code == expected
    if expected == 403:
        assert client.post(ACTS[permission]()).status_code == 403


def test_nobody_approves_the_rule_they_proposed(client, clinic):
    member = sign_in(client, Role.RECORDS_MANAGER)
    rule = rules.propose(
        organization=clinic, life_days=9, minimum_days=1, maximum_days=90, effective_from=timezone.now(), by=member,
        at=timezone.now(),
    )  # fmt: skip
    address = reverse("admin:retention_retentionrule_approve", args=[rule.pk])
    answer = client.post(address, follow=True)
    rule.refresh_from_db()
    assert (rule.state, answer.status_code) == ("proposed", 409)


def test_a_rule_is_proposed_only_after_its_effect_was_shown(client, clinic):
    sign_in(client, Role.RECORDS_MANAGER)
    address = reverse("admin:retention_retentionrule_add")
    said = {
        "organization": clinic.pk, "life_days": 30, "minimum_days": 1, "maximum_days": 90, "effective_from": "2030-01-01 00:00",
    }  # fmt: skip
    unseen = client.post(address, said | {"_propose": "1"})
    assert RetentionRule.objects.filter(state="proposed").count() == 0
    assert "What this rule would change" in unseen.content.decode()
    shown = unseen.context["form"].data["simulated"]
    assert client.post(address, said | {"_propose": "1", "simulated": shown}).status_code == 302
    assert RetentionRule.objects.get(state="proposed").life_days == 30


@pytest.mark.parametrize("page", ["cohort", "certificate", "retentionrule", "conversationclass", "batch", "destruction", "earlydeletion", "clockdoubt"])
def test_each_list_opens_empty_with_a_sentence(client, page):
    sign_in(client, Role.AUDITOR)
    answer = client.get(reverse(f"admin:retention_{page}_changelist"))
    assert answer.status_code == 200
