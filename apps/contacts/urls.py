"""Addresses of the section on the preference page, below /preferences/lent/."""

from django.urls import path

from apps.contacts import views

app_name = "contacts"
urlpatterns = [
    path("upload/", views.upload, name="upload"),
    path("address/", views.add_address, name="add_address"),
    path("remove/", views.remove, name="remove"),
    path("retry/", views.retry, name="retry"),
    path("renew/", views.renew, name="renew"),
]
