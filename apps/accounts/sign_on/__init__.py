"""Reaches the providers at which people have accounts of their own: OpenID Connect by allauth, for people and never for staff."""
