"""What is held on members of staff, in our tables and in those of Django and allauth: every column is in one list or
the other.

The admin log is here because it says who did something; that it holds nothing else about a person is kept by
`__str__` being a reference everywhere and by change messages naming fields only (tests/staff/test_admin_log.py).
"""

from apps.foundation.held import kept_or
from apps.foundation.personal_data import DataCategory, Holding, Personal, Purpose, Role, Whom
from apps.staff.services import admin_log

CREDENTIAL = Personal(DataCategory.CREDENTIAL, Purpose.SECURITY)
WORK = Personal(DataCategory.WORK_RECORD, Purpose.SECURITY)
PROOF = Personal(DataCategory.WORK_RECORD, Purpose.LEGAL)
ADDRESS = Personal(DataCategory.CONTACT, Purpose.SECURITY)

MEMBERS = Holding(
    code="staff.members",
    title="Members of staff and the history of their roles",
    role=Role.CONTROLLER,
    tables=("staff_staffmember", "staff_historicalstaffmember"),
    collected="entered by an administrator, or told by the sign-on provider at the first sign-in",
    ends="access ends when the member leaves; the record stays as long as the evidence that names them",
    whom=Whom.STAFF,
)

APPROVALS = Holding(
    code="staff.approvals",
    title="What members of staff asked each other to approve, and what was decided",
    role=Role.CONTROLLER,
    tables=("staff_approval",),
    collected="written when a member asks for an act that a second person must approve, and when it is decided",
    ends="kept as evidence as long as what was approved; it names members by reference only",
    whom=Whom.STAFF,
)

SIGN_IN = Holding(
    code="staff.sign_in",
    title="How members of staff sign in: sessions, second factors, addresses, sign-on accounts",
    role=Role.CONTROLLER,
    tables=(
        "django_session",
        "mfa_authenticator",
        "account_emailaddress",
        "account_emailconfirmation",
        "socialaccount_socialaccount",
        "socialaccount_socialtoken",
        "socialaccount_socialapp",
    ),
    collected="written when a member signs in or sets up a second factor; second factors are encrypted",
    ends="removed when the member leaves; sessions also when they sign out or 12 hours are over. Failed sign-ins are "
    "counted in the cache by network address and by a hash of the name, for at most five minutes",
    third_party={
        "django_session": {"session_key": CREDENTIAL, "session_data": CREDENTIAL},
        "mfa_authenticator": {"user_id": CREDENTIAL, "data": CREDENTIAL, "last_used_at": WORK},
        "account_emailaddress": {"email": ADDRESS, "user_id": ADDRESS},
        "account_emailconfirmation": {"key": CREDENTIAL, "email_address_id": ADDRESS},
        "socialaccount_socialaccount": {
            "uid": CREDENTIAL,
            "user_id": CREDENTIAL,
            "extra_data": WORK,
            "last_login": WORK,
            "date_joined": WORK,
        },
        "socialaccount_socialtoken": {"token": CREDENTIAL, "token_secret": CREDENTIAL, "account_id": CREDENTIAL},
    },
    plain={
        "django_session": frozenset({"expire_date"}),
        "mfa_authenticator": frozenset({"id", "type", "created_at"}),
        "account_emailaddress": frozenset({"id", "verified", "primary"}),
        "account_emailconfirmation": frozenset({"id", "created", "sent"}),
        "socialaccount_socialaccount": frozenset({"id", "provider"}),
        "socialaccount_socialtoken": frozenset({"id", "expires_at", "app_id"}),
        "socialaccount_socialapp": frozenset({
            "id", "provider", "name", "client_id", "secret", "key", "provider_id", "settings",
        }),
    },
    files=("mail/ (the demo only: mails about a forgotten password, written instead of sent)",),
    whom=Whom.STAFF,
)  # fmt: skip

ADMIN_LOG = Holding(
    code="staff.admin_log",
    title="What members of staff added or changed in the admin, by reference and field names",
    role=Role.CONTROLLER,
    tables=("django_admin_log",),
    collected="written by the admin at each change",
    ends="kept as long as the evidence it belongs to; it holds no values and no names. What is about a person's row goes with the row",
    third_party={"django_admin_log": {"user_id": PROOF}},
    plain={
        "django_admin_log": frozenset({
            "id", "action_time", "object_id", "object_repr", "action_flag", "change_message", "content_type_id",
        }),
    },
    count=admin_log.count,
    collect=admin_log.collect,
    erase=kept_or(admin_log.erase, admin_log.count),
)  # fmt: skip

MACHINERY = Holding(
    code="staff.machinery",
    title="Django's own tables, which hold nothing about anybody",
    role=Role.CONTROLLER,
    tables=(
        "auth_group", "auth_group_permissions", "auth_permission", "django_content_type", "django_migrations",
    ),
    collected="written by migrations",
    ends="with the installation",
    plain={
        "auth_group": frozenset({"id", "name"}),
        "auth_group_permissions": frozenset({"id", "group_id", "permission_id"}),
        "auth_permission": frozenset({"id", "name", "content_type_id", "codename"}),
        "django_content_type": frozenset({"id", "app_label", "model"}),
        "django_migrations": frozenset({"id", "app", "name", "applied"}),
    },
    whom=Whom.NOBODY,
)  # fmt: skip

HOLDINGS: tuple[Holding, ...] = (MEMBERS, APPROVALS, SIGN_IN, ADMIN_LOG, MACHINERY)
