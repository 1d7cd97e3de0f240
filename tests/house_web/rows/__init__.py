"""Rows of every model that the admin lists, and a scene for every act, by the services that make them in production.

A new model or act has no row here and fails tests/house_web/test_every_list.py or test_every_act.py, which say the mend.
"""

from tests.house_web.rows import (
    accounts,
    announcements,
    archives,
    assurance,
    audit,
    backups,
    client_questions,
    consents,
    contacts,
    data_requests,
    erasures,
    fulfilled,
    gate,
    holds,
    inquiries,
    intake,
    mail,
    packages,
    policies,
    proofs,
    providers,
    retention,
    staff,
)
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene

__all__ = ["FORMULAS", "PRESENT", "ROWS", "SCENES", "Rows", "Scene"]

_APPS = (
    data_requests, intake, erasures, fulfilled, client_questions, packages, proofs, inquiries, announcements, retention, archives, holds, consents, contacts,
    providers, gate, accounts, policies, assurance, audit, backups, staff, mail,
)  # fmt: skip

ROWS: dict[type, Rows] = {model: rows for app in _APPS for model, rows in app.ROWS.items()}
SCENES: dict[tuple[type, str], Scene] = {act: scene for app in _APPS for act, scene in app.SCENES.items()}
