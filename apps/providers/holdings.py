"""What the registry of providers holds on people, and how it ends."""

from apps.foundation.personal_data import Holding, Role, Whom

HOLDINGS = (
    Holding(
        code="providers.registry",
        title="Contacts of service providers, and who of us proposed, approved and ended what",
        role=Role.CONTROLLER,
        tables=(
            "providers_provider", "providers_historicalprovider", "providers_agreement", "providers_historicalagreement",
            "providers_securityreview", "providers_grant", "providers_historicalgrant", "providers_subprocessor",
            "providers_historicalsubprocessor",
        ),
        collected="Work data that the provider gives of its contact; staff by reference.",
        ends=(
            "The contact is replaced when the provider names another. The record of who processed what for us, on whose approval,"
            " is kept as evidence; staff stand in it by reference."
        ),
        whom=Whom.CONTACTS,
    ),
    Holding(
        code="providers.documents",
        title="Agreements and evidence as PDF, with the signatures in them",
        role=Role.CONTROLLER,
        tables=("providers_document",),
        collected="Handed in by staff with an agreement or a review.",
        ends="Kept as evidence as long as the record of the provider.",
        whom=Whom.CONTACTS,
    ),
    Holding(
        code="providers.objections",
        title="What a client objects to a change of a provider's chain",
        role=Role.CONTROLLER,
        tables=("providers_chainnotice",),
        collected="Written down by staff as the client's contact says it.",
        ends="Kept with the record of the change.",
        whom=Whom.CONTACTS,
    ),
    Holding(
        code="providers.imports",
        title="Files of the register that staff hand in, contacts included",
        role=Role.CONTROLLER,
        tables=("providers_registerimport",),
        collected="Handed in by staff.",
        ends="The file is emptied when it was applied or dropped, and after seven days in any case; its counts stay.",
        whom=Whom.CONTACTS,
    ),
)  # fmt: skip
