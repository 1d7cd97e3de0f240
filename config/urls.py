"""Every address of the product."""

from django.contrib import admin
from django.urls import include, path

from config.api import api

urlpatterns = [
    path("admin/", admin.site.urls),
    path("account/", include("apps.staff.urls")),
    path("api/v1/", api.urls),
    path("retention/", include("apps.retention.urls")),
    path("providers/", include("apps.providers.urls")),
    path("", include("apps.policies.urls")),
]
