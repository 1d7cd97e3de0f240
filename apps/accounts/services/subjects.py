"""Who somebody is to the holdings: by everything they are known by now and were known by before, as history has it.

It must never be stored or logged as it is: `Subject` lives in memory, and whoever has to keep it seals it.
"""

from collections.abc import Iterable

from apps.accounts.details import normalise_email
from apps.accounts.models import ExternalIdentity, LinkedAccount, Person, PersonEmail, PersonPhone
from apps.foundation.personal_data import Subject


def subject_of(person: Person) -> Subject:
    """The person with their former names, addresses, phones and ids. Whole names come first, then their parts."""
    names = _names(person)
    emails = [address for model in (PersonEmail, PersonEmail.history.model) for address in _of(model, person, "address")]
    phones = [number for model in (PersonPhone, PersonPhone.history.model) for number in _of(model, person, "number")]
    identities = [pair for model in (ExternalIdentity, ExternalIdentity.history.model) for pair in _of(model, person, "source", "external_id")]
    linked = LinkedAccount.objects.filter(person_id=person.pk).exclude(subject="").order_by("pk").values_list("provider", "subject")
    return Subject(
        pk=person.pk, reference=person.reference, organization=person.organization.reference if person.organization else "",
        names=_once([" ".join(part for part in pair if part) for pair in names] + [part for pair in names for part in pair]),
        emails=_once([*emails, *(normalise_email(address) for address in emails)]), phones=_once(phones), identities=_once([*identities, *linked]),
    )  # fmt: skip


def _names(person: Person) -> list[tuple[str, str]]:
    former = Person.history.model.objects.filter(id=person.pk).order_by("-history_id").values_list("given_name", "family_name")
    return [(person.given_name, person.family_name), *former]


def _of(model, person: Person, *columns: str) -> list:
    return list(model.objects.filter(person_id=person.pk).order_by("pk").values_list(*columns, flat=len(columns) == 1))


def _once(values: Iterable) -> tuple:
    return tuple(dict.fromkeys(value for value in values if value))
