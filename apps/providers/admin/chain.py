"""Chains: whom providers hand data on to; each change is proposed, announced by a second person, and takes effect days later."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from apps.audit.history import ScopedHistoryAdmin
from apps.foundation import clock
from apps.foundation.admin import Act, chip
from apps.providers import places
from apps.providers.admin.adding import AddedByService
from apps.providers.admin.providers import CHAIN_TONES
from apps.providers.forms import SubProcessorForm
from apps.providers.models import SubProcessor
from apps.providers.querysets import ANNOUNCE
from apps.providers.services import chaining, locking
from apps.providers.states import ChainState


class WhenFilter(admin.SimpleListFilter):
    """Whether a member of a chain gets data now, later, or no longer."""

    title = "gets data"
    parameter_name = "when"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("now", "now"), ("later", "from an announced day on"), ("leaving", "until an announced day")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        match self.value():
            case "now":
                return queryset.in_effect(at)
            case "later":
                return queryset.coming(at)
            case "leaving":
                return queryset.going(at)
        return queryset


def is_asked(sub: SubProcessor) -> bool:
    return sub.state == ChainState.PROPOSED and locking.waiting(ANNOUNCE, sub.reference) is not None


def is_coming(sub: SubProcessor) -> bool:
    return sub.state == ChainState.ANNOUNCED and sub.since_at > clock.now()


def is_there(sub: SubProcessor) -> bool:
    return sub.state == ChainState.ANNOUNCED and sub.since_at <= clock.now()


def what_announcing_does(sub: SubProcessor) -> list[str]:
    at = clock.now()
    effective, clients = chaining.effective_at(sub.provider, at), len(chaining.concerned(sub.provider))
    said = [f"{sub.legal_name} in {places.in_words(sub.countries)}: {sub.service}. It joins the chain of {sub.provider.legal_name} ({sub.provider})."]
    if effective > at:
        said.append(f"{clients} client{'s are' if clients != 1 else ' is'} told by mail now; it gets data from {effective:%Y-%m-%d %H:%M} UTC on.")
    else:
        said.append("The provider is not in use, so that no client's data is there: it counts at once, and nobody has to be told.")
    outside = [code for code in sub.countries if code != "US"]
    if outside:
        said.append(f"From then on the provider counts as processing in {', '.join(outside)} too: the gate needs an exception for that.")
    return said


def what_leaving_does(sub: SubProcessor) -> list[str]:
    effective = chaining.effective_at(sub.provider, clock.now())
    return [
        f"The clients concerned are told by mail that {sub.legal_name} leaves the chain of {sub.provider}.",
        f"It gets no data any more from {effective:%Y-%m-%d %H:%M} UTC on. That is final.",
    ]


@admin.register(SubProcessor)
class SubProcessorAdmin(ScopedHistoryAdmin, AddedByService):
    add_form = SubProcessorForm
    list_display = ("reference", "provider", "legal_name", "where", "state", "since_at", "until_at")
    list_filter = (WhenFilter, "state", "provider")
    list_select_related = ("provider",)
    search_fields = ("=reference", "legal_name", "=provider__reference")
    search_help_text = "By reference, by a part of the legal name, or by the reference of the provider."
    chips = {"state": CHAIN_TONES}
    fields = (
        "reference", "provider", "legal_name", "service", "where", "state", "objections", "proposed_by", "proposed_at", "announced_by", "announced_at",
        "since_at", "leaving_announced_by", "leaving_announced_at", "until_at",
    )  # fmt: skip
    readonly_fields = ("where", "objections")
    empty_note = "No provider hands data on to anybody, as far as is known here."
    acts = (
        Act(
            "announce", "Announce", ANNOUNCE, danger=True, applies=is_asked, explain=what_announcing_does,
            run=lambda request, sub, _form: f"{chaining.announce(sub=sub, by=request.user, at=clock.now())} is announced.",
        ),
        Act(
            "reject", "Reject", ANNOUNCE, danger=False, applies=is_asked, explain=lambda sub: ["It does not join the chain. Nobody was told."],
            run=lambda request, sub, _form: f"{chaining.reject(sub=sub, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "withdraw", "Withdraw the announcement", chaining.CHANGE, danger=True, applies=is_coming,
            explain=lambda sub: [f"{sub.legal_name} does not join the chain. Who was told that it would is told that it does not."],
            run=lambda request, sub, _form: f"The announcement of {chaining.withdraw(sub=sub, by=request.user, at=clock.now())} is withdrawn.",
        ),
        Act(
            "leave", "Announce that it leaves", chaining.CHANGE, danger=True, applies=is_there, explain=what_leaving_does,
            run=lambda request, sub, _form: f"The end of {chaining.leave(sub=sub, by=request.user, at=clock.now())} is announced.",
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("provider")

    def add(self, request: HttpRequest, values: dict[str, Any]) -> SubProcessor:
        return chaining.propose(**values, by=request.user, at=clock.now())

    @admin.display(description="countries")
    def where(self, sub: SubProcessor) -> str:
        return ", ".join(sub.countries)

    @admin.display(description="objections")
    def objections(self, sub: SubProcessor) -> SafeString | str:
        told, objected = sub.notices.count(), sub.notices.objected().count()
        if not told:
            return "no client had to be told"
        words = f"{objected} of {told} client{'s' if told != 1 else ''} told"
        return chip(words, "warn" if objected else "ok")

    def act_buttons(self, request: HttpRequest, obj: SubProcessor | None) -> list[dict]:
        """Who proposed it does not decide."""
        buttons = super().act_buttons(request, obj)
        if obj is None or obj.proposed_by != str(request.user.actor):
            return buttons
        return [button for button in buttons if button["name"] not in ("announce", "reject")]
