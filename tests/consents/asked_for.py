"""A link that somebody asked for by their address, for the tests of mail."""

from apps.consents.services import links
from tests import cast


def a_link():
    """Ada asks for the link to her choices."""
    cast.ada(cast.client())
    links.ask(address="ada@client.example", at=cast.NOON)
    links.answer_due(at=cast.NOON)
    return cast.NOON, ["ada@client.example", "Hill Clinic", "http://127.0.0.1:8000/preferences/open/", "30 minutes"]
