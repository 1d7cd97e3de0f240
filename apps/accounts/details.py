"""What one detail of a person or an organization must look like, and how it is written the same way everywhere.

Pure functions over single values, used by registration, by the forms of staff and by matching alike. Their refusals name
the field and never the value: they end up on screens, in answers of the API and in logs.
"""

import re
import unicodedata
from datetime import date

import phonenumbers
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from apps.accounts.places import COUNTRIES, US_STATES
from apps.foundation.refusals import Refusal

ADULT_YEARS = 18
OLDEST_YEARS = 130
E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")
SLUG = re.compile(r"^[a-zA-Z0-9_-]{1,40}$")
_email_is_valid = EmailValidator()


class DetailNotValid(Refusal):
    """A detail is missing or can't be used as it is."""

    code = "detail_not_valid"
    mend = "Correct the named field and send it again."


class CountryUnknown(DetailNotValid):
    """That is no code of a country."""

    code = "country_unknown"
    mend = "Use the two capital letters of ISO 3166, e.g. US."


class StateUnknown(DetailNotValid):
    """That is no code of a U.S. state."""

    code = "state_unknown"
    mend = "Use the two capital letters of the U.S. Postal Service, e.g. CA, or leave the state empty."


class EmailNotValid(DetailNotValid):
    """An e-mail address can't be used as it is."""

    code = "email_not_valid"
    mend = "Give it as name@domain, without a display name."


class PhoneNotValid(DetailNotValid):
    """A phone number can't be used as it is."""

    code = "phone_not_valid"
    mend = "Give it with its country code and without an extension, e.g. +1 202 555 0123."


class BirthDateNotValid(DetailNotValid):
    """A date of birth lies in the future or too far in the past."""

    code = "birth_date_not_valid"
    mend = "Correct the date, or leave it out: the organization then confirms the age."


class MinorNotRepresented(DetailNotValid):
    """Nobody under 18 is registered without an Authorized Individual Representative."""

    code = "minor_not_represented"
    mend = (
        "Register their representative first (People & organizations → Representatives), have two people verify the document, and give"
        " the representative's reference, e.g. REP-7F3K2M9, with the registration."
    )


def line(value: str, *, field: str, longest: int, optional: bool = False) -> str:
    """One line of text: NFC, trimmed, without control characters. Refuses what is empty (unless optional) or too long."""
    text = unicodedata.normalize("NFC", _printable(value, field=field)).strip()
    if not text and not optional:
        raise DetailNotValid(f"The field “{field}” is empty.")
    if len(text) > longest:
        raise DetailNotValid(f"The field “{field}” is longer than {longest} characters.")
    return text


def _printable(value: str, *, field: str) -> str:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        raise DetailNotValid(f"The field “{field}” holds characters that can't be printed.")
    return value


def normalise_email(address: str) -> str:
    """How addresses are compared: NFKC, case folded, trimmed. No tricks that only some providers know (dots, plus)."""
    folded = unicodedata.normalize("NFKC", address).strip().casefold()
    return unicodedata.normalize("NFKC", folded)


def email(value: str, *, field: str = "e-mail") -> str:
    """An address as its owner writes it, trimmed. Refuses what no mail could reach."""
    address = line(value, field=field, longest=254)
    try:
        _email_is_valid(address)
        _email_is_valid(normalise_email(address))
    except ValidationError:
        raise EmailNotValid(f"The field “{field}” is no e-mail address.") from None
    return address


def phone(value: str, *, region: str = "", field: str = "phone") -> str:
    """A number in E.164. `region` is the country whose national form is understood too.

    Only the length is judged, not whether the number is assigned: lists of assigned numbers lag behind the world.
    """
    text = line(value, field=field, longest=40)
    try:
        number = phonenumbers.parse(text, region or None)
    except phonenumbers.NumberParseException:
        raise PhoneNotValid(f"The field “{field}” is no phone number.") from None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if number.extension or not phonenumbers.is_possible_number(number) or not E164.match(written):
        raise PhoneNotValid(f"The field “{field}” is no phone number.")
    return written


def country(value: str, *, optional: bool = False) -> str:
    """A code of ISO 3166-1."""
    code = value.strip().upper()
    if not code and optional:
        return ""
    if code not in COUNTRIES:
        raise CountryUnknown
    return code


def us_state(value: str) -> str:
    """A code of a U.S. state, or nothing."""
    code = value.strip().upper()
    if code and code not in US_STATES:
        raise StateUnknown
    return code


def age(birth_date: date, on: date) -> int:
    """Whole years of age on a day."""
    return on.year - birth_date.year - ((on.month, on.day) < (birth_date.month, birth_date.day))


def is_minor(born: date | None, *, on: date) -> bool:
    """Whether somebody is known to be below 18 on a day. Follows from the two days alone; no date of birth, nothing known."""
    return born is not None and age(born, on) < ADULT_YEARS


def youngest_adult(on: date) -> date:
    """The date of birth of who turns 18 on that day: whoever was born later is a minor."""
    try:
        return on.replace(year=on.year - ADULT_YEARS)
    except ValueError:  # 29 February, of a year in which there was none
        return on.replace(year=on.year - ADULT_YEARS, day=28)


def birth_date(value: date | None, *, on: date) -> date | None:
    """A date of birth that somebody alive can have, or nothing."""
    if value is not None and (value > on or age(value, on) > OLDEST_YEARS):
        raise BirthDateNotValid
    return value


def source(value: str) -> str:
    """The name of a system that names people: letters, digits, hyphens."""
    if not SLUG.match(value):
        raise DetailNotValid(
            "The field “source” is not a short name.", mend="Use up to 40 letters, digits, hyphens and underscores, e.g. slack."
        )
    return value
