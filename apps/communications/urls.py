"""Addresses of the pages by which people write to us, at the root of the site."""

from django.urls import path

from apps.communications.views import contact

app_name = "communications"
urlpatterns = [
    path("contact/", contact.contact, name="contact"),
]
