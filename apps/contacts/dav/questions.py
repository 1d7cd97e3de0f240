"""What a DAV server is asked, as XML. Of cards only what matches is asked for; a server that sends more has it dropped by the reader."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

SPACES = 'xmlns="DAV:" xmlns:card="urn:ietf:params:xml:ns:carddav" xmlns:cal="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/"'

#: kind → what marks its collections, where they are, how entries are asked for, and what an entry is
KINDS = {
    "contacts": {
        "mark": "card:addressbook",
        "home": "card:addressbook-home-set",
        "well_known": "/.well-known/carddav",
        "report": "card:addressbook-multiget",
        "data": "card:address-data",
        "wanted": "<card:address-data>{}</card:address-data>".format("".join(f'<card:prop name="{name}"/>' for name in ("VERSION", "UID", "EMAIL", "TEL"))),
        "accept": "text/vcard",
    },
    "calendar": {
        "mark": "cal:calendar",
        "home": "cal:calendar-home-set",
        "well_known": "/.well-known/caldav",
        "report": "cal:calendar-multiget",
        "data": "cal:calendar-data",
        "wanted": "<cal:calendar-data/>",
        "accept": "text/calendar",
    },
}  # fmt: skip


def _document(name: str, body: str) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n<{name} {SPACES}>{body}</{name}>'.encode()


#: what an address is, and where to look further
WHO_AND_WHAT = _document(
    "propfind",
    "<prop><resourcetype/><current-user-principal/><principal-URL/><card:addressbook-home-set/><cal:calendar-home-set/><sync-token/>"
    "<supported-report-set/><cs:getctag/><cal:supported-calendar-component-set/></prop>",
)
#: the entries of a collection
LISTING = _document("propfind", "<prop><resourcetype/><getetag/></prop>")


def changes_since(token: str) -> bytes:
    """RFC 6578; an empty token asks for everything."""
    return _document("sync-collection", f"<sync-token>{escape(token)}</sync-token><sync-level>1</sync-level><prop><getetag/></prop>")


def entries(kind: str, paths: Iterable[str]) -> bytes:
    """These entries with what is in them."""
    asked = KINDS[kind]
    return _document(asked["report"], f"<prop><getetag/>{asked['wanted']}</prop>" + "".join(f"<href>{escape(path)}</href>" for path in paths))
