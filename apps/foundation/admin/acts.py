"""Acts: what staff do to a thing beyond editing it. Declared, never programmed per screen.

    class CohortAdmin(CovenantAdmin):
        acts = (
            Act(
                "retry", "Try the destruction again", "retention.retry_destruction",
                explain=lambda cohort: [f"{cohort.messages:,} messages are destroyed for good."],
                run=retry,                                    # def retry(request, cohort, form) -> str
                applies=lambda cohort: cohort.state == "parked",
            ),
            Act("sweep", "Sweep now", "retention.sweep_now", explain=…, run=…, on_list=True),
        )

What follows from a declaration, and needs no code in the app:

* a button on the change page (or above the list, `on_list=True`), only for who has the permission and where it `applies`;
* a route `admin:<app>_<model>_<name>` (`…/<pk>/act/<name>/` or `…/act/<name>/`), closed with 403 to everybody else;
* GET shows a page that says what will happen (`explain`) and changes nothing; only POST acts;
* a `Refusal` raised by `explain` or `run` is shown with its mend (POST answers 409), never as a failure of the server;
* the same confirmation sent twice acts once.

`run` calls one service with `at=clock.now()`; it must never hold rules of its own: those live in the service, which refuses.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.contrib.sessions.backends.base import UpdateError
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.text import capfirst

from apps.foundation.digests import sha256
from apps.foundation.refusals import Refusal

DONE_IN_SESSION = "acts_done"
KEPT_IN_SESSION = 40


@dataclass(frozen=True)
class ShowOnce:
    """What `run` returns instead of a message when something may be seen only now, e.g. a new token.

    It is rendered in the answer itself and kept nowhere: not in a message, not in the session.
    """

    title: str
    text: str
    secret: str


@dataclass(frozen=True)
class Act:
    """One declared act (see the module).

    `name` is part of the address (a slug); `label` is on the button; `permission` is `app.codename`.
    `explain(obj)` returns sentences, one per consequence; `obj` is None for an act on the list.
    `run(request, obj, form)` does it by one service call and returns a message, a `ShowOnce` or a response;
    `form` is the valid form, or None where the act takes none.
    `form` is a Form class, made with `form_kwargs(request, obj)` where that is given; files are handed to it.
    `applies(obj)` says whether the button is worth showing now; the service decides whether it may be done.
    `danger` paints the button as something that can't be taken back.
    """

    name: str
    label: str
    permission: str
    explain: Callable[[Any], Sequence[str]]
    run: Callable[[HttpRequest, Any, forms.Form | None], "str | ShowOnce | HttpResponse"]
    form: type[forms.Form] | None = None
    danger: bool = True
    on_list: bool = False
    applies: Callable[[Any], bool] | None = None
    form_kwargs: Callable[[HttpRequest, Any], Mapping[str, Any]] | None = None

    def is_for(self, request: HttpRequest) -> bool:
        return request.user.has_perm(self.permission)


class ActsMixin:
    """Gives a ModelAdmin the routes, buttons and confirmation pages of its declared acts."""

    acts: tuple[Act, ...] = ()
    act_confirm_template = "admin/act_confirm.html"
    act_shown_once_template = "admin/act_shown_once.html"

    def get_acts(self, request: HttpRequest) -> tuple[Act, ...]:
        """The declared acts. Override only to add acts that depend on nothing but the class."""
        return self.acts

    def act_urls(self) -> list:
        """A route for each declared act, before the stock routes."""
        info = self.opts.app_label, self.opts.model_name
        routes = []
        for act in self.acts:
            name = "{}_{}_{}".format(*info, act.name)
            view = self.admin_site.admin_view(self._act_view(act))
            routes.append(path(f"act/{act.name}/" if act.on_list else f"<path:object_id>/act/{act.name}/", view, name=name))
        return routes

    def act_buttons(self, request: HttpRequest, obj: Any | None) -> list[dict[str, Any]]:
        """Label, address and danger of each act that this person may do here and now."""
        buttons = []
        for act in self.get_acts(request):
            if act.on_list is (obj is None) and act.is_for(request) and (act.applies is None or act.applies(obj)):
                buttons.append({"label": act.label, "url": self.act_url(act, obj), "danger": act.danger, "name": act.name})
        return buttons

    def act_url(self, act: Act, obj: Any | None) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{act.name}"
        return reverse(name, args=() if obj is None else (quote(obj.pk),))

    def _act_view(self, act: Act) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, object_id: str | None = None) -> HttpResponse:
            return self._serve_act(request, act, object_id)

        return view

    def _serve_act(self, request: HttpRequest, act: Act, object_id: str | None) -> HttpResponse:
        if not act.is_for(request) or not self.has_view_permission(request):
            raise PermissionDenied
        obj = None
        if not act.on_list:
            obj = self.get_object(request, unquote(object_id))
            if obj is None:
                return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
            if not self.has_view_permission(request, obj):
                raise PermissionDenied
        if request.method == "POST":
            return self._do_act(request, act, obj)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
        return self._confirm_act(request, act, obj, self._act_form(request, act, obj))

    def _act_form(self, request: HttpRequest, act: Act, obj: Any) -> forms.Form | None:
        if act.form is None:
            return None
        kwargs = dict(act.form_kwargs(request, obj)) if act.form_kwargs else {}
        if request.method == "POST":
            return act.form(request.POST, request.FILES, **kwargs)
        return act.form(**kwargs)

    def _do_act(self, request: HttpRequest, act: Act, obj: Any) -> HttpResponse:
        form = self._act_form(request, act, obj)
        if form is not None and not form.is_valid():
            return self._confirm_act(request, act, obj, form)
        try:
            with _Once(request, act) as once:
                if once.is_done:
                    messages.info(request, f"{act.label}: done already. A second click changes nothing.")
                    return self._after_act(request, obj)
                outcome = act.run(request, obj, form)
                once.done()
        except Refusal as refusal:
            return self._confirm_act(request, act, obj, form, refusal)
        if isinstance(outcome, ShowOnce):
            return self._show_once(request, act, obj, outcome)
        if isinstance(outcome, HttpResponseBase):  # a file that is made while it leaves is one too
            return outcome
        messages.success(request, outcome or f"{act.label}: done.")
        return self._after_act(request, obj)

    def _after_act(self, request: HttpRequest, obj: Any | None) -> HttpResponse:
        info = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        if obj is not None and self.get_queryset(request).filter(pk=obj.pk).exists():
            return HttpResponseRedirect(reverse(f"{info}_change", args=(quote(obj.pk),)))
        return HttpResponseRedirect(reverse(f"{info}_changelist"))

    def _act_context(self, request: HttpRequest, act: Act, obj: Any, title: str) -> dict[str, Any]:
        info = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        list_url = reverse(f"{info}_changelist")
        return {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "opts": self.opts,
            "act": act,
            "object": obj,
            "list_url": list_url,
            "back_url": reverse(f"{info}_change", args=(quote(obj.pk),)) if obj is not None else list_url,
        }

    def _confirm_act(
        self, request: HttpRequest, act: Act, obj: Any, form: forms.Form | None, refusal: Refusal | None = None
    ) -> HttpResponse:
        explanation: Sequence[str] = ()
        status = 409 if refusal else 200
        try:
            explanation = act.explain(obj)
        except Refusal as impossible:
            refusal = refusal or impossible
        about = f": {obj}" if obj is not None else ""
        context = self._act_context(request, act, obj, f"{act.label}{about}") | {
            "explanation": explanation,
            "form": form,
            "refusal": refusal,
            "once": request.POST.get("once") or secrets.token_urlsafe(16),
            "media": self.media + form.media if form is not None else self.media,
        }
        return TemplateResponse(request, self.act_confirm_template, context, status=status)

    def _show_once(self, request: HttpRequest, act: Act, obj: Any, shown: ShowOnce) -> HttpResponse:
        context = self._act_context(request, act, obj, shown.title) | {"shown": shown}
        return TemplateResponse(request, self.act_shown_once_template, context)


class _Once:
    """Lets one confirmation act once: its mark is kept in the session, and a lock makes a double click wait its turn."""

    def __init__(self, request: HttpRequest, act: Act):
        self.request = request
        self.mark = request.POST.get("once", "")[:64]
        self.lock = int.from_bytes(sha256(b"act", act.name.encode(), self.mark.encode())[:8], "big", signed=True)
        self.is_done = False

    def __enter__(self) -> "_Once":
        if self.mark:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_lock(%s)", [self.lock])
            self.is_done = self.mark in self._stored()
        return self

    def _stored(self) -> list[str]:
        """The marks as they are in the store now; the request's own copy may be older than the lock."""
        session = self.request.session
        fresh = type(session)(session.session_key)
        return fresh.get(DONE_IN_SESSION, [])

    def done(self) -> None:
        if not self.mark:
            return
        self.request.session[DONE_IN_SESSION] = [*self._stored(), self.mark][-KEPT_IN_SESSION:]
        try:
            self.request.session.save()
        except UpdateError:  # the act ended this session: nobody can send the form again with it
            self.request.session.modified = False

    def __exit__(self, *_error: object) -> None:
        if self.mark:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self.lock])


def act_errors(admin: Any) -> list[str]:
    """What is wrong with a class's acts, in words for its author."""
    taken = {"changelist", "add", "history", "delete", "change", "export", "reveal", "autocomplete"}
    errors = []
    for act in admin.acts:
        if act.name in taken or not act.name.isidentifier():
            errors.append(f"{capfirst(act.name)!r} can't be the name of an act: it is taken or no identifier.")
        if act.permission.count(".") != 1:
            errors.append(f"The act {act.name!r} needs a permission written app.codename.")
        taken.add(act.name)
    return errors
