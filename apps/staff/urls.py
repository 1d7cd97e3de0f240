"""Addresses of the app staff."""

urlpatterns: list = []
