"""What is kept about service providers: the providers, their agreements, reviews and grants, their chains, lapses and imports."""

from apps.providers.models.agreements import Agreement, Document
from apps.providers.models.chain import ChainNotice, SubProcessor
from apps.providers.models.grants import Grant
from apps.providers.models.lapses import Lapse
from apps.providers.models.providers import Provider
from apps.providers.models.register import RegisterImport
from apps.providers.models.reviews import SecurityReview

__all__ = ["Agreement", "ChainNotice", "Document", "Grant", "Lapse", "Provider", "RegisterImport", "SecurityReview", "SubProcessor"]
