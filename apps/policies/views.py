"""The policy as the public reads it: the version in force, earlier ones, and what changed. No cookie, no script, no draft.

A page is made from the rows at every visit, because a version is effective the moment it is published; browsers ask again
and are told "not modified" where nothing is new.
"""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import http_date
from django.views.decorators.http import conditional_page, require_safe

from apps.foundation import clock
from apps.foundation.promises import PROMISES
from apps.policies import changes
from apps.policies.models import PolicyVersion
from apps.policies.reading import html
from apps.policies.services import force


def _page(request: HttpRequest, template: str, context: dict, *, at: datetime) -> HttpResponse:
    """Each page carries the news about the newest version, so that it looks different from its publication on, and once it is news no more."""
    response = render(request, template, context)
    response.headers["Cache-Control"] = "no-cache"
    modified = force.last_changed(at)
    if modified is not None:
        response.headers["Last-Modified"] = http_date(modified.timestamp())
    return response


def _published(at: datetime):
    return PolicyVersion.objects.published().filter(published_at__lte=at)


def _version_or_404(number: int, at: datetime) -> PolicyVersion:
    version = _published(at).filter(number=number).first()
    if version is None:
        raise Http404
    return version


def read_version(version: PolicyVersion) -> dict:
    """What the templates need to show a version: its words as HTML, and the promises of each clause in plain words."""
    return {
        "version": version,
        "introduction": html(version.introduction),
        "clauses": [
            {
                "code": clause.code,
                "heading": clause.heading,
                "html": html(clause.text),
                "promises": [(code, PROMISES.get(code, "")) for code in clause.promises],
            }
            for clause in version.clauses.order_by("position")
        ],
    }


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return redirect("policies:in_force")


@require_safe
@conditional_page
def in_force(request: HttpRequest) -> HttpResponse:
    """The version in force."""
    at = clock.now()
    version = PolicyVersion.objects.in_force(at).first()
    if version is None:
        return _page(request, "policies/none.html", {}, at=at)
    previous = _published(at).filter(number__lt=version.number).first()
    context = read_version(version) | {"is_in_force": True, "previous": previous}
    return _page(request, "policies/version.html", context, at=at)


@require_safe
@conditional_page
def versions(request: HttpRequest) -> HttpResponse:
    """All published versions, the newest first, each with the time it was in force."""
    at = clock.now()
    rows = list(_published(at).order_by("-number"))
    listed = [
        {"version": version, "until": rows[i - 1] if i else None, "previous": rows[i + 1] if i + 1 < len(rows) else None}
        for i, version in enumerate(rows)
    ]
    return _page(request, "policies/versions.html", {"listed": listed}, at=at)


@require_safe
@conditional_page
def one_version(request: HttpRequest, number: int) -> HttpResponse:
    """One published version, with the time it was in force."""
    at = clock.now()
    version = _version_or_404(number, at)
    later = _published(at).filter(number__gt=number).order_by("number").first()
    context = read_version(version) | {
        "is_in_force": later is None,
        "superseded_by": later,
        "previous": _published(at).filter(number__lt=number).first(),
    }
    return _page(request, "policies/version.html", context, at=at)


@require_safe
@conditional_page
def what_changed(request: HttpRequest, before: int, after: int) -> HttpResponse:
    """What changed from one published version to another, whichever way round they are asked for."""
    at = clock.now()
    if before == after:
        raise Http404
    if before > after:
        return redirect("policies:changes", before=after, after=before)
    old, new = _version_or_404(before, at), _version_or_404(after, at)
    context = {"before": old, "after": new, "changes": changes.between(old, new), "promises": PROMISES}
    return _page(request, "policies/changes.html", context, at=at)
