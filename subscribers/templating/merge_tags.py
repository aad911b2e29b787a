"""Renders users' templates with python-liquid, locked: no code, no includes, everything bounded.

Data is plain values only, so that no template reaches a method or an attribute. The templates
compiled last are cached.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

from liquid import BoundTemplate, Environment, Token
from liquid.exceptions import FilterArgumentError, LiquidError
from liquid.filter import with_context
from liquid.output import LimitedStringIO

from subscribers.templating import lexer
from subscribers.templating.filters import COSTS, FILTERS
from subscribers.templating.nodes import TAG_CLASSES, Rendering
from subscribers.templating.values import MOST_TEXT, FilterRefused

ROOTS = ("subscriber", "event", "workspace", "unsubscribeUrl", "DOUBLE_OPT_IN_URL")
MOST_OUTPUT = 512 * 1024  # bytes of UTF-8
MOST_SOURCE = 512 * 1024  # bytes of UTF-8
COMPILED_KEPT = 256
DEEPEST_DATA = 50


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
    tags: MergeTags


def check(template: str) -> MergeTags:
    """Return what a template reads, or raise `TemplateFault` for its first fault.

    Refused: syntax errors, tags and filters that are not available, names other than `ROOTS`, and
    more than 512 KiB of source.
    """
    return _compile(template).tags


def render(template: str, data: Mapping[str, Any], *, is_html: bool) -> str:
    """Return the text; missing data is blank, and in HTML every value is escaped.

    Raises `TemplateFault`, and `TypeError` for data other than dicts, lists, strings, numbers,
    booleans and None.
    """
    refuse_other_than_plain(data)
    return render_plain(template, data, is_html=is_html)


def render_plain(template: str, data: Mapping[str, Any], *, is_html: bool) -> str:
    """Render with data that is known to be plain."""
    compiled = _compile(template)
    rendering = Rendering(compiled.template, data=data, is_html=is_html)
    buffer = LimitedStringIO(limit=MOST_OUTPUT)
    try:
        compiled.template.render_with_context(rendering, buffer)
    except LiquidError as error:
        raise _fault(error, template) from error
    # Any other exception is the template's fault too.
    except Exception as error:
        raise TemplateFault(f"could not be rendered ({type(error).__name__}).") from error
    return buffer.getvalue()


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
        try:
            made = function(value, *args, **named)
        except FilterRefused as error:
            raise FilterArgumentError(f"'{name}': {error}", token=None) from error
        except (ArithmeticError, ValueError) as error:
            message = f"'{name}' cannot be applied ({type(error).__name__})."
            raise FilterArgumentError(message, token=None) from error
        if isinstance(made, str) and len(made) > MOST_TEXT:
            message = f"'{name}': a text would have more than {MOST_TEXT:,} characters."
            raise FilterArgumentError(message, token=None)
        context.handle(made)
        return made

    return with_context(run)


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
    for root, variables in globals_by_root.items():
        if root not in ROOTS:
            known = f"{', '.join(ROOTS[:-1])} and {ROOTS[-1]}"
            line = _line_of(source, variables[0].span.index)
            raise TemplateFault(f"'{root[:50]}' is not known; known are {known}.", line=line)
        paths.update(map(str, variables))
    return _Compiled(template, MergeTags(frozenset(paths)))


def _fault(error: LiquidError, source: str) -> TemplateFault:
    index = error.token.start_index if error.token else -1
    message = str(error.message or "is wrong").rstrip(".")
    return TemplateFault(f"{message}.", line=_line_of(source, index) if index >= 0 else None)


def _line_of(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1
