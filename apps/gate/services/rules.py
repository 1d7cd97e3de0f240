"""What has to be true before anything leaves: every rule that a package breaks is a reason, and all of them are given, not the first.

| rule | promise |
|---|---|
| the purpose is declared; sale and rental are none | P11 |
| the ground is one for this recipient, and holds now | P12 |
| a provider's grant covers categories, purpose and fields, and all it rests on is in force | P14 |
| or each person consented that exactly this recipient gets these categories for this, and it stands now | P12 |
| personal information with an IP address or a device goes to no third party | P08 |
| analytics get listed fields, and of what identifies the IP address only | P15 |
| another country than the United States has an exception in force | P19 |

The client about its own data and the person about their own are no third parties: what they get was theirs before we held it, and to
refuse them a part of it would keep from them what the policy promises them. It must never let something out because a fact about it
could not be found: what is not known is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from apps.consents.purposes import Kind
from apps.gate.package import Package
from apps.gate.states import GROUND_OF, NOT_YET, AboutKind, Ground, RecipientKind
from apps.policies.vocabulary import ANALYTICS_FIELDS, CATEGORIES, CONNECTION, PERSONAL, DisclosurePurpose
from apps.providers.services.asking import Reason, Standing

HOME = "US"
ANALYTICS_CATEGORIES = frozenset({"usage", "network_address"})

#: roles in the registry that don't process for us only, so that a grant is no ground for them (P12)
THIRD_PARTIES_OF_THEIR_OWN = frozenset({"independent"})

#: what a consent takes the place of: a provider's grant, and the agreements it rests on
OF_GRANTS_ONLY = frozenset({"no_grant", "grant_lapsed", "agreement_lapsed", "no_baa"})

#: a field of one of these names is of that category, whatever the package says
CATEGORY_OF_FIELD = {
    "ip": "network_address", "ip_address": "network_address", "remote_address": "network_address",
    "device": "device", "device_id": "device", "device_identifier": "device", "advertising_id": "device", "imei": "device",
    "email": "contact", "phone": "contact", "name": "identity", "given_name": "identity", "family_name": "identity",
    "birth_date": "demographic", "body": "message",
}  # fmt: skip


@dataclass(frozen=True)
class Client:
    """An organization as it is now."""

    reference: str
    active: bool
    hipaa_covered: bool
    country: str


@dataclass(frozen=True)
class AskedFor:
    """What people are asked to allow, by the purpose of a consent."""

    kind: str
    recipient: str
    purpose: str


@dataclass(frozen=True)
class Consent:
    """One person's consent that stands now: the event by which they gave it, what the text they saw covers, and when it ends by itself."""

    event: str
    categories: frozenset[str]
    until: datetime | None


@dataclass(frozen=True)
class Known:
    """What the house knows about a package, looked up before the rules are asked."""

    standing: Standing | None = None
    clients: Mapping[str, Client] = field(default_factory=dict)
    client_of: Mapping[str, str | None] = field(default_factory=dict)  #: person → their organization
    exceptions: Mapping[str, str] = field(default_factory=dict)  #: country → the exception in force for this recipient
    asked_for: AskedFor | None = None  #: where the ground is consent
    consents: Mapping[str, Consent] = field(default_factory=dict)  #: person → their consent


def countries_of(package: Package, known: Known) -> list[str]:
    """Where it goes: what the package names, and where the provider processes."""
    own = known.standing.countries if known.standing is not None else ()
    return sorted({*package.countries, *own})


def reasons(package: Package, known: Known) -> list[Reason]:
    """Why this may not leave; empty where it may."""
    return [
        *_words(package),
        *_ground(package, known),
        *_apart(package),
        *_analytics(package),
        *_patients(package, known),
        *_countries(package, known),
    ]


def _words(package: Package) -> Iterator[Reason]:
    if package.purpose not in DisclosurePurpose.values:
        yield Reason("no_such_purpose", "Nothing leaves for that purpose.", "Name a purpose of the vocabulary; sale and rental are none.")
    if not package.categories:
        yield Reason("no_categories", "The package does not say what it holds.", "Name the categories of its data.")
    if unknown := package.categories - CATEGORIES.keys():
        yield Reason(
            "category_unknown", f"{_number(len(unknown), 'category', 'categories')} of data can't be found in the vocabulary.",
            "Name the categories as the vocabulary does.",
        )  # fmt: skip
    hidden = {CATEGORY_OF_FIELD[name] for name in package.fields if name in CATEGORY_OF_FIELD} - package.categories
    if hidden:
        yield Reason(
            "fields_say_more", f"Its fields hold {', '.join(sorted(hidden))}, which its categories don't name.",
            "Name every category that its fields hold.",
        )  # fmt: skip


def _ground(package: Package, known: Known) -> Iterator[Reason]:
    ground = package.ground
    if ground in NOT_YET:
        yield Reason(
            "not_yet", f"Nothing leaves on the ground “{Ground(ground).label}” yet: what keeps it is still to be built.",
            "Use another ground if one holds; else it stays here.",
        )  # fmt: skip
    elif ground not in GROUND_OF:
        yield Reason("no_such_ground", "There is no such ground.", "Name a ground of the gate.")
    elif GROUND_OF[ground] != package.recipient.kind:
        yield Reason(
            "ground_not_for_recipient", f"The ground “{Ground(ground).label}” is none for {RecipientKind(package.recipient.kind).label}.",
            "Name the ground by which this recipient may have it.",
        )  # fmt: skip
    yield from _about(package, known)
    if ground == Ground.CONSENT:
        yield from _consent(package, known)
    elif package.consent:
        yield Reason("consent_not_asked", "The package names a consent, and another ground.", "Name consent as its ground, or leave it out.")
    if package.recipient.kind == RecipientKind.PROVIDER:
        yield from _provider(package, known)
    elif package.recipient.kind == RecipientKind.CLIENT:
        yield from _client(package, known)
    else:
        yield from _person(package, known)


def _about(package: Package, known: Known) -> Iterator[Reason]:
    about = package.about
    if about.kind == AboutKind.ORGANIZATION:
        if about.organization_named not in known.clients:
            yield Reason("organization_not_known", "There is no organization with that reference.", "Correct the reference.")
    elif missing := len([one for one in about.people_named if one not in known.client_of]):
        yield Reason(
            "person_not_known", f"{_number(missing, 'person', 'people')} can't be found by the references.",
            "Take out who was erased, and correct the references.",
        )  # fmt: skip


def _consent(package: Package, known: Known) -> Iterator[Reason]:
    """The recipient, the use and the categories are what each of them read; what they read later, or somebody else read, counts nothing."""
    asked, named = known.asked_for, package.about.people_named
    if not package.consent:
        yield Reason("consent_not_named", "The package does not say which consent it rests on.", "Name the purpose that people consented to.")
        return
    if asked is None or asked.kind != Kind.DISCLOSURE:
        yield Reason("no_such_consent", "Nobody is asked for a consent of that name that lets anything out.", "Name a purpose of that kind.")
        return
    if asked.recipient != package.recipient.reference:
        yield Reason("consent_for_another", "People were asked about another recipient.", "Ask them for a consent that names this one.")
    if asked.purpose != package.purpose:
        yield Reason("consent_for_another_purpose", "People were asked about another use.", "Ask them for a consent that names this one.")
    if not named:
        yield Reason("consent_is_each_persons", "An organization can't consent for its people.", "Name the people who consented.")
    without = len([one for one in named if one in known.client_of and one not in known.consents])
    if without:
        yield Reason(
            "no_consent", f"No consent of {_number(without, 'person', 'people')} stands.", "Take out who did not consent or took it back."
        )
    if beyond := len([one for one in named if one in known.consents and package.categories - known.consents[one].categories]):
        yield Reason(
            "beyond_the_consent", f"{_number(beyond, 'person', 'people')} consented to a text that names less than it holds.",
            "Leave out what their text does not name, or ask them anew.",
        )  # fmt: skip
    if package.patient_information:
        yield Reason(
            "patients_not_by_consent", "It is Patient Information, on which its client decides.",
            "Hand it over on the ground of a grant, or to the client.",
        )  # fmt: skip
    if known.standing is not None and known.standing.role == "analytics" and package.purpose != DisclosurePurpose.ANALYTICS:
        yield Reason(
            "identifies_for_analytics", "A provider of analytics gets listed fields, consent or not.", "Name analytics as the purpose, and its fields."
        )


def _provider(package: Package, known: Known) -> Iterator[Reason]:
    standing = known.standing
    if standing is None:
        yield Reason("provider_not_known", "There is no provider with that reference.", "Register the provider, and have a grant approved.")
        return
    if package.ground == Ground.CONSENT:
        yield from (reason for reason in standing.reasons if reason.code not in OF_GRANTS_ONLY)
        return
    if standing.role in THIRD_PARTIES_OF_THEIR_OWN:
        yield Reason(
            "needs_consent", "It is no service provider but a third party of its own, which gets nothing without consent.",
            "Ask people for their consent and name it as the ground, or use a provider that processes for us only.",
        )  # fmt: skip
    yield from standing.reasons
    if standing.fields is not None and not standing.reasons:
        if not package.fields:
            yield Reason(
                "fields_not_named", "The grant is limited to fields, and the package does not say which it holds.",
                "Name its fields.",
            )  # fmt: skip
        elif beyond := package.fields - standing.fields:
            yield Reason(
                "beyond_the_minimum", f"{_number(len(beyond), 'field is', 'fields are')} beyond what the grant names as necessary.",
                "Leave them out, or have a grant approved that names them.",
            )  # fmt: skip


def _client(package: Package, known: Known) -> Iterator[Reason]:
    reference = package.recipient.reference
    client = known.clients.get(reference)
    if client is None:
        yield Reason("organization_not_known", "There is no organization with that reference.", "Correct the reference.")
        return
    if not client.active and package.purpose != DisclosurePurpose.ARCHIVING:  # what was owed before it left is owed still
        yield Reason("client_departed", "The organization is no client any more.", "It gets the archive that it is owed, and nothing else.")
    about = package.about
    own = (
        about.organization_named == reference
        if about.kind == AboutKind.ORGANIZATION
        else all(known.client_of.get(one) == reference for one in about.people_named)
    )
    if not own:
        yield Reason("not_their_own", "It is not that organization's own data.", "Hand each client only what is its own.")


def _person(package: Package, known: Known) -> Iterator[Reason]:
    reference = package.recipient.reference
    if reference not in known.client_of and package.about.people_named != [reference]:
        yield Reason("person_not_known", "1 person can't be found by the references.", "Correct the reference of the recipient.")
    if package.about.kind != AboutKind.PERSON or package.about.people_named != [reference]:
        yield Reason("not_their_own", "It is not that person's own data.", "Hand each person only what is their own.")


def _apart(package: Package) -> Iterator[Reason]:
    if package.recipient.is_third_party and package.categories & PERSONAL and package.categories & CONNECTION:
        yield Reason(
            "linked_with_connection", "Personal information goes to no third party together with an IP address or a device.",
            "Leave out one of the two.",
        )  # fmt: skip


def _analytics(package: Package) -> Iterator[Reason]:
    if package.purpose != DisclosurePurpose.ANALYTICS:
        return
    if not package.fields:
        yield Reason("fields_not_named", "Analytics get listed fields only, and the package does not say which it holds.", "Name its fields.")
    if beyond := package.fields - ANALYTICS_FIELDS:
        yield Reason(
            "not_for_analytics", f"{_number(len(beyond), 'field is', 'fields are')} not among those that analytics may get.",
            "Leave them out.",
        )  # fmt: skip
    if package.categories - ANALYTICS_CATEGORIES:
        yield Reason(
            "identifies_for_analytics", "Of what identifies, analytics get the IP address only.",
            "Leave out everything else that tells who somebody is.",
        )  # fmt: skip


def _patients(package: Package, known: Known) -> Iterator[Reason]:
    """Personal data of a HIPAA-covered organization as a whole, and messages of anybody in one, are Patient Information."""
    if package.patient_information or not package.categories & PERSONAL:
        return
    concerned = {package.about.organization_named} - {""}
    if "message" in package.categories:
        concerned |= {known.client_of.get(one) for one in package.about.people_named} - {None}
    if any(known.clients[one].hipaa_covered for one in concerned if one in known.clients):
        yield Reason(
            "patient_information", "It is Patient Information, and the package says that it is not.",
            "Say so; a provider needs a business associate agreement for it.",
        )  # fmt: skip


def _countries(package: Package, known: Known) -> Iterator[Reason]:
    there = countries_of(package, known)
    if not there:
        yield Reason("no_country", "The package does not say where it goes.", "Name the country.")
    for country in there:
        if country != HOME and country not in known.exceptions:
            yield Reason(
                "country_outside", f"It would go to {country}, and no exception for that recipient and country is in force.",
                "Keep it in the United States, or have an exception approved.",
            )  # fmt: skip


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
