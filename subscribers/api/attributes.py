"""`GET /subscribers/attributes`: the names of attributes that the newest people have."""

from collections.abc import Iterator, Mapping
from typing import Any

from subscribers.api.calls import Answered, ResourceView, Shape, reads
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.values import Count, FlagWord
from subscribers.models import Subscriber
from subscribers.models.api_key import Scope

SAMPLED = 100
MOST_NAMES = 500
LONGEST_SAMPLE = 50
DEEPEST = 20


@inputs
class AttributesQuery(Inputs):
    include_nested: FlagWord = False


class AttributeShape(Shape, kw_only=True):
    """`valueType` is string, number or boolean; string where people have several."""

    key: str
    value_type: str
    is_array: bool
    mixed_types: bool
    sampled_contacts: Count
    sample_value: str


class AttributesAnswer(Answered, kw_only=True):
    attributes: list[AttributeShape]
    sampled_contacts: Count


class AttributesView(ResourceView):
    @reads("The attributes that people have", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: AttributesQuery) -> AttributesAnswer:
        newest = Subscriber.objects.in_workspace(self.workspace).order_by("-id")
        documents = list(newest.values_list("attributes", flat=True)[:SAMPLED])
        values_by_key: dict[str, list[Any]] = {}
        for document in documents:
            for key, value in _pairs(document, nested=asked.include_nested):
                has_room = key in values_by_key or len(values_by_key) < MOST_NAMES
                if value is not None and has_room:
                    values_by_key.setdefault(key, []).append(value)
        by_count = sorted(values_by_key.items(), key=lambda each: (-len(each[1]), each[0]))
        return AttributesAnswer(
            attributes=[_shape(key, values) for key, values in by_count],
            sampled_contacts=len(documents),
        )


def _shape(key: str, values: list[Any]) -> AttributeShape:
    kinds = {_kind(value) for value in values}
    names = {name for name, _ in kinds}
    return AttributeShape(
        key=key,
        value_type=next(iter(names)) if len(names) == 1 else "string",
        is_array=any(is_array for _, is_array in kinds),
        mixed_types=len(names) > 1,
        sampled_contacts=len(values),
        sample_value=_sample(values[0]),
    )


def _pairs(
    document: Mapping[str, Any], *, nested: bool, start: str = "", depth: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield names with dots, and their values; objects only by what is in them, or not at all."""
    for name, value in document.items():
        if not isinstance(value, Mapping):
            yield f"{start}{name}", value
        elif nested and depth < DEEPEST:
            yield from _pairs(value, nested=True, start=f"{start}{name}.", depth=depth + 1)


def _kind(value: Any) -> tuple[str, bool]:  # noqa: ANN401 - JSON
    """Return what a value is, and whether it is an array, whose first item counts."""
    is_array = isinstance(value, list)
    one = (value[0] if value else "") if is_array else value
    if isinstance(one, bool):
        return "boolean", is_array
    return ("number" if isinstance(one, int | float) else "string"), is_array


def _sample(value: Any) -> str:  # noqa: ANN401 - JSON
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text[:LONGEST_SAMPLE]
