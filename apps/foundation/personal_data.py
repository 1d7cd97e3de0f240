"""The contract on personal data: every column says whether it is about a person, and if so why it is held.

Read by the forms (P01: what is optional and what is lost without it), by the check that fails the start when a column is
undeclared, and by the holdings of every app. A column that is in neither declaration is a defect, not a default.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class DataCategory(StrEnum):
    """Kinds of data, in the policy's words."""

    CONTACT = "contact details"
    IDENTITY = "identity"
    DEMOGRAPHIC = "demographic"
    CREDENTIAL = "sign-in credentials"
    MESSAGE = "message data"
    COMMUNICATION = "communications with us"
    TECHNICAL = "technical identifiers"
    NETWORK_ADDRESS = "IP addresses"
    DEVICE = "device identifiers"
    USAGE = "pages and usage"
    WORK_RECORD = "staff work record"


class Purpose(StrEnum):
    """What a column may be used for. Sale and rental are not in the list and can't be named (P11)."""

    SERVICE = "to make the service work"
    IDENTIFICATION = "to know who somebody is when they ask"
    ANSWERING = "to answer and to notify"
    AGE_CHECK = "to keep children out unless represented"
    LEGAL = "to keep the law and to prove that it was kept"
    SECURITY = "to protect the service"


class Role(StrEnum):
    """Whose decision a holding is (DESIGN, "Our role")."""

    CONTROLLER = "controller"
    PROCESSOR = "processor"


@dataclass(frozen=True)
class Personal:
    """Why a personal column is held. `lost_without` is empty for a required one, else the feature that is missing."""

    category: DataCategory
    purpose: Purpose
    lost_without: str = ""

    @property
    def optional(self) -> bool:
        return bool(self.lost_without)


def personal(model_field, category: DataCategory, purpose: Purpose, *, lost_without: str = ""):
    """Declare a model field as personal. Returns the same field, so it wraps the definition in place.

    The sentence beside the field on every form comes from here, so that what is declared and what is said can't differ.
    """
    model_field.personal = Personal(category, purpose, lost_without)
    if not model_field.help_text:
        needed = f"Optional. Without it: {lost_without}" if lost_without else "Required."
        model_field.help_text = f"{needed} Held {purpose.value}."
    return model_field


@dataclass(frozen=True)
class Holding:
    """One kind of personal data: where it lies, who decides on it, how it is collected and how it ends.

    `tables` are names in the database, history tables included. `third_party` classifies the columns of tables whose
    models are not ours: table → {personal column: Personal}; their other columns stand in `plain`.
    """

    code: str
    title: str
    role: Role
    tables: tuple[str, ...]
    collected: str
    ends: str
    third_party: dict[str, dict[str, Personal]] = field(default_factory=dict)
    plain: dict[str, frozenset[str]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
