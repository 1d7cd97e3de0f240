"""States of a policy version, and its table of moves."""

from django.db.models import TextChoices


class State(TextChoices):
    DRAFT = "draft"
    PUBLISHED = "published"


MOVES = {State.DRAFT: {State.PUBLISHED}, State.PUBLISHED: set()}
