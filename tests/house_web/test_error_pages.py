"""Error pages say what kind of trouble it is and nothing about anybody, and need nothing that may be broken."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.template.loader import get_template
from django.test import Client
from django.urls import path

TYPED = "Ada-Lovelace"


def raising(error):
    def view(request):
        raise error

    return view


urlpatterns = [
    path("bad/", raising(SuspiciousOperation(TYPED))),
    path("closed/", raising(PermissionDenied(TYPED))),
    path("broken/", raising(RuntimeError(TYPED))),
    path("form/", raising(RuntimeError(TYPED))),
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "status", "says"),
    [
        ("/bad/", 400, "The request could not be read"),
        ("/closed/", 403, "You may not see this page"),
        (f"/{TYPED}/", 404, "There is no such page"),
        ("/broken/", 500, "Something went wrong here"),
    ],
)
def test_an_error_page_says_the_kind_of_trouble_and_no_data(address, status, says):
    answer = Client(raise_request_exception=False).get(f"{address}?q={TYPED}")

    assert answer.status_code == status
    assert says in answer.text
    assert TYPED not in answer.text


@pytest.mark.urls(__name__)
def test_a_form_from_elsewhere_is_refused_with_a_plain_page():
    answer = Client(enforce_csrf_checks=True).post("/form/", {"note": TYPED})

    assert answer.status_code == 403
    assert "Please send that again" in answer.text
    assert TYPED not in answer.text


@pytest.mark.parametrize("name", ["400", "403", "403_csrf", "404", "500"])
def test_an_error_page_needs_no_context_and_no_script(name):
    page = get_template(f"{name}.html").render({})

    assert "<script" not in page
    assert "style=" not in page
    assert "{" not in page
