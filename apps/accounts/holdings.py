"""What is held about people and about the contacts of organizations, where, and how it ends."""

from apps.foundation.personal_data import Holding, Role

HOLDINGS: tuple[Holding, ...] = (
    Holding(
        code="accounts.contacts",
        title="The contact of an organization",
        role=Role.CONTROLLER,
        tables=("accounts_organization", "accounts_historicalorganization"),
        collected="Given at the organization's registration, by its service or by staff.",
        ends="Replaced when the organization names another contact; goes with the organization.",
    ),
    Holding(
        code="accounts.people",
        title="People: names, date of birth, address, state",
        role=Role.CONTROLLER,
        tables=("accounts_person", "accounts_historicalperson"),
        collected="Given at registration and later, voluntarily; each field says what is lost without it.",
        ends="Erased on request, or within 60 days after the registration is cancelled.",
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
    ),
    Holding(
        code="accounts.identities",
        title="How other systems name people",
        role=Role.CONTROLLER,
        tables=("accounts_externalidentity", "accounts_historicalexternalidentity"),
        collected="Sent by the service that registers or names a person.",
        ends="Erased with the person.",
    ),
    Holding(
        code="accounts.linked",
        title="Third-party accounts that people linked, and what those told within the scopes granted",
        role=Role.CONTROLLER,
        tables=("accounts_linkedaccount", "accounts_linkedclaim", "accounts_linkattempt"),
        collected="From the provider, as far as the person granted it there; values and tokens sealed under a secret of the account's own.",
        ends="Erased when the account is unlinked, and with the person; its secret is destroyed, so that backups hold nothing that opens.",
        files=("keystore/linked", "keystore-second/linked"),  # or wherever KEYSTORE_DIRECTORIES puts them
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
    ),
    Holding(
        code="accounts.acceptances",
        title="Which versions of the policy people accepted, or used the service under",
        role=Role.CONTROLLER,
        tables=("accounts_policyacceptance",),
        collected="When the person says so on their preference page, or the product tells it.",
        ends="With the person's row: the database removes it at once. Until then it never changes.",
    ),
    Holding(
        code="accounts.retries",
        title="Which registration a service sent under which key",
        role=Role.CONTROLLER,
        tables=("accounts_rememberedrequest",),
        collected="Written when a service sends an Idempotency-Key; key and body as keyed hashes only.",
        ends="Forgotten after three days, and with the person.",
    ),
    Holding(
        code="accounts.tokens",
        title="Who issued a token to a sending service",
        role=Role.CONTROLLER,
        tables=("accounts_servicetoken",),
        collected="The reference of the member of staff is written when they issue a token.",
        ends="Kept with the token's record; it is a reference and names nobody by itself.",
    ),
)  # fmt: skip
