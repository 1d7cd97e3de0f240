"""Addresses of the app retention."""

urlpatterns: list = []
