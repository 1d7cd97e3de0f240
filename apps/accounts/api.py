"""The API of the app accounts."""

from ninja import Router

router = Router()
