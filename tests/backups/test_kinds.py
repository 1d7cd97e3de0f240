"""Every kind of entry that any of our code owes to the journal can be replayed: a restore must not end at a kind nobody repeats."""

import ast

from config import guard
from config.replay import HANDLERS
from tests.architecture.sources import Source, sources


def constants(source: Source) -> dict[str, str]:
    """Names that a module gives to texts, also several in one statement."""
    found = {}
    for node in source.tree.body:
        if not isinstance(node, ast.Assign) or len(node.targets) != 1:
            continue
        target, value = node.targets[0], node.value
        pairs = zip(target.elts, value.elts, strict=True) if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else [(target, value)]
        for name, text in pairs:
            if isinstance(name, ast.Name) and isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[name.id] = text.value
    return found


def owed() -> dict[str, list[str]]:
    """Kind → where it is owed. One that can't be read from the code stands under what was written there."""
    found: dict[str, list[str]] = {}
    for source in sources(packages=("apps", "config")):
        named = constants(source)
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("journal.owe", "owe") and node.args:
                kind = node.args[0]
                text = kind.value if isinstance(kind, ast.Constant) else named.get(ast.unparse(kind), ast.unparse(kind))
                found.setdefault(text, []).append(source.at(node))
    return found


def test_every_kind_that_is_owed_has_a_handler():
    kinds = owed()
    assert {"ledger.sealed", "destruction.intended", "destruction.done", "backup.registered"} <= set(kinds)
    assert {kind: places for kind, places in kinds.items() if kind not in HANDLERS} == {}, (
        "A replay would stop at these kinds. Mend: write a handler beside the service and name it in config/replay.py."
    )


def test_no_handler_is_kept_for_a_kind_that_nobody_owes():
    assert sorted(set(HANDLERS) - set(owed())) == []


def test_the_repair_page_has_words_for_every_kind():
    assert sorted(set(HANDLERS) - set(guard.WORDS)) == []
