"""The test of a person's attribute in SQL, with the meaning of `events.language.segments.meets`.

SQLite calls that function. PostgreSQL has no numbers of Python and folds case by its locale, so the
same is written in its own words.
"""

import json
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Func, TextField

from events.language import segments
from events.language.scalars import number_of
from events.language.segments.attributes import DAY, Test

SQLITE_TEST, SQLITE_FOLD = "cueline_attribute_meets", "cueline_fold"
# `\s` and `\d` mean more signs in some locales, and a cast would refuse them.
_NUMERAL = r"^[ \t\n\r\f\v]*[+-]?[0-9]{1,40}(\.[0-9]{1,40})?[ \t\n\r\f\v]*$"
_BLANKS = " \t\n\r\f\v"
_SIGNS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_TEXT, _KIND = "(v #>> '{}')", "jsonb_typeof(v)"


class Folded(Func):
    """A text without regard to case, as `segments.fold` makes it."""

    arity = 1
    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401 - Django's own
        return self.as_sql(compiler, connection, function=SQLITE_FOLD, **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401 - as above
        sql, params = self.as_sql(compiler, connection, template="%(expressions)s", **context)
        return f"translate({sql}, %s, %s)", (*params, segments.UNFOLDED, segments.FOLDED)


class AttributeMeets(Func):
    """Whether the attributes in a column pass a test; never NULL."""

    arity = 1
    output_field = BooleanField()

    def __init__(self, column: str, *, name: str, test: Test, wanted: str) -> None:
        super().__init__(column)
        self.name, self.test, self.wanted = name, test, wanted

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401 - as above
        sql, params = self.as_sql(compiler, connection, template="%(expressions)s", **context)
        own = (self.name, self.test, self.wanted)
        return f"{SQLITE_TEST}({sql}, %s, %s, %s)", (*params, *own)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401 - as above
        # A column has no parameters.
        column, _ = self.as_sql(compiler, connection, template="%(expressions)s", **context)
        value, path = self._value(column)
        test, own = self._test()
        sql = (
            f"EXISTS (SELECT 1 FROM (SELECT {value} AS v) AS found WHERE v IS NOT NULL AND {test})"  # noqa: S608 - of fixed parts
        )
        return sql, (*path, *own)

    def _value(self, column: str) -> tuple[str, list[str]]:
        """Return the value of the name, and the parameters for it; JSON's null is NULL."""
        steps = "".join(f".{json.dumps(part)}" for part in self.name.split("."))
        by_path = f"NULLIF(jsonb_path_query_first({column}, %s::jsonpath, '{{}}', true), 'null')"
        if "." not in self.name:
            return by_path, [f"strict ${steps}"]
        whole = f"NULLIF({column} -> %s::text, 'null')"
        return f"COALESCE({by_path}, {whole})", [f"strict ${steps}", self.name]

    def _test(self) -> tuple[str, list[Any]]:
        match self.test:
            case "is":
                return _equality("v", self.wanted)
            case "contains":
                item, own = _equality("item", self.wanted)
                part = f"strpos(translate({_TEXT}, %s, %s), %s) > 0"
                listed = f"EXISTS (SELECT 1 FROM jsonb_array_elements(v) AS item WHERE {item})"  # noqa: S608 - of fixed parts
                sql = f"CASE {_KIND} WHEN 'string' THEN {part} WHEN 'array' THEN {listed} END"
                folded = segments.fold(self.wanted)
                return sql, [segments.UNFOLDED, segments.FOLDED, folded, *own]
            case "is_not_empty":
                return "v NOT IN ('\"\"', '[]', '{}')", []
            case "gt" | "gte" | "lt" | "lte":
                return self._comparison(_SIGNS[self.test])

    def _comparison(self, sign: str) -> tuple[str, list[Any]]:
        number = number_of(self.wanted)
        if number is None:
            day = f'left({_TEXT}, 10) COLLATE "C" {sign} %s'
            return f"CASE WHEN {_KIND} = 'string' AND {_TEXT} ~ %s THEN {day} END", [
                DAY, self.wanted,
            ]  # fmt: skip
        as_text = f"CASE WHEN {_TEXT} ~ %s THEN btrim({_TEXT}, %s)::numeric {sign} %s END"
        sql = (
            f"CASE {_KIND} WHEN 'number' THEN {_TEXT}::numeric {sign} %s"
            f" WHEN 'string' THEN {as_text} END"
        )
        return sql, [number, _NUMERAL, _BLANKS, number]


def _equality(value: str, wanted: str) -> tuple[str, list[Any]]:
    text = f"({value} #>> '{{}}')"
    number = number_of(wanted)
    as_number = "FALSE" if number is None else f"{text}::numeric = %s"
    sql = (
        f"CASE jsonb_typeof({value}) WHEN 'string' THEN {text} = %s WHEN 'number' THEN {as_number}"
        f" WHEN 'boolean' THEN {text} = %s END"
    )
    return sql, [wanted, *([] if number is None else [number]), wanted]


def _meets(attributes: str | None, name: str, test: Test, wanted: str) -> bool:
    return segments.meets(json.loads(attributes or "{}"), name, test, wanted)


def teach_sqlite(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Give a new connection of SQLite the functions; a receiver of `connection_created`."""
    if connection.vendor == "sqlite":
        own = connection.connection
        own.create_function(SQLITE_TEST, 4, _meets, deterministic=True)
        own.create_function(
            SQLITE_FOLD, 1, lambda text: None if text is None else segments.fold(text),
            deterministic=True,
        )  # fmt: skip
