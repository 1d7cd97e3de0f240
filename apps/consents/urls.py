"""Addresses of the preference page, below /preferences/."""

from django.urls import path, register_converter

from apps.consents import linked_accounts, policy_acceptance, views


class Token:
    """Anything shorter, longer or of other letters is no link of ours, and simply not there."""

    regex = "[A-Za-z0-9_-]{43}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(Token, "link_token")

app_name = "consents"
urlpatterns = [
    path("", views.ask, name="ask"),
    path("sent/", views.sent, name="sent"),
    path("open/<link_token:token>/", views.open_link, name="open"),
    path("page/", views.show, name="page"),
    path("say/", views.say, name="say"),
    path("receipt/", views.receipt, name="receipt"),
    path("leave/", views.leave, name="leave"),
    path("policy/accept/", policy_acceptance.accept, name="accept_policy"),
    path("linked-accounts/begin/", linked_accounts.begin, name="linking_begins"),
    path("linked-accounts/back/", linked_accounts.come_back, name="linking_ends"),
    path("linked-accounts/unlink/", linked_accounts.unlink, name="unlink"),
]
