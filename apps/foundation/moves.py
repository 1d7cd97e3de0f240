"""States change by one table of moves per kind of thing; every other pair is refused here and by the database."""

from collections.abc import Mapping

from apps.foundation.refusals import Refusal


class NotAMove(Refusal):
    """That step is not in the table of moves."""

    code = "not_a_move"
    mend = "Reload the page: somebody may have moved it on already."


def require_move(moves: Mapping[str, frozenset[str]] | Mapping[str, set[str]], here: str, there: str) -> None:
    """Refuse with NotAMove unless `moves` allows here → there."""
    if there not in moves[here]:
        raise NotAMove(f"It is {here}; from there it can not become {there}.")
