"""The API of the app retention."""

from ninja import Router

router = Router()
