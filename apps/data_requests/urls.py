"""Addresses of the public pages of data requests, below /requests/. Links in mails end in a token."""

from django.urls import path

import apps.consents.urls  # noqa: F401 - there the converter `link_token` is registered
from apps.data_requests.views import asking, delivery, links

app_name = "data_requests"
urlpatterns = [
    path("", asking.ask, name="ask"),
    path("received/", asking.received, name="received"),
    path("prove/<link_token:token>/", links.prove, name="prove"),
    path("confirm/<link_token:token>/", links.confirm, name="confirm"),
    path("call-back/<link_token:token>/", links.call_back, name="call_back"),
    path("ready/<link_token:token>/", delivery.ready, name="ready"),
    path("fetch/<link_token:token>/", delivery.fetch, name="fetch"),
]
