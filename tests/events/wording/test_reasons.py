"""The glossary of reasons: complete, without leftovers, and the only one."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from events.decisions.enrollments import Reason
from events.wording.reasons import REASONS, reason_in_words
from subscribers.models import Suppression

ROOT = Path(__file__).parents[3]
GLOSSARY = "events.wording.reasons"
WORD = re.compile(r"[a-z]+(_[a-z]+)*")
NAMES = {"problem", "reason", "refused"}
DECIDERS = re.compile("reason|refusal")
# Words under such a name that are no reason of ours: a property of a demo's event, an answer's, and
# the rules by which an open or click is judged.
OTHERS = {"card_declined", "not_supported", "machine", "page", "scanner"}


@cache
def modules() -> tuple[tuple[ModuleType, ast.Module], ...]:
    """Return each module of both apps with its syntax."""
    found = []
    for path in sorted((*ROOT.glob("events/**/*.py"), *ROOT.glob("subscribers/**/*.py"))):
        if "migrations" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name.removesuffix(".__init__"))
            found.append((module, ast.parse(path.read_text())))
    return tuple(found)


def values(node: ast.expr, module: ModuleType) -> Iterator[object]:
    """Yield what an expression can be, as far as literals and names say it."""
    match node:
        case ast.Constant():
            yield node.value
        case ast.Name():
            yield getattr(module, node.id, None)
        case ast.Attribute():
            yield from (getattr(each, node.attr, None) for each in values(node.value, module))
        case ast.IfExp():
            yield from (*values(node.body, module), *values(node.orelse, module))
        case ast.BoolOp():
            yield from (each for part in node.values for each in values(part, module))


def parameters(called: object) -> Iterable[str]:
    try:
        return inspect.signature(called).parameters if callable(called) else ()
    except (TypeError, ValueError):
        return ()


def given_as_reason(node: ast.AST, module: ModuleType) -> Iterator[ast.expr]:
    """Yield the expressions that a node passes, stores or returns as a reason."""
    match node:
        case ast.Call():
            yield from (each.value for each in node.keywords if each.arg in NAMES)
            for called in values(node.func, module):
                named = zip(parameters(called), node.args, strict=False)
                yield from (each for name, each in named if name in NAMES)
        case ast.Dict():
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value in NAMES:
                    yield value
        case (
            ast.Assign(targets=[ast.Name(id=name) | ast.Attribute(attr=name)])
            | ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=name))])
        ) if name in NAMES:
            yield node.value
        case ast.FunctionDef():
            if DECIDERS.search(node.name):
                returns = (each for each in ast.walk(node) if isinstance(each, ast.Return))
                yield from (each.value for each in returns if each.value)
            defaults = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
            yield from (each for name, each in defaults if each and name.arg in NAMES)


def reason_words() -> set[str]:
    """Return every word that the code gives as a reason."""
    found = {
        value
        for module, tree in modules()
        for node in ast.walk(tree)
        for given in given_as_reason(node, module)
        for value in values(given, module)
        if isinstance(value, str) and not isinstance(value, Suppression.Reason)
    }
    return {str(word) for word in found if WORD.fullmatch(word)} - OTHERS


def test_the_glossary_has_each_reason_that_the_code_gives_and_no_other() -> None:
    assert set(REASONS) == reason_words() | set(Reason)


def words_reasons(node: ast.Dict, module: ModuleType) -> bool:
    """Tell whether a dictionary has sentences for reasons: two keys, since one says little."""
    keys = {value for key in node.keys if key for value in values(key, module)}
    texts = (str(text.value) for text in node.values if isinstance(text, ast.Constant))
    return len(keys & set(REASONS)) > 1 and any(" " in text for text in texts)


def test_no_other_dictionary_words_reasons() -> None:
    others = [
        f"{module.__name__}, line {node.lineno}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict) and words_reasons(node, module)
    ]

    assert [place.partition(",")[0] for place in others] == [GLOSSARY], others


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        ("mail_paused", "mail is paused"),
        ("gave_up: 550 no such user", "a step failed, and is not tried again: 550 no such user"),
        ("a_new_word", "a new word"),
        ("gone on holiday: back in May", "gone on holiday: back in May"),
        ("", ""),
    ],
)
def test_a_stored_reason_is_read_with_its_detail(stored: str, words: str) -> None:
    assert reason_in_words(stored) == words
