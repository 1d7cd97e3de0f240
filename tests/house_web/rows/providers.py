"""Service providers with what belongs to them, and every act on them with a thing that it applies to."""

from datetime import timedelta

from apps.providers.models import Agreement, ChainNotice, Grant, Provider, RegisterImport, SecurityReview, SubProcessor
from apps.providers.services import agreeing, chaining, granting, lives, register, reviewing
from tests import cast
from tests.cast import DAY, NOON
from tests.house_web.rows import accounts
from tests.house_web.rows.declared import FORMULAS, PRESENT, Rows, Scene
from tests.providers import registry


def provider(number: int = 0) -> Provider:
    return registry.proposed(FORMULAS[number], contact_name=f"Quentina Marlow {number}")


def under_review() -> Provider:
    """Ready to be activated."""
    row = provider()
    registry.agreed(row)
    registry.reviewed(row)
    return lives.begin_review(provider=row, by=registry.dana(), at=NOON)


def asked() -> Provider:
    return lives.ask_activation(provider=under_review(), by=registry.dana(), at=NOON)


def in_use(number: int = 0) -> Provider:
    name = f"Harbor {number}"
    return Provider.objects.filter(legal_name=name).first() or registry.in_use(name)


def ended() -> Provider:
    return lives.end(provider=in_use(), data_end="return", by=cast.cleo(), at=NOON)


def agreement(number: int = 0) -> Agreement:
    """Complete, of a provider of its own."""
    return registry.complete(registry.handed_in(provider(number), title=FORMULAS[number]))


def agreement_asked() -> Agreement:
    return agreeing.ask(agreement=agreement(), by=registry.dana(), at=NOON)


def agreement_confirmed() -> Agreement:
    return agreeing.confirm(agreement=agreement_asked(), by=registry.ezra(), at=NOON)


def review(number: int = 0) -> SecurityReview:
    """Of one provider, so that the first is no longer the newest."""
    of = Provider.objects.filter(legal_name="Quay Hosting").first() or registry.proposed("Quay Hosting")
    return reviewing.record(
        provider=of, kind="review", result="conditions", conditions=FORMULAS[number], evidence="Report of the year", content=registry.PDF,
        reviewed_on=NOON.date() + timedelta(days=number), next_due_on=(NOON + 300 * DAY).date(), by=registry.dana(), at=NOON + number * DAY,
    )  # fmt: skip


def grant(number: int = 0) -> Grant:
    return registry.wanted(in_use(number), necessity=FORMULAS[number])


def grant_approved(number: int = 0) -> Grant:
    return granting.approve(grant=grant(number), by=cast.cleo(), at=NOON)


def some_grant(number: int) -> Grant:
    """Only the first is approved, so that a filter leaves something out."""
    return grant(number) if number else grant_approved()


def sub_processor(number: int = 0) -> SubProcessor:
    return chaining.propose(
        provider=in_use(number), legal_name=FORMULAS[number], service="Keeps tapes.", countries=["US"], by=registry.dana(), at=NOON
    )


def announced(number: int = 0) -> SubProcessor:
    accounts.a_client()
    return chaining.announce(sub=sub_processor(number), by=cast.cleo(), at=NOON)


def some_member(number: int) -> SubProcessor:
    return sub_processor(number) if number else announced()


def in_effect() -> SubProcessor:
    """Announced at a provider that was not in use yet."""
    proposed = registry.proposed("Quay Hosting")
    sub = chaining.propose(provider=proposed, legal_name="Tapes", service="keeps tapes", countries=["US"], by=registry.dana(), at=NOON)
    return chaining.announce(sub=sub, by=cast.cleo(), at=NOON)


def notice(number: int = 0) -> ChainNotice:
    """One client, told of one change for each number; of the first it has objected."""
    row = announced(number).notices.latest("pk")
    return row if number else chaining.record_objection(notice=row, objection="Adelaide objects to tapes", by=registry.dana(), at=NOON)


def silent_notice() -> ChainNotice:
    return announced().notices.latest("pk")


def csv_of(*names: str) -> bytes:
    lines = [",".join(register.COLUMNS)]
    lines += [f',"{name}",processor,hosts,US,no,,Quentina Marlow,quentina@provider.example,{registry.dana().reference}' for name in names]
    return "\n".join(lines).encode()


def upload(number: int = 0) -> RegisterImport:
    """Of the first the file is still there."""
    row = register.upload(content=csv_of(f"Harbor {number}", FORMULAS[0].replace('"', "'")), by=registry.dana(), at=PRESENT)
    return register.drop(upload=row, by=registry.dana(), at=PRESENT) if number else row


def corrected(row: Provider) -> dict:
    return {
        "legal_name": row.legal_name, "role": row.role, "service": "hosts more of our servers", "countries": "US", "owner": row.owner_id, "clients": "",
        "contact_name": "", "contact_email": "",
    }  # fmt: skip


ROWS = {
    Provider: Rows(provider, planted=True),
    Agreement: Rows(agreement, queries=5, more="the providers to filter by", planted=True),
    SecurityReview: Rows(review, queries=5, more="the providers to filter by"),
    Grant: Rows(some_grant, queries=5, more="the providers to filter by"),
    SubProcessor: Rows(some_member, queries=5, more="the providers to filter by", planted=True),
    ChainNotice: Rows(notice, queries=6, more="the clients and the sub-processors to filter by"),
    RegisterImport: Rows(upload),
}

SCENES = {
    (Provider, "export_register"): Scene(lambda _member: None),
    (Provider, "begin_review"): Scene(lambda _member: provider()),
    (Provider, "ask_activation"): Scene(lambda _member: under_review()),
    (Provider, "activate"): Scene(lambda _member: asked()),
    (Provider, "reject_activation"): Scene(lambda _member: asked()),
    (Provider, "correct"): Scene(lambda _member: provider(), corrected),
    (Provider, "suspend"): Scene(lambda _member: in_use(), {"reason": "It was broken into."}),
    (Provider, "end"): Scene(lambda _member: in_use(), {"data_end": "destruction"}),
    (Provider, "confirm_data_end"): Scene(lambda _member: ended(), {"evidence": "Letter of March 8"}),
    (Agreement, "tick"): Scene(lambda _member: registry.handed_in(provider()), {"found": ["instructions", "audits"]}),
    (Agreement, "ask"): Scene(lambda _member: agreement()),
    (Agreement, "confirm"): Scene(lambda _member: agreement_asked()),
    (Agreement, "reject"): Scene(lambda _member: agreement_asked()),
    (Agreement, "end"): Scene(lambda _member: agreement_confirmed()),
    (Agreement, "document"): Scene(lambda _member: agreement()),
    (SecurityReview, "document"): Scene(lambda _member: review()),
    (Grant, "approve"): Scene(lambda _member: grant()),
    (Grant, "reject"): Scene(lambda _member: grant()),
    (Grant, "withdraw"): Scene(lambda _member: grant_approved()),
    (SubProcessor, "announce"): Scene(lambda _member: sub_processor()),
    (SubProcessor, "reject"): Scene(lambda _member: sub_processor()),
    (SubProcessor, "withdraw"): Scene(lambda _member: announced()),
    (SubProcessor, "leave"): Scene(lambda _member: in_effect()),
    (ChainNotice, "object"): Scene(lambda _member: silent_notice(), {"objection": "It keeps tapes in a shed."}),
    (RegisterImport, "apply"): Scene(lambda _member: upload()),
    (RegisterImport, "drop"): Scene(lambda _member: upload()),
}
