"""What clients say of messages of people who ask: proposed with its evidence, approved by a second person."""

from django.contrib import admin
from django.http import HttpRequest

from apps.accounts.models import Organization
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.retention.models import PersonRule
from apps.retention.services.people import rules
from apps.retention.states import OnAccess, OnErasure, RuleState

RULE_TONES = {RuleState.PROPOSED: "wait", RuleState.APPROVED: "ok", RuleState.REJECTED: "plain"}

WHEN_ERASED = {
    OnErasure.ASK: "When a person is to be erased, the client is asked what becomes of their messages.",
    OnErasure.ERASE: "When a person is erased, their messages are deleted at once, for everybody who took part. Nothing brings them back.",
    OnErasure.PSEUDONYMISE: "When a person is erased, their messages stay, and name a pseudonym instead of them.",
    OnErasure.KEEP: "When a person is erased, their messages stay as they are until their day.",
}
WHEN_ASKED = {
    OnAccess.ASK: "When a person wants a copy, the client is asked.",
    OnAccess.RELEASE: "When a person wants a copy, they get the messages they wrote and received, without what is about others.",
    OnAccess.WITHHOLD: "When a person wants a copy, they are told to ask the client.",
}


@admin.register(PersonRule)
class PersonRuleAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "erasure", "access", "state", "proposed_at")
    list_filter = ("state", "erasure", "access", "organization")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    chips = {"state": RULE_TONES}
    fields = (
        "reference", "organization", "erasure", "access", "evidence", "state", "proposed_by", "proposed_at", "decided_by", "decided_at",
    )  # fmt: skip
    readonly_fields = ("reference", "state", "proposed_by", "proposed_at", "decided_by", "decided_at")
    unmasked_fields = ("evidence", "proposed_by", "decided_by")
    empty_note = "No client has said anything for good: each is asked each time a person of theirs asks."
    acts = (
        Act(
            "approve", "Approve", rules.ACT, danger=True, applies=lambda rule: rule.state == RuleState.PROPOSED,
            explain=lambda rule: [
                f"It counts for {rule.organization.reference} from now on, in place of any before.",
                WHEN_ERASED[OnErasure(rule.erasure)], WHEN_ASKED[OnAccess(rule.access)],
                "An approved rule never changes; a later one replaces it.",
            ],
            run=lambda request, rule, _form: f"{rules.approve(rule=rule, by=request.user, at=clock.now())} is approved.",
        ),
        Act(
            "reject", "Reject", rules.ACT, danger=False, applies=lambda rule: rule.state == RuleState.PROPOSED,
            explain=lambda rule: ["The rule is put away; what counted goes on to count."],
            run=lambda request, rule, _form: f"{rules.reject(rule=rule, by=request.user, at=clock.now())} is rejected.",
        ),
    )  # fmt: skip

    def get_fields(self, request: HttpRequest, obj=None):
        return self.fields if obj else ("organization", "erasure", "access", "evidence")

    def formfield_for_foreignkey(self, db_field, request: HttpRequest, **kwargs):
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if db_field.name == "organization":
            field.queryset = Organization.objects.filter(standing="active").order_by("name")
            field.label_from_instance = lambda row: f"{row.name} ({row.reference})"
        return field

    def has_change_permission(self, request: HttpRequest, obj=None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: PersonRule, form, change: bool) -> None:
        rules.propose(rule=obj, by=request.user, at=clock.now())
