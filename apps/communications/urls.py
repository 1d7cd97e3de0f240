"""Addresses of the pages by which people write to us, or stop that we write to them, at the root of the site."""

from django.urls import path

from apps.communications.views import contact, unsubscribing

app_name = "communications"
urlpatterns = [
    path("contact/", contact.contact, name="contact"),
    path("unsubscribe/<str:token>/", unsubscribing.unsubscribe, name="unsubscribe"),
]
