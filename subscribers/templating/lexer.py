"""Cuts a mail's template into the tokens that python-liquid parses, in linear time.

python-liquid's own expressions take minutes for half a megabyte of blanks after `{{`, or of `{% raw
%}` without an end. The lexer also distinguishes a fallback from a filter, as in `{{event.city|your
area}}`.
"""

import html
import re
from collections.abc import Iterator

from liquid import Token
from liquid.exceptions import LiquidSyntaxError
from liquid.token import TOKEN_CONTENT, TOKEN_EOF, TOKEN_EXPRESSION, TOKEN_OUTPUT, TOKEN_TAG

from subscribers.templating.filters import FILTERS, UNAVAILABLE

TOKEN_FALLBACK = "fallback"  # noqa: S105 - no secret
# An ordinary mail has some 50 tags; these bound the time to compile.
MOST_TAGS = 2_000
MOST_MARKUP = 64 * 1024  # characters within tags, in all
LONGEST_TAG = 2_000
MOST_OPERATORS = 50  # `and` and `or` within one tag; each nests one level deeper
MOST_BRACKETS = 20

BLOCKS = {"endif": "if", "endunless": "unless", "endcase": "case", "endfor": "for"}
_WITHIN = {
    "elsif": {"if", "unless"}, "else": {"if", "unless", "case", "for"}, "when": {"case"},
    "break": {"for"}, "continue": {"for"},
}  # fmt: skip
TAGS = frozenset({*BLOCKS, *BLOCKS.values(), *_WITHIN, "assign", "comment", "raw"})
_OPENING = re.compile(r"\{[{%]")
_NAME = re.compile(r"\s*(#|\w*)")
_RAW_END = re.compile(r"\{%-?\s*endraw\s*-?%\}")
_COMMENT_PART = re.compile(r"\{%-?\s*(end)?comment\b")
_OPERATOR = re.compile(r"\b(?:and|or)\b")
_UP_TO_PIPE = re.compile(r"""(?:[^|"']|"[^"]*"|'[^']*')*""")
# python-liquid takes no keyword as a property: `event.limit` must become `event['limit']`.
_KEYWORDS = (
    "true|false|nil|null|empty|blank|and|or|contains|not|in|offset|limit|reversed|cols|continue"
    "|with|for|as|if|else|required"
)
_KEYWORD_IN_PATH = re.compile(rf"""("[^"]*"|'[^']*')|(?<!\.)\.({_KEYWORDS})(?![\w?-])""")
_WORD = re.compile(r"[A-Za-z_]\w*")
# What editors of HTML write into tags, outside of quoted texts; `&quot;` may be the quotes.
_ENTITY = re.compile(r"""("[^"]*"|'[^']*')|(&(?:gt|lt|amp|quot|apos|nbsp|#39|#34);|\xa0)""")


def tokenize(source: str) -> Iterator[Token]:
    """Yield a template's tokens; raises `LiquidSyntaxError` at what is not allowed."""
    return _Lexer(source).tokens()


def _without_entity(found: re.Match[str]) -> str:
    return found[1] or html.unescape(found[2]).replace("\xa0", " ")


class _Lexer:
    """One pass over a template: its position, and the open blocks."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._position = 0
        self._is_trimming = False
        self._open: list[tuple[str, int]] = []
        self._tags = 0
        self._markup = 0

    def tokens(self) -> Iterator[Token]:
        while opening := _OPENING.search(self._source, self._position):
            start = opening.start()
            yield from self._literal(self._position, start)
            inner = self._inner(start, "}}" if opening.group() == "{{" else "%}")
            yield from self._output(start, inner) if opening.group() == "{{" else self._tag(inner)
        yield from self._literal(self._position, len(self._source))
        if self._open:
            name, index = self._open[-1]
            raise self._refused(f"'{name}' is never closed by 'end{name}'.", index)
        yield self._token(TOKEN_EOF, TOKEN_EOF, max(0, len(self._source) - 1))

    def _token(self, kind: str, value: str, index: int) -> Token:
        return Token(kind, value, index, self._source)

    def _refused(self, message: str, index: int) -> LiquidSyntaxError:
        return LiquidSyntaxError(message, token=self._token(TOKEN_EXPRESSION, "", index))

    def _literal(self, start: int, end: int) -> Iterator[Token]:
        text = self._source[start:end]
        if self._is_trimming:
            text = text.lstrip()
        if self._source.startswith(("{{-", "{%-"), end):
            text = text.rstrip()
        if text:
            yield self._token(TOKEN_CONTENT, text, start)

    def _inner(self, start: int, closing: str) -> tuple[str, int]:
        """Return the text within the braces and where it begins, and move past it."""
        end = self._source.find(closing, start + 2)
        if end < 0:
            opening = self._source[start : start + 2]
            raise self._refused(f"'{opening}' is never closed by '{closing}'.", start)
        self._position = end + 2
        begin = start + 3 if self._source.startswith("-", start + 2) else start + 2
        self._is_trimming = end > begin and self._source[end - 1] == "-"
        inner = self._source[begin : end - self._is_trimming]
        self._count(inner, start)
        return _ENTITY.sub(_without_entity, inner), begin

    def _count(self, inner: str, index: int) -> None:
        self._tags += 1
        self._markup += len(inner)
        if len(inner) > LONGEST_TAG:
            raise self._refused(f"a tag may have at most {LONGEST_TAG:,} characters.", index)
        if self._tags > MOST_TAGS:
            raise self._refused(f"a template may have at most {MOST_TAGS:,} tags.", index)
        if self._markup > MOST_MARKUP:
            raise self._refused(f"all tags may have at most {MOST_MARKUP:,} characters.", index)

    def _output(self, start: int, inner: tuple[str, int]) -> Iterator[Token]:
        text, begin = inner
        yield self._token(TOKEN_OUTPUT, self._source[start : self._position], start)
        value, fallback = self._fallback(text, begin)
        yield self._expression(value, begin)
        if fallback is not None:
            yield self._token(TOKEN_FALLBACK, fallback, begin)

    def _expression(self, text: str, index: int) -> Token:
        if len(_OPERATOR.findall(text)) > MOST_OPERATORS:
            raise self._refused(f"a tag may have at most {MOST_OPERATORS} 'and' and 'or'.", index)
        if text.count("[") + text.count("(") > MOST_BRACKETS:
            raise self._refused(f"a tag may have at most {MOST_BRACKETS} brackets.", index)
        plain = _KEYWORD_IN_PATH.sub(lambda it: it.group(1) or f"['{it.group(2)}']", text)
        return self._token(TOKEN_EXPRESSION, plain, index)

    def _fallback(self, text: str, index: int) -> tuple[str, str | None]:
        """Return an output's value, and the literal text to print where it is blank."""
        match = _UP_TO_PIPE.match(text)
        pipe = match.end() if match else len(text)
        if not text.startswith("|", pipe):
            return text, None
        after = text[pipe + 1 :].strip()
        word = _WORD.match(after)
        name = word.group() if word else ""
        is_filter = not after[len(name) :].strip() or after[len(name) :].lstrip()[0] in ":|"
        if name in FILTERS and is_filter:
            return text, None
        is_quoted = (
            len(after) > 1 and after[0] in "\"'" and after.find(after[0], 1) == len(after) - 1
        )
        if (name in UNAVAILABLE and is_filter) or ("|" in after and not is_quoted):
            raise self._refused(f"the filter '{name or after}' is not available.", index + pipe)
        # A visual editor writes `&` as `&amp;`; the mail's text and HTML both need `&`.
        return text[:pipe], html.unescape(after[1:-1] if is_quoted else after)

    def _tag(self, inner: tuple[str, int]) -> Iterator[Token]:
        text, begin = inner
        match = _NAME.match(text)
        name = match.group(1) if match else ""
        index = begin + len(text) - len(text.lstrip())
        if name == "#":
            return
        if name not in TAGS:
            raise self._refused(f"the tag '{name}' is not available.", index)
        if name == "raw":
            yield from self._raw(index)
        elif name == "comment":
            self._skip_comment(index)
        else:
            self._nest(name, index)
            yield self._token(TOKEN_TAG, name, index)
            after = text.lstrip()[len(name) :]
            if rest := after.strip():
                place = index + len(name) + len(after) - len(after.lstrip())
                yield self._expression(rest, place)

    def _nest(self, name: str, index: int) -> None:
        """Keep the open blocks; refuse a tag outside its block."""
        if name in BLOCKS.values():
            self._open.append((name, index))
            return
        innermost = self._open[-1][0] if self._open else ""
        if name in ("break", "continue"):
            innermost = "for" if any(block == "for" for block, _ in self._open) else ""
        if name in BLOCKS:
            if innermost != BLOCKS[name]:
                raise self._refused(f"'{name}' closes no '{BLOCKS[name]}'.", index)
            self._open.pop()
        elif name in _WITHIN and innermost not in _WITHIN[name]:
            raise self._refused(f"'{name}' stands outside of its block.", index)

    def _raw(self, index: int) -> Iterator[Token]:
        end = _RAW_END.search(self._source, self._position)
        if end is None:
            raise self._refused("'raw' is never closed by 'endraw'.", index)
        if end.start() > self._position:
            literal = self._source[self._position : end.start()]
            yield self._token(TOKEN_CONTENT, literal, self._position)
        self._position = end.end()
        self._is_trimming = self._source[end.end() - 3] == "-"

    def _skip_comment(self, index: int) -> None:
        depth = 1
        while depth:
            part = _COMMENT_PART.search(self._source, self._position)
            end = self._source.find("%}", part.end()) if part else -1
            if part is None or end < 0:
                raise self._refused("'comment' is never closed by 'endcomment'.", index)
            depth += -1 if part.group(1) else 1
            self._position = end + 2
            self._is_trimming = self._source[end - 1] == "-"
