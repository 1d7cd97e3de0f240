"""Packages that were made for people: what stage each is at, how often it was fetched and by which record, and when it ends. Nobody of staff opens one."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from apps.data_requests import order
from apps.data_requests.models import Package
from apps.data_requests.services.packages import delivering
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip

HEADS = ("Kind of data", "Entries", "Files")


class StageFilter(admin.SimpleListFilter):
    """Where a package stands."""

    title = "stage"
    parameter_name = "stage"
    STAGES = {
        "making": ("being made", Q(made_at=None, destroyed_at=None)),
        "waiting": ("waits", Q(made_at__isnull=False, destroyed_at=None, fetches=0)),
        "fetched": ("fetched", Q(destroyed_at=None, fetches__gt=0)),
        "destroyed": ("destroyed", Q(destroyed_at__isnull=False)),
    }

    def lookups(self, _request: HttpRequest, _model_admin: admin.ModelAdmin) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _rows) in self.STAGES.items()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[Package]) -> QuerySet[Package]:
        chosen = self.STAGES.get(self.value())
        return queryset.filter(chosen[1]) if chosen else queryset


def waits(package: Package) -> bool:
    return package.made_at is not None and package.destroyed_at is None and package.expires_at > clock.now()


def what_offering_does(package: Package) -> list[str]:
    return [
        f"A new link to {package} goes to the contact on file that proved {package.request}; links that went out before open nothing any more.",
        "Do this when the person says that the mail was lost. The link hands nothing over: behind it the mailbox has to be proven once more.",
    ]


@admin.register(Package)
class PackageAdmin(CovenantAdmin):
    list_display = ("reference", "of_request", "stage", "made_at", "expires_at", "fetches", "fetched_at")
    list_filter = (StageFilter, "made_at")
    ordering = ("-id",)
    search_fields = ("=reference", "=request__reference", "=request__person_reference")
    search_help_text = "By the reference of the package, the request or the person."
    list_select_related = ("request",)
    fieldsets = (
        (None, {"fields": ("reference", "of_request", "stage", "how_large", "began_at", "made_at", "expires_at", "destroyed_at")}),
        ("Fetched", {"fields": ("fetches", "fetched_at", "disclosure")}),
        ("What is in it", {"fields": ("what_is_in_it", "all_categories", "fingerprint")}),
    )
    readonly_fields = ("of_request", "stage", "how_large", "what_is_in_it", "all_categories", "fingerprint")
    empty_note = "No packages yet. One is made when somebody asked for a copy of their data and that was approved."
    acts = (
        Act(
            "offer", "Send a link anew", delivering.WORK, danger=False, explain=what_offering_does, applies=waits,
            run=lambda request, package, _form: _offer(request, package),
        ),
    )  # fmt: skip

    @admin.display(description="request")
    def of_request(self, package: Package) -> str:
        return package.request.reference

    @admin.display(description="stage")
    def stage(self, package: Package) -> SafeString:
        if package.destroyed_at is not None:
            return chip("destroyed", "plain")
        if package.made_at is None:
            return chip("being made", "wait")
        return chip("fetched", "ok") if package.fetches else chip("waits to be fetched", "wait")

    @admin.display(description="size")
    def how_large(self, package: Package) -> str:
        return filesizeformat(package.size) if package.size is not None else "–"

    @admin.display(description="collected from")
    def what_is_in_it(self, package: Package) -> SafeString | str:
        if not package.holdings:
            return "the kinds of data only" if package.made_at else "–"
        named = {holding.code: holding.title for holding in order.all_holdings()}
        rows = ((named.get(one["code"], one["code"]), f"{one['rows']:,}", f"{one['files']:,}") for one in package.holdings)
        return format_html(
            '<div class="table-scroll"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>',
            format_html_join("", '<th scope="col">{}</th>', ((head,) for head in HEADS)),
            format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows),
        )

    @admin.display(description="categories")
    def all_categories(self, package: Package) -> str:
        return ", ".join(package.categories) or "–"

    @admin.display(description="SHA-256 of the zip")
    def fingerprint(self, package: Package) -> str:
        return bytes(package.digest).hex() if package.digest else "–"

    def has_change_permission(self, request: HttpRequest, obj: Package | None = None) -> bool:
        return False


def _offer(request: HttpRequest, package: Package) -> str:
    delivering.offer_anew(package=package, by=request.user, at=clock.now())
    return f"A new link to {package} is on its way to the contact on file."
