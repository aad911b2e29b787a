"""Renders users' templates with python-liquid, locked: no code, no includes, everything bounded.

Data is plain values only, so that no template reaches a method or an attribute. The templates
compiled last are cached.
"""

import difflib
import html
import logging
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, cast
from urllib.parse import quote

from liquid import BoundTemplate, Environment, Token
from liquid.exceptions import FilterArgumentError, LiquidError
from liquid.filter import with_context
from liquid.output import LimitedStringIO
from liquid.undefined import Undefined, is_undefined

from subscribers.templating import lexer
from subscribers.templating.filters import COSTS, FILTERS, OF_READER
from subscribers.templating.nodes import TAG_CLASSES, Rendering, ValueNode, missing_name
from subscribers.templating.reader import Reader
from subscribers.templating.values import MOST_TEXT, FilterRefused, NoNumber, items_of
from subscribers.wire import profile

logger = logging.getLogger("cueline.templating")

ROOTS = ("subscriber", "event", "workspace", "unsubscribeUrl", "DOUBLE_OPT_IN_URL")
MOST_OUTPUT = 512 * 1024  # bytes of UTF-8
MOST_SOURCE = 512 * 1024  # bytes of UTF-8
COMPILED_KEPT = 256
DEEPEST_DATA = 50
# The roots whose fields are fixed; below `attributes` any name may come.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "subscriber": (
        "id",
        "email",
        "externalId",
        *(text.wire_name for text in profile.TEXTS),
        "attributes",
    ),
    "workspace": ("name", "postalAddress"),
}
# Only raises an alarm: what a rendering may do is limited by counts, the same on every machine.
SLOW_SECONDS = 2
# As some editors write links: a scheme before a tag that has one, and a tag that is encoded.
_DEAD_LINK = re.compile(
    r"https?://\s*\{\{\s*(?:unsubscribeUrl|DOUBLE_OPT_IN_URL)|%7B%7B.{0,60}?%7D%7D", re.IGNORECASE
)


class TemplateFault(ValueError):
    """A template is wrong, or over a limit; the message names the line where it is known."""

    code = "TEMPLATE_ERROR"

    def __init__(self, message: str, *, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"Line {line}: {message}")


@dataclass(frozen=True, slots=True)
class MergeTags:
    """What a template reads: `paths` such as `event.order.id`, without loop variables."""

    paths: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Compiled:
    template: BoundTemplate
    # Each path's segments, and the line of its first use.
    lines: Mapping[tuple[str, ...], int]
    tags: MergeTags


def check(template: str, *, roots: Collection[str] = ROOTS) -> MergeTags:
    """Return what a template reads, or raise `TemplateFault` for its first fault.

    Refused: syntax errors, tags and filters that are not available, names other than `roots`,
    unknown fields of the roots in `FIELDS`, more than 512 KiB of source, and whatever cannot be
    rendered with blank data.
    """
    if dead := _DEAD_LINK.search(template):
        message = (
            f"'{dead[0]}' makes no link: write the merge tag alone, as {{{{unsubscribeUrl}}}}."
        )
        raise TemplateFault(message, line=_line_of(template, dead.start()))
    compiled = _compile(template)
    for (root, *rest), line in compiled.lines.items():
        if root not in roots:
            raise _unknown(root, roots, line=line)
        known = FIELDS.get(root)
        if known and rest and rest[0] not in known:
            raise _unknown(rest[0], known, line=line, root=f"{root}.")
    render_plain(template, {}, is_html=True)
    return compiled.tags


def tags_of(template: str) -> MergeTags:
    """Return what a stored template reads; refuses less than `check`, whose rules came later."""
    return _compile(template).tags


def render(
    template: str, data: Mapping[str, Any], *, is_html: bool, reader: Reader | None = None
) -> str:
    """Return the text; missing data is blank, and in HTML every value is escaped.

    Raises `TemplateFault`, and `TypeError` for data other than dicts, lists, strings, numbers,
    booleans and None.
    """
    refuse_other_than_plain(data)
    return render_plain(template, data, is_html=is_html, reader=reader)


def render_url(template: str, data: Mapping[str, Any], *, reader: Reader | None = None) -> str:
    """Return a URL in which every value is percent-encoded; raises as `render` does."""
    refuse_other_than_plain(data)
    return _rendered(template, data, escape=_percent_encoded, reader=reader)


def render_plain(
    template: str, data: Mapping[str, Any], *, is_html: bool, reader: Reader | None = None
) -> str:
    """Render with data that is known to be plain."""
    return _rendered(template, data, escape=html.escape if is_html else str, reader=reader)


def is_lone(template: str) -> bool:
    """Return whether the template is one `{{…}}` alone; False for what is no template."""
    try:
        nodes = _compile(template.strip()).template.nodes
    except TemplateFault:
        return False
    return len(nodes) == 1 and isinstance(nodes[0], ValueNode)


def value_of(template: str, data: Mapping[str, Any], *, reader: Reader) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a template that is one `{{…}}` alone, with its type; None if missing.

    Raises as `render` does.
    """
    refuse_other_than_plain(data)
    template = template.strip()
    rendering = Rendering(_compile(template).template, data=data, escape=str, reader=reader)
    with _faults_of(template):
        value = cast("ValueNode", rendering.template.nodes[0]).value_in(rendering)
    match value:
        case str():
            return str(value)
        case range():
            return items_of(value)
        case bool() | int() | float() | list() | dict():
            return value
        case _:
            return None


def _percent_encoded(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _rendered(
    template: str,
    data: Mapping[str, Any],
    *,
    escape: Callable[[str], str],
    reader: Reader | None,
) -> str:
    compiled = _compile(template)
    rendering = Rendering(
        compiled.template, data=data, escape=escape, reader=reader or Reader(now=None)
    )
    buffer = LimitedStringIO(limit=MOST_OUTPUT)
    began = time.perf_counter()
    with _faults_of(template):
        compiled.template.render_with_context(rendering, buffer)
    seconds = time.perf_counter() - began
    if seconds > SLOW_SECONDS:
        logger.warning("A template took %.1f s to render.", seconds)
    return buffer.getvalue()


@contextmanager
def _faults_of(template: str) -> Iterator[None]:
    """Raise what a rendering raises as `TemplateFault`."""
    try:
        yield
    except LiquidError as error:
        raise _fault(error, template) from error
    # Any other exception is the template's fault too.
    except Exception as error:
        raise TemplateFault(f"could not be rendered ({type(error).__name__}).") from error


def refuse_other_than_plain(data: Mapping[str, Any]) -> None:
    """Raise `TypeError` for data in which a template could reach a method."""
    level: list[object] = [dict(data)]
    for _ in range(DEEPEST_DATA):
        below: list[object] = []
        for each in level:
            if type(each) is dict:
                if any(type(key) is not str for key in each):
                    raise TypeError("the keys of a template's data are strings.")
                below.extend(each.values())
            elif type(each) is list:
                below.extend(each)
            elif each is not None and type(each) not in (str, int, float, bool):
                raise TypeError(f"a template's data are plain values, not {type(each).__name__}.")
        if not below:
            return
        level = below
    raise TypeError(f"a template's data nest at most {DEEPEST_DATA} levels.")


class _Locked(Environment):
    """python-liquid with our tags and filters, and none of its own."""

    block_nesting_limit = 20

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        del extra
        for tag in TAG_CLASSES:
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, _bounded_filter(name, function))

    def tokenizer(self) -> Callable[[str], Iterator[Token]]:
        return lexer.tokenize

    def error(
        self,
        exc: type[LiquidError] | LiquidError,
        msg: str | None = None,
        token: Token | None = None,
    ) -> None:
        """Raise, with the nearest token whose place is known."""
        error = exc if isinstance(exc, LiquidError) else exc(msg, token=token)
        if error.token is None or error.token.start_index < 0:
            error.token = token or error.token
        raise error


def _bounded_filter(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a filter that counts what it handles, and whose errors name it."""

    cost = COSTS.get(name, 1)

    @wraps(function)
    def run(value: object, *args: object, context: Rendering, **named: object) -> object:
        context.handle(value, *args, cost=cost)
        extra = {"reader": context.reader} if name in OF_READER else {}
        try:
            made = function(value, *args, **named, **extra)
        except FilterRefused as error:
            raise FilterArgumentError(f"'{name}': {error}", token=None) from error
        except (ArithmeticError, ValueError, NoNumber) as error:
            # A mail must not fail for one value: the filter gives nothing.
            why = _why_nothing(error, (value, *args))
            if why:
                context.reader.note(f"{why}: {name} gave nothing")
            return Undefined("")
        if isinstance(made, str) and len(made) > MOST_TEXT:
            message = f"'{name}': a text would have more than {MOST_TEXT:,} characters."
            raise FilterArgumentError(message, token=None)
        context.handle(made)
        return made

    return with_context(run)


def _why_nothing(error: Exception, values: tuple[object, ...]) -> str:
    """Return why a calculation gave nothing; "" where an earlier one gave nothing already."""
    missing = [missing_name(value) for value in values if value is None or is_undefined(value)]
    if missing:
        return missing[0] and f"{missing[0]} is missing"
    return "a number is zero" if isinstance(error, ZeroDivisionError) else str(error)


@lru_cache(maxsize=1)
def _environment() -> _Locked:
    return _Locked()


@lru_cache(maxsize=COMPILED_KEPT)
def _compile(source: str) -> _Compiled:
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        raise TemplateFault("the template holds half of a surrogate pair.") from error
    if size > MOST_SOURCE:
        raise TemplateFault(f"a template may have at most {MOST_SOURCE // 1024} KiB.")
    try:
        template = _environment().from_string(source)
        globals_by_root = template.analyze().globals
    except LiquidError as error:
        raise _fault(error, source) from error
    except RecursionError as error:
        raise TemplateFault("the template nests too deeply.") from error
    paths: set[str] = set()
    lines: dict[tuple[str, ...], int] = {}
    for root, variables in globals_by_root.items():
        for variable in variables:
            segments = tuple(map(str, variable.segments[:2]))
            lines.setdefault(segments, _line_of(source, variable.span.index))
        if root not in ROOTS:
            raise _unknown(root, ROOTS, line=_line_of(source, variables[0].span.index))
        paths.update(map(str, variables))
    return _Compiled(template, lines, MergeTags(frozenset(paths)))


def _unknown(name: str, known: Collection[str], *, line: int, root: str = "") -> TemplateFault:
    folded = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.replace("_", "").lower(), folded, n=1)
    *rest, last = [root + each for each in known]
    hint = f"did you mean {root}{folded[near[0]]}?" if near else ""
    listed = f"known are {', '.join(rest)} and {last}." if rest else f"known is {last}."
    return TemplateFault(f"'{root}{name[:50]}' is not known; {hint or listed}", line=line)


def _fault(error: LiquidError, source: str) -> TemplateFault:
    index = error.token.start_index if error.token else -1
    message = str(error.message or "is wrong").rstrip(".")
    return TemplateFault(f"{message}.", line=_line_of(source, index) if index >= 0 else None)


def _line_of(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1
