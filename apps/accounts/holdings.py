"""What is held about people and about the contacts of organizations, where, and how it ends."""

from django.db.models import Q

from apps.accounts.models import (
    ExternalIdentity,
    GrantedScope,
    LinkAttempt,
    LinkedAccount,
    LinkedClaim,
    MinorCase,
    Person,
    PersonEmail,
    PersonPhone,
    PolicyAcceptance,
    RememberedRequest,
    Representative,
)
from apps.accounts.services import documents, erasing, linking
from apps.accounts.services.erasing import about
from apps.foundation.held import Held, Rows, kept_or
from apps.foundation.personal_data import Holding, Role, Whom

IN_PERSON = (
    "reference", "organization", "given_name", "family_name", "birth_date", "street", "city", "postal_code", "state", "country", "standing",
    "registered_at", "policy_version",
)  # fmt: skip


def _account_is_theirs(subject) -> Q:
    return Q(account__person_id=subject.pk)


PEOPLE = Held((
    Rows("Who you are", Person, lambda subject: Q(pk=subject.pk), IN_PERSON),
    Rows("Who you were, by earlier changes", Person.history.model, lambda subject: Q(id=subject.pk), ("history_date", *IN_PERSON)),
))  # fmt: skip
REACH = Held((
    Rows("Your e-mail addresses", PersonEmail, about, ("address", "normalised", "added_at", "policy_version")),
    Rows("Earlier e-mail addresses", PersonEmail.history.model, about, ("history_date", "address", "normalised", "added_at")),
    Rows("Your phones", PersonPhone, about, ("number", "added_at", "policy_version")),
    Rows("Earlier phones", PersonPhone.history.model, about, ("history_date", "number", "added_at")),
))  # fmt: skip
IDENTITIES = Held((
    Rows("How other systems name you", ExternalIdentity, about, ("source", "external_id", "added_at", "policy_version")),
    Rows("How other systems named you", ExternalIdentity.history.model, about, ("history_date", "source", "external_id", "added_at")),
))  # fmt: skip
LINKED = Held(
    (
        Rows("Claims of linked accounts", LinkedClaim, _account_is_theirs),
        Rows("Scopes you granted", GrantedScope, _account_is_theirs, ("account", "scope")),
        Rows("Attempts to link an account", LinkAttempt, about, ("provider", "scopes", "begun_at", "lapses_at", "used_at")),
        Rows(
            "Accounts that you linked, and what they told", LinkedAccount, about,
            ("reference", "provider", "subject", "how", "linked_at", "revoked_at", "revoked_how", "policy_version"),
            reads=erasing.told_by, secret=linking.secret_of,
        ),
    ),
    first=erasing.tell_providers,
)  # fmt: skip
REPRESENTATIVES = Held((
    Rows("Cases about your age", MinorCase, about, ("reference", "how", "opened_at", "due_at", "state", "closed_at")),
    Rows(
        "Representatives", Representative, about,
        ("reference", "authority", "valid_from", "valid_until", "document_kind", "document_size", "document_destroyed_at", "state", "proposed_at",
         "decided_at", "ended_at", "end_reason"),
        redacts=erasing.representatives_are_others, secret=documents.secret_of,
    ),
))  # fmt: skip
ACCEPTANCES = Held((Rows("Versions of the policy you accepted", PolicyAcceptance, about, ("reference", "policy_version", "how", "at")),))
RETRIES = Held((Rows("Registrations that may be sent again", RememberedRequest, about),))

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="accounts.contacts",
        title="The contact of an organization",
        role=Role.CONTROLLER,
        tables=("accounts_organization", "accounts_historicalorganization"),
        collected="Given at the organization's registration, by its service or by staff.",
        ends="Replaced when the organization names another contact; goes with the organization.",
        whom=Whom.CONTACTS,
    ),
    Holding(
        code="accounts.people",
        title="People: names, date of birth, address, state",
        role=Role.CONTROLLER,
        tables=("accounts_person", "accounts_historicalperson"),
        collected="Given at registration and later, voluntarily; each field says what is lost without it.",
        ends="Erased on request, or within 60 days after the registration is cancelled.",
        count=PEOPLE.count,
        collect=PEOPLE.collect,
        erase=kept_or(erasing.person_row, PEOPLE.count),
    ),
    Holding(
        code="accounts.reach",
        title="How people are reached: e-mail addresses and phones",
        role=Role.CONTROLLER,
        tables=(
            "accounts_personemail", "accounts_historicalpersonemail", "accounts_personphone", "accounts_historicalpersonphone",
        ),
        collected="Given at registration and later, voluntarily.",
        ends="Erased with the person, or when the person takes one back.",
        count=REACH.count,
        collect=REACH.collect,
        erase=REACH.erase,
    ),
    Holding(
        code="accounts.identities",
        title="How other systems name people",
        role=Role.CONTROLLER,
        tables=("accounts_externalidentity", "accounts_historicalexternalidentity"),
        collected="Sent by the service that registers or names a person.",
        ends="Erased with the person.",
        count=IDENTITIES.count,
        collect=IDENTITIES.collect,
        erase=IDENTITIES.erase,
    ),
    Holding(
        code="accounts.linked",
        title="Third-party accounts that people linked, and what those told within the scopes granted",
        role=Role.CONTROLLER,
        tables=("accounts_linkedaccount", "accounts_linkedclaim", "accounts_linkattempt"),
        collected="From the provider, as far as the person granted it there; values and tokens sealed under a secret of the account's own.",
        ends="Erased when the account is unlinked, and with the person; its secret is destroyed, so that backups hold nothing that opens.",
        files=("keystore/linked", "keystore-second/linked"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=LINKED.count,
        collect=LINKED.collect,
        erase=LINKED.erase,
    ),
    Holding(
        code="accounts.representatives",
        title="Who acts for people below 18, with the document that proves it, and the cases about minors without one",
        role=Role.CONTROLLER,
        tables=("accounts_representative", "accounts_minorcase"),
        collected="Handed in by the representative and registered by staff; a case is opened by a report, a corrected date of birth or staff.",
        ends=(
            "The document is destroyed with its key some days after the decision, with the names where it was rejected; the rest goes with the"
            " person. While a legal hold keeps the person it stays, unused."
        ),
        files=("keystore/representative", "keystore-second/representative"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=REPRESENTATIVES.count,
        collect=REPRESENTATIVES.collect,
        erase=REPRESENTATIVES.erase,
    ),
    Holding(
        code="accounts.representing",
        title="Where somebody acts for another person below 18",
        role=Role.CONTROLLER,
        tables=("accounts_representative",),
        collected="Handed in by the representative and registered by staff.",
        ends="Name, address and document go with the representative's own data once the representation is over; while it is in force, the law asks for it.",
        files=("keystore/representative", "keystore-second/representative"),
        count=erasing.count_representing,
        collect=erasing.collect_representing,
        erase=kept_or(erasing.erase_representing, erasing.count_representing),
    ),
    Holding(
        code="accounts.acceptances",
        title="Which versions of the policy people accepted, or used the service under",
        role=Role.CONTROLLER,
        tables=("accounts_policyacceptance",),
        collected="When the person says so on their preference page, or the product tells it.",
        ends="With the person, once their account is closed. Until then it never changes, and the database lets none go.",
        count=ACCEPTANCES.count,
        collect=ACCEPTANCES.collect,
        erase=ACCEPTANCES.erase,
    ),
    Holding(
        code="accounts.retries",
        title="Which registration a service sent under which key",
        role=Role.CONTROLLER,
        tables=("accounts_rememberedrequest",),
        collected="Written when a service sends an Idempotency-Key; key and body as keyed hashes only.",
        ends="Forgotten after three days, and with the person.",
        count=RETRIES.count,
        collect=RETRIES.collect,
        erase=RETRIES.erase,
    ),
    Holding(
        code="accounts.tokens",
        title="Who issued a token to a sending service",
        role=Role.CONTROLLER,
        tables=("accounts_servicetoken",),
        collected="The reference of the member of staff is written when they issue a token.",
        ends="Kept with the token's record; it is a reference and names nobody by itself.",
        whom=Whom.STAFF,
    ),
)  # fmt: skip
