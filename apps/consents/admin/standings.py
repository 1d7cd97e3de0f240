"""What stands now for each person and purpose, and the proof of what stood at any past time."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import SafeString

from apps.consents.admin.texts import PurposeFilter, covered
from apps.consents.forms import MomentForm, WordForm
from apps.consents.models import ConsentEvent, Standing
from apps.consents.services import asking, withdrawing
from apps.consents.states import How
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip

WITHDRAW = "consents.withdraw_standing"
SHOWN = 50


class NowFilter(admin.SimpleListFilter):
    """What holds now, which the truth value alone does not say."""

    title = "now"
    parameter_name = "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("stands", "stands"), ("over", "past its end, to be recorded"), ("refused", "does not stand")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        at = clock.now()
        match self.value():
            case "stands":
                return queryset.standing(at)
            case "over":
                return queryset.filter(stands=True, until__lte=at)
            case "refused":
                return queryset.filter(stands=False)
        return queryset


def what_withdrawing_does(standing: Standing) -> list[str]:
    """The sentences of the page that asks to confirm it."""
    return [
        f"Only where {standing.person.reference} told us so: nothing may be used for “{standing.purpose.title}” from this moment on.",
        "What was collected under this consent is erased at once; what a legal hold keeps is kept apart, unused. Providers that got something hear of it.",
        "That is final. Only the person can say yes again, and nobody asks them for twelve months.",
    ]


def withdraw(request: HttpRequest, standing: Standing, form: WordForm) -> str:
    event = withdrawing.withdraw(
        person=standing.person, purpose=standing.purpose_id, how=How.STAFF, where=form.cleaned_data["where"], by=request.user, at=clock.now()
    )
    return f"It is withdrawn: {event}." if event is not None else "Nothing stood any more."


@admin.register(Standing)
class StandingAdmin(CovenantAdmin):
    list_display = ("consent", "person", "purpose", "now", "since", "until", "asked_again_from")
    list_filter = (NowFilter, PurposeFilter, "since")
    list_select_related = ("person", "purpose", "event", "text")
    search_fields = ("=id", "=person__reference", "=event__reference")
    search_help_text = "By the reference of the person, or of the consent that it rests on."
    sortable_by = ("since",)
    fieldsets = (
        (None, {"fields": ("person", "purpose", "now", "since", "until", "event")}),
        ("By which text", {"fields": ("text", "covers")}),
        ("Asking again", {"fields": ("asked_again_from",)}),
    )
    readonly_fields = ("now", "covers")
    empty_note = "Nobody has said anything yet. What people say on their preference page or in the product stands here."
    acts = (
        Act(
            "withdraw", "Withdraw, as the person told us", WITHDRAW, danger=True, form=WordForm, applies=lambda standing: standing.stands,
            explain=what_withdrawing_does, run=withdraw,
        ),
    )  # fmt: skip

    @admin.display(description="consent")
    def consent(self, standing: Standing) -> str:
        """As plain text: it is the link to the page, and a link in a link opens nothing."""
        return standing.event.reference

    @admin.display(description="now")
    def now(self, standing: Standing) -> SafeString:
        if not standing.stands:
            return chip(standing.event.get_act_display(), "plain")
        over = standing.until is not None and standing.until <= clock.now()
        return chip("over", "warn") if over else chip("stands", "ok")

    @admin.display(description="covers")
    def covers(self, standing: Standing) -> str:
        return covered(standing.text)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Said by people, not by staff."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Standing | None = None) -> bool:
        """It follows what the person says."""
        return False

    def get_urls(self) -> list:
        view = self.admin_site.admin_view(self.proof_view)
        return [path("<int:object_id>/proof/", view, name="consents_standing_proof"), *super().get_urls()]

    def act_buttons(self, request: HttpRequest, obj: Standing | None) -> list[dict]:
        buttons = super().act_buttons(request, obj)
        if obj is None:
            return buttons
        url = reverse("admin:consents_standing_proof", args=[obj.pk])
        return [{"label": "What stood at a past time", "url": url, "danger": False, "name": "proof"}, *buttons]

    def proof_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """What stood at a moment, and the events that prove it, from the ledger alone."""
        standing = self.get_queryset(request).filter(pk=object_id).first()
        if standing is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, str(object_id))
        if not (self.has_view_permission(request, standing) and request.user.has_perm("consents.view_consentevent")):
            raise PermissionDenied
        form = MomentForm(request.GET or None)
        at = form.cleaned_data["at"] if form.is_valid() else clock.now()
        said = ConsentEvent.objects.of(person_id=standing.person_id, purpose=standing.purpose_id).last_until(at)
        stood = asking.stood(person_id=standing.person_id, purpose=standing.purpose_id, at=at)
        context = {
            **self.admin_site.each_context(request), "title": f"{standing.person.reference}: {standing.purpose.title}", "subtitle": None,
            "opts": self.opts, "form": form, "at": at, "stood": stood, "covers": covered(stood.text) if stood else "",
            "said": said.select_related("text__purpose", "policy_version")[:SHOWN], "standing": standing, "shown_at_most": SHOWN,
            "list_url": reverse("admin:consents_standing_changelist"),
            "back_url": reverse("admin:consents_standing_change", args=[standing.pk]),
        }  # fmt: skip
        return TemplateResponse(request, "consents/proof.html", context)
