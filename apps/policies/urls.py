"""Addresses of the public policy, at the root of the site."""

from django.urls import path, register_converter
from django.urls.converters import IntConverter

from apps.policies import views


class VersionNumber(IntConverter):
    """A number that the database can hold: longer ones are simply not there."""

    regex = "[1-9][0-9]{0,8}"


register_converter(VersionNumber, "version")

app_name = "policies"
urlpatterns = [
    path("", views.home, name="home"),
    path("privacy/", views.in_force, name="in_force"),
    path("privacy/versions/", views.versions, name="versions"),
    path("privacy/versions/<version:number>/", views.one_version, name="version"),
    path("privacy/changes/<version:before>/<version:after>/", views.what_changed, name="changes"),
]
