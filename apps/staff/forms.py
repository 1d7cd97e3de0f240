"""The forms by which an administrator adds and changes members of staff. They word; the services decide."""

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html

from apps.staff.models import StaffMember
from apps.staff.roles import Role

DUTIES = {
    Role.COMPLIANCE_OFFICER: "drafts and publishes the policy, approves retention rules, reveals personal fields",
    Role.RECORDS_MANAGER: "sets retention rules, imports messages, looks after destruction",
    Role.PRIVACY_ANALYST: "keeps the records of people, reveals personal fields",
    Role.COUNSEL: "approves publication of the policy, exports the ledger",
    Role.AUDITOR: "looks at everything, changes nothing",
    Role.ADMINISTRATOR: "adds members of staff and service tokens, sees no people",
}


class RolesField(forms.MultipleChoiceField):
    """The roles as boxes to tick, each with what it is for."""

    def __init__(self, **options):
        # the class is Django's own for a list of boxes whose words take the whole width
        options.setdefault("widget", forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}))
        choices = [(role.value, f"{role.label.capitalize()}: {DUTIES[role]}") for role in Role]
        super().__init__(choices=choices, **options)


class OwnDetailsForm(forms.ModelForm):
    """One's own record: the roles are not in it."""

    class Meta:
        model = StaffMember
        fields = ("full_name", "email")


class MemberForm(OwnDetailsForm):
    """Somebody else's record."""

    roles = RolesField()

    class Meta(OwnDetailsForm.Meta):
        fields = ("full_name", "email", "roles")


class NewMemberForm(MemberForm):
    """A new member. Without a password they set their own, so that nobody else ever knew it."""

    first_password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Best left empty: the new member then sets their own by “Forgot your password?” on the sign-in page. "
        + password_validators_help_text_html(),
    )

    class Meta(MemberForm.Meta):
        fields = ("username", "full_name", "email", "roles")
