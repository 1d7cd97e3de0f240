"""Places for archives: proposed, proven by the client, tried, approved by a second person; and how far each lags."""

from collections.abc import Mapping

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from apps.accounts.models import Organization
from apps.accounts.places import COUNTRIES
from apps.foundation import clock
from apps.foundation.admin import Act, CovenantAdmin, chip, number
from apps.foundation.refusals import Refusal
from apps.providers.models import Provider
from apps.retention.models import ArchiveTarget
from apps.retention.services import targets
from apps.retention.services.archives import contracts, lag
from apps.retention.states import PlaceKind, TargetKind, TargetState

TARGET_TONES = {
    TargetState.PROPOSED: "wait", TargetState.ACTIVE: "ok", TargetState.SUSPENDED: "warn", TargetState.REJECTED: "plain",
    TargetState.ENDED: "plain",
}  # fmt: skip


class NeverShown(forms.Textarea):
    """A box whose text goes in and never comes back, not even with a form that has to be corrected."""

    def format_value(self, value: str | None) -> str:
        return ""


class TargetForm(forms.Form):
    """What any place needs; which of it a kind of place takes, the place says itself."""

    organization = forms.CharField(max_length=20, help_text="Its reference, e.g. ORG-7F3K2MP.")
    place = forms.ChoiceField(
        choices=PlaceKind.choices,
        help_text="A folder or S3: the archive is hosted by us. SFTP or HTTPS: it lies on the client's own server, and only the client can open it.",
    )  # fmt: skip
    country = forms.ChoiceField(choices=[(code, code) for code in sorted(COUNTRIES, key=lambda code: (code != "US", code))], initial="US",
                                help_text="Where it stores.")  # fmt: skip
    country_reason = forms.CharField(
        max_length=200, required=False, label="Why outside the United States", help_text="Needed for any country but US; the second person decides on it."
    )
    address = forms.CharField(
        max_length=300, required=False,
        help_text="https://… or sftp://… with its folder; for S3 https://store.example.com/bucket; none for a folder of ours.",
    )  # fmt: skip
    provider = forms.CharField(
        max_length=20, required=False, label="Provider", help_text="S3 only: who runs the store for us, by reference: PRV-7F3K2MP. With a grant for archives.",
    )  # fmt: skip
    login = forms.CharField(max_length=80, required=False, label="User at the server", help_text="SFTP only.")
    peer_key = forms.CharField(
        max_length=800, required=False, label="Key of the server", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="SFTP: its host key as in known_hosts, without the host. HTTPS: the Ed25519 key of its receipts, 64 hexadecimal digits.",
    )  # fmt: skip
    recipient = forms.CharField(
        max_length=120, required=False, label="Client's public key", help_text="age1…, for a client's own server: what it is encrypted for. Never the identity."
    )
    credential = forms.CharField(
        max_length=10_000, required=False, label="Credential", widget=NeverShown(attrs={"rows": 2, "autocomplete": "off"}),
        help_text="SFTP: our private key, or a password. HTTPS: the bearer token. S3: access key and secret key, one a line. Encrypted at once, never shown.",
    )  # fmt: skip
    region = forms.CharField(max_length=40, required=False, help_text="S3 only.")
    authority = forms.CharField(
        max_length=20_000, required=False, label="Certificate authority", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="In PEM, where the server's certificate is not by a public one.",
    )  # fmt: skip
    keep_days = forms.IntegerField(min_value=1, required=False, label="Life of an archive in days", help_text="Hosted archives only; empty: six years.")

    def clean_organization(self) -> Organization:
        organization = Organization.objects.filter(reference=self.cleaned_data["organization"].strip().upper()).first()
        if organization is None:
            raise forms.ValidationError("There is no organization with that reference.")
        return organization

    def clean_provider(self) -> Provider | None:
        return provider_named(self.cleaned_data["provider"])

    def values(self) -> dict:
        given = dict(self.cleaned_data)
        place, credential = given["place"], given.pop("credential").strip()
        options = {"region": given.pop("region"), "authority": given.pop("authority")}
        is_own = place in targets.PLACES_FOR[TargetKind.OWN_SERVER]
        return given | {
            "kind": TargetKind.OWN_SERVER if is_own else TargetKind.HOSTED,
            "credentials": credentials_of(place, credential), "options": options,
        }  # fmt: skip


def provider_named(reference: str) -> Provider | None:
    """The provider of that reference; none where nothing was written."""
    if not reference.strip():
        return None
    provider = Provider.objects.filter(reference=reference.strip().upper()).first()
    if provider is None:
        raise forms.ValidationError("There is no provider with that reference.")
    return provider


def credentials_of(place: str, text: str) -> Mapping[str, str]:
    """What was written into the one box for credentials, by the names that the place gives them."""
    if place == PlaceKind.SFTP:
        return {"private_key": text + "\n"} if "PRIVATE KEY" in text else {"password": text}
    if place == PlaceKind.S3:
        return dict(zip(("access_key", "secret_key"), map(str.strip, text.splitlines()), strict=False))
    return {"token": text} if place == PlaceKind.HTTPS else {}


class ProviderForm(forms.Form):
    provider = forms.CharField(max_length=20, help_text="Who runs the store for us, by reference, e.g. PRV-7F3K2MP.")

    def clean_provider(self) -> Provider:
        return provider_named(self.cleaned_data["provider"])


class AnswerForm(forms.Form):
    said = forms.CharField(max_length=100, label="What the challenge says", help_text="32 letters and digits, as the client sent them.")


def challenge(request: HttpRequest, target: ArchiveTarget, mail: bool) -> HttpResponse | str:
    sealed = targets.challenge(target=target, by=request.user, at=clock.now(), mail=mail)
    if mail:
        return f"A challenge was mailed to the contact of {target.organization.reference}."
    response = HttpResponse(sealed, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="challenge-{target.reference}.age"'
    response["Cache-Control"] = "no-store"
    return response


def is_to_prove(target: ArchiveTarget) -> bool:
    return target.state == TargetState.PROPOSED and target.kind == TargetKind.OWN_SERVER and target.proven_at is None


def what_approving_does(target: ArchiveTarget) -> list[str]:
    if is_to_prove(target):
        raise targets.NotProven
    where = f"{target.get_place_display()}, {target.address or 'our own folder'}, in {target.country}"
    said = [
        f"What {target.organization.reference} is owed goes there from now on: {where}.",
        "It is tried right now with a test object that is put there, read back and removed.",
    ]
    if target.country != "US":
        said.append(f"It stores outside the United States, because: “{target.country_reason}”. You approve that exception.")
        if target.place != PlaceKind.LOCAL:
            said.append("The gate lets nothing go there before its own exception, for this recipient and that country, is approved too.")
    if target.provider is not None:
        said.append(f"{target.provider.reference} runs the store. The gate asks each time whether it may have archives; without a grant in force nothing goes.")
    if target.kind == TargetKind.OWN_SERVER:
        said.append("Only the client can open what goes there. We keep no copy and no key.")
    return said


def ends_asked(target: ArchiveTarget) -> bool:
    return target.kind == TargetKind.HOSTED and contracts.waiting(target.organization) is not None


def is_hosting(target: ArchiveTarget) -> bool:
    return target.kind == TargetKind.HOSTED and target.state not in (TargetState.PROPOSED, TargetState.REJECTED) and not ends_asked(target)


def what_ending_destroys(target: ArchiveTarget) -> list[str]:
    archives = contracts.standing(target.organization, clock.now())
    client, count = target.organization.reference, number(sum(archive.messages for archive in archives))
    return [
        f"{number(len(archives))} hosted archives of {client} with {count} messages are destroyed for good.",
        "Their keys go first, then their files; each gets its certificate. What its store keeps locked goes when the lock ends.",
        "It is refused while a hold covers one of them.",
    ]


@admin.register(ArchiveTarget)
class ArchiveTargetAdmin(CovenantAdmin):
    list_display = ("reference", "organization", "kind", "place", "country", "state", "health", "last_success_at")
    list_filter = ("state", "kind", "place", "organization")
    list_select_related = ("organization",)
    search_fields = ("=reference", "=organization__reference")
    chips = {"state": TARGET_TONES}
    fieldsets = (
        (None, {"fields": ("reference", "organization", "kind", "state", "lag")}),
        ("Where", {"fields": ("place", "provider", "address", "pinned_address", "country", "country_reason", "login", "peer_key", "keep_days")}),
        ("Who can open it", {"fields": ("recipient", "proof")}),
        ("Who decided", {"fields": ("proposed_by", "proposed_at", "tried_at", "decided_by", "decided_at")}),
        ("How it goes", {"fields": ("health", "last_success_at", "failures", "next_try_at", "last_error")}),
    )  # fmt: skip
    readonly_fields = ("lag", "proof", "health")
    unmasked_fields = ("country_reason", "proposed_by", "decided_by")
    empty_note = "No place for archives yet. A records manager proposes one for each client that is owed an archive, a compliance officer approves it."
    acts = (
        Act(
            "challenge", "Download a challenge", targets.PROPOSE, danger=False, applies=is_to_prove,
            explain=lambda target: [
                "A file comes to this computer that only the owner of the client's public key can open. Send it to the client.",
                "An earlier challenge for this target is worthless then.",
            ],
            run=lambda request, target, _form: challenge(request, target, mail=False),
        ),
        Act(
            "mail_challenge", "Mail a challenge", targets.PROPOSE, danger=False, applies=is_to_prove,
            explain=lambda target: [
                f"The contact of {target.organization.reference} gets a text that only the owner of its public key can open.",
                "An earlier challenge for this target is worthless then.",
            ],
            run=lambda request, target, _form: challenge(request, target, mail=True),
        ),
        Act(
            "answer", "Enter the client's answer", targets.PROPOSE, danger=False, form=AnswerForm,
            applies=lambda target: is_to_prove(target) and target.challenge is not None,
            explain=lambda target: ["The right answer proves that the client can open its archive. Five wrong ones end the challenge."],
            run=lambda request, target, form: (
                f"{targets.answer(target=target, **form.cleaned_data, by=request.user, at=clock.now())}: the client has its key. "
                "A second person can approve the target now."
            ),
        ),
        Act(
            "approve", "Approve", targets.ACT, danger=True,
            applies=lambda target: target.state == TargetState.PROPOSED and not is_to_prove(target), explain=what_approving_does,
            run=lambda request, target, _form: f"{targets.approve(target=target, by=request.user, at=clock.now())} is in use.",
        ),
        Act(
            "reject", "Reject", targets.ACT, danger=False, applies=lambda target: target.state == TargetState.PROPOSED,
            explain=lambda target: ["Nothing ever goes there. Another place can be proposed."],
            run=lambda request, target, _form: f"{targets.reject(target=target, by=request.user, at=clock.now())} is rejected.",
        ),
        Act(
            "suspend", "Suspend", targets.ACT, danger=False, applies=lambda target: target.state == TargetState.ACTIVE,
            explain=lambda target: ["Nothing is delivered there for now. What it is owed steps aside on its day, hidden, and waits."],
            run=lambda request, target, _form: f"{targets.suspend(target=target, by=request.user, at=clock.now())} is suspended.",
        ),
        Act(
            "resume", "Use it again", targets.ACT, danger=False, applies=lambda target: target.state == TargetState.SUSPENDED,
            explain=lambda target: ["It is tried with a test object right now, and then gets what it is owed."],
            run=lambda request, target, _form: f"{targets.resume(target=target, by=request.user, at=clock.now())} is in use again.",
        ),
        Act(
            "name_provider", "Name who runs the store", targets.ACT, danger=False, form=ProviderForm, applies=targets.lacks_provider,
            explain=lambda target: ["The gate asks each time whether this provider may have archives. Until it is named nothing goes there, or comes back."],
            run=lambda request, target, form: (
                f"{targets.name_provider(target=target, **form.cleaned_data, by=request.user, at=clock.now())}: its store is run by "
                f"{form.cleaned_data['provider']}."
            ),
        ),
        Act(
            "end", "End", targets.ACT, danger=True, applies=lambda target: target.state in (TargetState.ACTIVE, TargetState.SUSPENDED),
            explain=lambda target: [
                "Nothing is delivered there any more. What lies there stays until its own end.",
                "What is still owed waits for another place.",
            ],
            run=lambda request, target, _form: f"{targets.end(target=target, by=request.user, at=clock.now())} is ended.",
        ),
        Act(
            "ask_contract_end", "Ask that its archives end", targets.PROPOSE, danger=True, applies=is_hosting, explain=what_ending_destroys,
            run=lambda request, target, _form: (
                f"The end of {contracts.ask_end(organization=target.organization, by=request.user, at=clock.now())} archives is asked for."
            ),
        ),
        Act(
            "end_contract", "End its archives with the contract", targets.ACT, danger=True, applies=ends_asked, explain=what_ending_destroys,
            run=lambda request, target, _form: (
                f"{contracts.end_contract(organization=target.organization, by=request.user, at=clock.now())} archives are due to be destroyed."
            ),
        ),
        Act(
            "keep_archives", "Reject their end", targets.ACT, danger=False, applies=ends_asked,
            explain=lambda target: ["The archives live on until their own ends."],
            run=lambda request, target, _form: (
                contracts.reject_end(organization=target.organization, by=request.user, at=clock.now()) or "The archives live on."
            ),
        ),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).select_related("organization", "provider")

    @admin.display(description="health")
    def health(self, target: ArchiveTarget) -> SafeString | str:
        if target.state not in (TargetState.ACTIVE, TargetState.SUSPENDED):
            return "not in use"
        if target.failures:
            return chip(f"failed {target.failures} time{'s' if target.failures != 1 else ''}: {target.last_error.partition(':')[0]}", "bad")
        return chip("works" if target.last_success_at else "nothing delivered yet", "ok" if target.last_success_at else "plain")

    @admin.display(description="client's key")
    def proof(self, target: ArchiveTarget) -> str:
        if target.kind != TargetKind.OWN_SERVER:
            return "hosted: our keystore holds a secret for each archive"
        return f"proven on {target.proven_at:%Y-%m-%d %H:%M} UTC" if target.proven_at else "not proven yet: send the client a challenge"

    @admin.display(description="waits to be archived")
    def lag(self, target: ArchiveTarget) -> SafeString | str:
        """What the client is owed in this kind of archive and does not have yet."""
        at = clock.now()
        found = [one for one in lag.lags(at=at, organization=target.organization) if one.kind == target.kind]
        if not found or not found[0].segments:
            return "nothing: all that is due is there"
        one = found[0]
        text = f"{one.segments} cohort{'s' if one.segments != 1 else ''} since {one.since:%Y-%m-%d %H:%M} UTC"
        return chip(f"{text}, {one.why}" if one.why else text, "bad" if one.is_late(at) else "wait")

    def has_change_permission(self, request: HttpRequest, obj: ArchiveTarget | None = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Propose a place."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form, refusal = TargetForm(request.POST or None, initial={"organization": request.GET.get("organization", "")[:20]}), None
        if request.method == "POST" and form.is_valid():
            try:
                target = targets.propose(**form.values(), by=request.user, at=clock.now())
            except Refusal as said:
                refusal = said
            else:
                then = "Prove the client's key next." if is_to_prove(target) else "A second person can approve it now."
                messages.success(request, f"{target} is proposed. {then}")
                return HttpResponseRedirect(reverse("admin:retention_archivetarget_change", args=[target.pk]))
        context = {
            **self.admin_site.each_context(request), "title": "Propose a place for archives", "subtitle": None, "opts": self.opts,
            "form": form, "refusal": refusal, "list_url": reverse("admin:retention_archivetarget_changelist"), "list_title": "Places for archives",
            "introduction": "Where the archives of one client go. Nothing goes there until it is tried, and approved by a second person.",
            "button": "Propose the place",
        }  # fmt: skip
        return TemplateResponse(request, "retention/archive_form.html", context, status=409 if refusal else 200)
