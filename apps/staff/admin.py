"""Members of staff, and what waits for whose decision, as staff see them. The services decide; nothing is decided
here."""

from collections.abc import Sequence

from django import forms
from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest

from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin
from apps.staff.forms import MemberForm, NewMemberForm, OwnDetailsForm
from apps.staff.models import Approval, StaffMember
from apps.staff.roles import Role
from apps.staff.services import approvals, duties, joining, leaving, second_factor
from apps.staff.states import Verdict


def what_leaving_does(member: StaffMember) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    ended = leaving.foresee(member)
    counted = (
        (ended.sessions, "Open sessions that end"),
        (ended.authenticators, "Second factors that are removed, recovery codes among them"),
        (ended.sign_on_accounts, "Sign-on accounts that are removed"),
        (ended.approvals, "Requests of theirs, waiting for a decision, that become void"),
    )
    return [
        f"{member.full_name} ({member.reference}) can no longer sign in, from the moment you confirm.",
        *(f"{what}: {number}." for number, what in counted if number),
        "What they did stays recorded under their reference.",
        "This can't be undone. Somebody who comes back is added anew, under another user name.",
    ]


def what_resetting_does(member: StaffMember) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"Authenticator app, passkeys and recovery codes of {member.full_name} ({member.reference}) are removed.",
        "They are signed out everywhere, and set up a new second factor when they sign in next.",
        "Make sure that it is really them who asks: whoever knows the password sets up the new second factor.",
    ]


def leave(request: HttpRequest, member: StaffMember, form: forms.Form | None) -> str:
    leaving.leave(member=member, by=request.user, at=clock.now())
    return f"{member.reference} has left."


def reset_second_factor(request: HttpRequest, member: StaffMember, form: forms.Form | None) -> str:
    second_factor.reset(member=member, by=request.user, at=clock.now())
    return f"The second factor of {member.reference} is removed."


def is_present(member: StaffMember) -> bool:
    return member.left_at is None


class RoleFilter(admin.SimpleListFilter):
    title = "role"
    parameter_name = "role"

    def lookups(self, request, model_admin):
        return [(role.value, role.label.capitalize()) for role in Role]

    def queryset(self, request, queryset):
        return queryset.filter(roles__contains=[self.value()]) if self.value() else queryset


@admin.register(StaffMember)
class StaffMemberAdmin(CovenantAdmin):
    list_display = ("reference", "full_name", "username", "roles_in_words", "is_active", "last_login", "left_at")
    list_filter = (RoleFilter, "is_active")
    search_fields = ("=reference", "full_name", "username", "email")
    masked_fields = ()  # a directory of colleagues; the password is on no page, in no filter and in no file
    acts = (
        Act(
            "leave", "End access for good", "staff.end_staffmember",
            explain=what_leaving_does, run=leave, applies=is_present,
        ),
        Act(
            "reset_second_factor", "Remove a lost second factor", "staff.change_staffmember",
            explain=what_resetting_does, run=reset_second_factor, applies=is_present,
        ),
    )  # fmt: skip

    @admin.display(description="roles")
    def roles_in_words(self, member: StaffMember) -> str:
        return ", ".join(Role(role).label for role in member.roles)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """No address may ask how a password hash begins."""
        return not lookup.startswith("password") and super().lookup_allowed(lookup, value, request)

    def has_change_permission(self, request: HttpRequest, obj: StaffMember | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or is_present(obj))

    def act_buttons(self, request: HttpRequest, obj: StaffMember | None) -> list[dict]:
        """Neither act is for oneself; the services refuse it too."""
        return [] if obj is not None and obj.pk == request.user.pk else super().act_buttons(request, obj)

    def _form_class(self, request: HttpRequest, obj: StaffMember | None) -> type[forms.ModelForm]:
        if obj is None:
            return NewMemberForm
        return OwnDetailsForm if obj.pk == request.user.pk else MemberForm

    def get_form(self, request, obj=None, change=False, **kwargs):
        return super().get_form(request, obj, change, **({"form": self._form_class(request, obj)} | kwargs))

    def get_readonly_fields(self, request: HttpRequest, obj: StaffMember | None = None) -> Sequence:
        if obj is not None:
            readonly = ("reference", "username", "roles_in_words", "is_active", "created_at", "last_login", "left_at")
            return [self.column(name, revealed=True) for name in readonly]
        return super().get_readonly_fields(request, obj)

    def get_fields(self, request: HttpRequest, obj: StaffMember | None = None) -> Sequence[str]:
        if obj is None:
            return ("username", "full_name", "email", "roles", "first_password")
        editable = self.has_change_permission(request, obj) and obj.pk != request.user.pk
        roles = "roles" if editable else "roles_in_words"
        details = ("reference", "username", "full_name", "email", roles)
        return (*details, "is_active", "created_at", "last_login", "left_at")

    def get_fieldsets(self, request: HttpRequest, obj: StaffMember | None = None) -> Sequence:
        return [(None, {"fields": list(self.get_fields(request, obj))})]

    def save_model(self, request: HttpRequest, obj: StaffMember, form: forms.ModelForm, change: bool) -> None:
        at, given = clock.now(), form.cleaned_data
        if not change:
            member = joining.create(
                username=given["username"], email=given["email"], full_name=given["full_name"], roles=given["roles"],
                password=given["first_password"] or None, by=request.user, at=at,
            )  # fmt: skip
            obj.pk, obj.reference = member.pk, member.reference
            return
        duties.correct(member=obj, full_name=given["full_name"], email=given["email"], by=request.user, at=at)
        if "roles" in given:
            duties.assign(member=obj, roles=given["roles"], by=request.user, at=at)


class WaitingFilter(admin.SimpleListFilter):
    title = "waiting"
    parameter_name = "waiting"

    def lookups(self, request, model_admin):
        return [("me", "For my decision"), ("others", "Asked by me")]

    def queryset(self, request, queryset):
        if self.value() == "me":
            return queryset.waiting_for(request.user)
        if self.value() == "others":
            return queryset.waiting().asked_by(request.user)
        return queryset


def what_withdrawing_does(approval: Approval) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [f"Nobody can approve {approval.reference} any more. You can ask again at any time."]


def withdraw(request: HttpRequest, approval: Approval, form: forms.Form | None) -> str:
    approvals.withdraw(approval=approval, by=request.user, at=clock.now())
    return f"{approval.reference} is withdrawn."


@admin.register(Approval)
class ApprovalAdmin(CovenantAdmin):
    list_display = (
        "reference", "act_in_words", "subject", "asked_by", "asked_at", "verdict", "decided_by", "decided_at",
    )  # fmt: skip
    list_filter = (WaitingFilter, "verdict")
    list_select_related = ("asked_by", "decided_by")
    search_fields = ("=reference", "=subject")
    unmasked_fields = ("asked_by", "decided_by")  # references, not names
    fields = (
        "reference", "act_in_words", "subject", "digest", "asked_by", "asked_at", "verdict", "decided_by", "decided_at",
    )  # fmt: skip
    chips = {
        "verdict": {
            Verdict.OPEN: "wait",
            Verdict.APPROVED: "ok",
            Verdict.REJECTED: "bad",
            Verdict.WITHDRAWN: "plain",
            Verdict.VOID: "plain",
        }
    }
    empty_note = "Nothing was asked for yet. Requests appear here when an act needs a second person."
    acts = (
        Act(
            "withdraw", "Withdraw my request", "staff.view_approval",
            explain=what_withdrawing_does, run=withdraw, applies=lambda approval: approval.verdict == Verdict.OPEN,
        ),
    )  # fmt: skip

    @admin.display(description="what")
    def act_in_words(self, approval: Approval) -> str:
        """`policies.publish_policyversion` as “publish policy version”."""
        app_label, _, codename = approval.act.partition(".")
        verb, _, model = codename.partition("_")
        try:
            thing = apps.get_model(app_label, model)._meta.verbose_name
        except LookupError:
            thing = model.replace("_", " ")
        return f"{verb} {thing}"

    def act_buttons(self, request: HttpRequest, obj: Approval | None) -> list[dict]:
        """Only who asked withdraws; the service refuses it to others too."""
        return [] if obj is not None and obj.asked_by_id != request.user.pk else super().act_buttons(request, obj)
