"""The address of the public page of providers."""

from django.urls import path

from apps.providers import views

app_name = "providers"
urlpatterns = [path("", views.in_use, name="in_use")]
