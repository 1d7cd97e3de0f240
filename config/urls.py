"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from apps.consents.views import gpc_support
from config.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/", include("apps.staff.urls")),
    path("api/v1/", api.urls),
    path("retention/", include("apps.retention.urls")),
    path("providers/", include("apps.providers.urls")),
    path("preferences/lent/", include("apps.contacts.urls")),
    path("preferences/", include("apps.consents.urls")),
    path("requests/", include("apps.data_requests.urls")),
    path(".well-known/gpc.json", gpc_support),
    path("", include("apps.communications.urls")),
    path("", include("apps.policies.urls")),
]
