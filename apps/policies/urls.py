"""Addresses of the app policies."""

urlpatterns: list = []
