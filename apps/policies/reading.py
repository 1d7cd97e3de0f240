"""A version as people read it: Markdown made into safe HTML, and into plain paragraphs for showing what changed.

Raw HTML in a text is shown as the characters it is made of, never interpreted; a picture becomes a link, since our pages
load nothing from any other host. Headings inside a clause stand below the clause's own.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

LINE_END = re.compile(r"\r\n?")
CLAUSE_LEVEL = 2
LOWEST_LEVEL = 6

_markdown = MarkdownIt("commonmark", {"html": False}).disable("image")


def tidy(text: str) -> str:
    """A text as it is kept: browsers send other line ends than files have, and that must not look like a change."""
    return LINE_END.sub("\n", text).strip()


def _parsed(text: str) -> list[Token]:
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(LOWEST_LEVEL, int(token.tag[1]) + CLAUSE_LEVEL)}"
    return tokens


@lru_cache(maxsize=512)
def html(text: str) -> SafeString:
    """Markdown as HTML that holds no script, no style and no foreign source."""
    return mark_safe(_markdown.renderer.render(_parsed(text), _markdown.options, {}))  # html is disabled


def plain(text: str) -> str:
    """Markdown as plain paragraphs, one per line, list items with a bullet, links followed by their address."""
    lines, bullets = [], 0
    for token in _parsed(text):
        if token.type == "list_item_open":
            bullets += 1
        elif token.type == "inline":
            lines.append(("• " if bullets else "") + _inline(token.children or []))
            bullets = 0
        elif token.type in ("code_block", "fence"):
            lines.append(token.content.rstrip())
    return "\n".join(lines)


def _inline(children: Sequence[Token]) -> str:
    words, addresses = [], []
    for child in children:
        if child.type == "link_open":
            addresses.append(str(child.attrGet("href") or ""))
        elif child.type == "link_close":
            words.append(f" ({addresses.pop()})")
        elif child.type in ("softbreak", "hardbreak"):
            words.append(" ")
        else:
            words.append(child.content)
    return "".join(words)
