"""python-liquid's tags and its context, with the limits that it lacks.

It counts nested loops only, and by their length; renders a `when` once for each matching value; and
builds a range before cutting it. Here every iteration counts, weighted by its cost.
"""

import html
import inspect
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TextIO, cast

from liquid import BoundTemplate, RenderContext, Token
from liquid.ast import Node
from liquid.builtin.content import Literal
from liquid.builtin.expressions import FilteredExpression, logical
from liquid.builtin.illegal import Illegal
from liquid.builtin.output import Output, OutputNode
from liquid.builtin.tags.assign_tag import AssignNode, AssignTag
from liquid.builtin.tags.case_tag import CaseNode, CaseTag, MultiExpressionBlockNode
from liquid.builtin.tags.for_tag import BreakTag, ContinueTag, ForLoop, ForNode, ForTag
from liquid.builtin.tags.if_tag import IfNode, IfTag
from liquid.builtin.tags.unless_tag import UnlessNode, UnlessTag
from liquid.exceptions import BreakLoop, ContinueLoop, LiquidSyntaxError, ResourceLimitError
from liquid.expression import Expression
from liquid.stream import TokenStream
from liquid.tag import Tag
from liquid.token import TOKEN_EXPRESSION
from liquid.undefined import UNDEFINED, Undefined, is_undefined

from subscribers.templating.filters import FILTERS, OF_READER
from subscribers.templating.lexer import TOKEN_FALLBACK
from subscribers.templating.reader import Reader
from subscribers.templating.values import (
    LARGEST_NUMBER,
    MOST_TEXT,
    Escaped,
    plain_number,
    text_of,
    weight_of,
)

MOST_ITERATIONS = 2_000
# A step is about 0.1 µs: a character of a tag, or an eighth of a token's fixed cost.
MOST_STEPS = 400_000
STEPS_PER_TOKEN = 8
# Characters that expressions read and filters make; an item counts as several (`WEIGHT_OF_ITEM`).
# 512 KiB can be handled 16 times; no template was found that takes more than 0.2 s.
MOST_HANDLED = 16 * MOST_TEXT
_SIGNATURES = {name: inspect.signature(function) for name, function in FILTERS.items()}


class Rendering(RenderContext):
    """One rendering: its data, and how much of its limits it has used."""

    def __init__(
        self,
        template: BoundTemplate,
        *,
        data: Mapping[str, object],
        escape: Callable[[str], str],
        reader: Reader,
    ) -> None:
        super().__init__(template, globals={**data, "locale": reader.locale})
        self.escape = escape
        self.reader = reader
        self._iterations = 0
        self._steps = 0
        self._handled = 0
        # By identity, with the value, so that no other gets its identity.
        self._weights: dict[int, tuple[object, int]] = {}

    def get(
        self, path: list[object], *, token: Token | None, default: object = UNDEFINED
    ) -> object:
        """Return the value at a path; a large one may be read a few times only."""
        value = super().get(path, token=token, default=default)
        if isinstance(value, Undefined):
            value = self._flat(path, value)
        if isinstance(value, Undefined):
            value.name = ".".join(map(str, path))
        self.handle(value)
        return value

    def _flat(self, path: list[object], missing: Undefined) -> object:
        """Return the value of a key with dots: some applications flatten what they send."""
        root, *rest = path
        owner = super().get([root], token=None, default=missing) if len(rest) > 1 else missing
        known = owner.get(".".join(map(str, rest))) if isinstance(owner, dict) else None
        return missing if known is None else known

    def handle(self, *values: object, cost: int = 1) -> None:
        """Count all that is in the values against the limit of one rendering."""
        for value in values:
            weight = len(value) if isinstance(value, str) else self._weight_of(value)
            self._handled += weight * cost
        if self._handled > MOST_HANDLED:
            raise ResourceLimitError("the template handles too much text.", token=None)

    def _weight_of(self, value: object) -> int:
        if not isinstance(value, (dict, list, tuple, range)):
            return 1
        known = self._weights.get(id(value))
        if known is None:
            known = (value, weight_of(value, most=MOST_HANDLED))
            self._weights[id(value)] = known
        return known[1]

    def iterate(self, *, steps: int, token: Token) -> None:
        """Count one iteration of a loop whose body costs `steps`."""
        self._iterations += 1
        self._steps += steps
        if self._iterations > MOST_ITERATIONS:
            message = f"all loops together may run {MOST_ITERATIONS:,} times."
            raise ResourceLimitError(message, token=token)
        if self._steps > MOST_STEPS:
            raise ResourceLimitError("the loops take too many steps.", token=token)


class ValueNode(OutputNode):
    """An output, escaped in HTML, with its fallback for a blank value."""

    __slots__ = ("fallback",)

    def __init__(self, token: Token, expression: Expression, fallback: str | None = None) -> None:
        super().__init__(token, expression)
        self.fallback = fallback

    def value_in(self, context: RenderContext) -> object:
        """Return the value, or the fallback where it would print blank."""
        value = self.expression.evaluate(context)
        return value if self.fallback is None or text_of(value).strip() else self.fallback

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        value = self.value_in(context)
        text = text_of(value)
        escape = cast("Rendering", context).escape
        is_ready = isinstance(value, Escaped) and escape is html.escape
        return buffer.write(text if is_ready else escape(text))


class _OutputTag(Output):
    node_class = ValueNode

    def parse(self, stream: TokenStream) -> ValueNode:
        node = cast("ValueNode", super().parse(stream))
        _check_filters(node.expression)
        if stream.peek.kind == TOKEN_FALLBACK:
            next(stream)
            node.fallback = stream.current.value
        return node


def _check_filters(expression: Expression) -> None:
    """Refuse unknown filters and wrong numbers of arguments before rendering."""
    filters = expression.filters if isinstance(expression, FilteredExpression) else None
    for each in filters or ():
        if each.name not in FILTERS:
            raise LiquidSyntaxError(f"the filter '{each.name}' is not available.", token=each.token)
        named = {arg.name for arg in each.args if hasattr(arg, "name")}
        given = [None for arg in each.args if not hasattr(arg, "name")]
        if each.name in OF_READER and "reader" not in named:
            named.add("reader")
        elif "reader" in named:
            named.add("a reader given by the template")
        try:
            _SIGNATURES[each.name].bind(None, *given, **dict.fromkeys(named))
        except TypeError as error:
            message = f"the filter '{each.name}' has too few or too many arguments."
            raise LiquidSyntaxError(message, token=each.token) from error


class _AssignTag(AssignTag):
    def parse(self, stream: TokenStream) -> AssignNode:
        node = super().parse(stream)
        _check_filters(node.expression)
        return node


class _For(ForNode):
    """A loop that counts its iterations, and slices a range without walking to its part."""

    __slots__ = ("steps",)

    steps: int

    def render_to_output(self, context: RenderContext, buffer: TextIO) -> int:
        items = self._items(context)
        if not items:
            return self.default.render(context, buffer) if self.default else 0
        name = self.expression.identifier
        loop = ForLoop(name, iter(items), len(items), context.parentloop())
        namespace = {"forloop": loop, name: None}
        written = 0
        with context.loop(namespace, loop):
            for item in loop:
                cast("Rendering", context).iterate(steps=self.steps, token=self.token)
                namespace[name] = item
                try:
                    written += self.block.render(context, buffer)
                except ContinueLoop:
                    continue
                except BreakLoop:
                    break
        return written

    def _items(self, context: RenderContext) -> Sequence[Any]:
        loop = self.expression
        items = _sequence(loop.iterable.evaluate(context))
        key = f"{loop.identifier}-{loop.iterable}"
        offset = loop.offset.evaluate(context) if loop.offset else 0
        start = context.stopindex(key) if offset == "continue" else _index(offset)
        stop = len(items) if loop.limit is None else start + _index(loop.limit.evaluate(context))
        context.stopindex(key, min(stop, len(items)))
        return items[start:stop][::-1] if loop.reversed else items[start:stop]


def _sequence(value: object) -> Sequence[Any]:
    match value:
        case range():
            if max(abs(value.start), abs(value.stop)) > LARGEST_NUMBER:
                raise ResourceLimitError("a range is too large.", token=None)
            return value
        case list() | tuple():
            return value
        case dict():
            return [list(pair) for pair in value.items()]
        case str() if value:
            return [value]
        case _:
            return ()


def _index(value: object) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return max(0, value) if is_number and isinstance(value, int) else 0


class _ForTag(ForTag):
    node_class = _For

    def parse(self, stream: TokenStream) -> Node:
        first = stream.pos
        node = cast("_For", super().parse(stream))
        node.steps = sum(
            STEPS_PER_TOKEN + (len(token.value) if token.kind == TOKEN_EXPRESSION else 0)
            for token in stream.tokens[first : stream.pos]
        )
        return node


class _AnyOf(Expression):
    """The values of a `when`: true once, however many match."""

    __slots__ = ("values",)

    def __init__(self, values: Expression) -> None:
        super().__init__(values.token)
        self.values = values

    def evaluate(self, context: RenderContext) -> list[bool]:
        return [True in cast("list[bool]", self.values.evaluate(context))]

    def children(self) -> Iterable[Expression]:
        return self.values.children()


class _CaseTag(CaseTag):
    def parse(self, stream: TokenStream) -> Node:
        node = cast("CaseNode", super().parse(stream))
        for block in node.blocks:
            if isinstance(block, MultiExpressionBlockNode):
                block.expression = cast("Any", _AnyOf(block.expression))
        return node


def missing_name(value: object) -> str:
    """Return the path of a missing value; "" for what an earlier calculation left blank."""
    return value.name if isinstance(value, Undefined) else "a value"


class _Comparison(Expression):
    """`<`, `>`, `<=`, `>=` and `contains`: false, and noted, where a side cannot be compared.

    Two numbers compare as numbers, also where one is a text such as "150".
    """

    __slots__ = ("left", "right", "sign")

    def __init__(self, token: Token, left: Expression, right: Expression, sign: str) -> None:
        super().__init__(token)
        self.left = left
        self.right = right
        self.sign = sign

    def __str__(self) -> str:
        return f"{self.left} {self.sign} {self.right}"

    def evaluate(self, context: RenderContext) -> bool:
        left, right = self.left.evaluate(context), self.right.evaluate(context)
        reader = cast("Rendering", context).reader
        for side in (left, right):
            if side is None or is_undefined(side):
                if name := missing_name(side):
                    reader.note(f"{name} is missing: {self.sign} gave nothing")
                return False
        if self.sign == "contains":
            if isinstance(left, str):
                return text_of(right) in left
            if isinstance(left, (list, tuple, range)) or isinstance(right, str):
                return isinstance(left, (list, tuple, range, dict)) and right in left
        else:
            numbers = plain_number(left), plain_number(right)
            if numbers[0] is not None and numbers[1] is not None:
                return bool(_ORDERS[self.sign](*numbers))
            if isinstance(left, str) and isinstance(right, str):
                return bool(_ORDERS[self.sign](left, right))
        reader.note(f"{self}: the values cannot be compared, which gave nothing")
        return False

    def children(self) -> list[Expression]:
        return [self.left, self.right]


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip


def _tolerant(expression: Expression) -> Expression:
    """Return a condition whose comparisons never fail."""
    match expression:
        case logical.LogicalNotExpression():
            expression.right = _tolerant(expression.right)
        case logical.LogicalAndExpression() | logical.LogicalOrExpression():
            expression.left = _tolerant(expression.left)
            expression.right = _tolerant(expression.right)
        case (
            logical.LtExpression()
            | logical.GtExpression()
            | logical.LeExpression()
            | logical.GeExpression()
            | logical.ContainsExpression()
        ):
            sign = _SIGNS[type(expression)]
            return _Comparison(expression.token, expression.left, expression.right, sign)
        case _:
            pass
    return expression


_SIGNS: Mapping[type[Expression], str] = {
    logical.LtExpression: "<", logical.GtExpression: ">", logical.LeExpression: "<=",
    logical.GeExpression: ">=", logical.ContainsExpression: "contains",
}  # fmt: skip


def _make_tolerant(node: Node) -> Node:
    if isinstance(node, IfNode | UnlessNode):
        alternatives = (each.expression for each in node.alternatives)
        for condition in (node.condition, *alternatives):
            boolean = cast("logical.BooleanExpression", condition)
            boolean.expression = _tolerant(boolean.expression)
    return node


class _IfTag(IfTag):
    def parse(self, stream: TokenStream) -> Node:
        return _make_tolerant(super().parse(stream))


class _UnlessTag(UnlessTag):
    def parse(self, stream: TokenStream) -> Node:
        return _make_tolerant(super().parse(stream))


TAG_CLASSES: tuple[type[Tag], ...] = (
    Literal, Illegal, _OutputTag, _IfTag, _UnlessTag, _CaseTag, _ForTag, BreakTag, ContinueTag,
    _AssignTag,
)  # fmt: skip
