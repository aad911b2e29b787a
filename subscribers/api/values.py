"""The kinds of values in requests and answers, each with its reader and its schema."""

import re
from datetime import datetime
from typing import Annotated

from msgspec import Meta

from subscribers.api.inputs import Reads, Schema, array_of
from subscribers.wire import addresses, tag_names
from subscribers.wire.payloads import (
    LONGEST_EXTERNAL_ID,
    InvalidField,
    read_email,
    read_external_id,
    read_flag,
    read_moment,
    read_name,
    read_text,
)  # fmt: skip

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

# --- In requests ------------------------------------------------------------------------------


def _text_schema(longest: int, description: str = "") -> Schema:
    schema: Schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return {**schema, "description": description} if description else schema


def _read_list_name(value: object) -> str:
    return read_name(value, longest=200)


def _read_tag_name(value: object) -> str:
    text = read_text(value, longest=1000)
    try:
        return tag_names.normalise(text)
    except tag_names.InvalidTagName as error:
        raise InvalidField(str(error)) from error


def _read_prose(value: object) -> str:
    """Return a text of up to 2,000 characters, which may be empty."""
    is_blank = isinstance(value, str) and not value.strip()
    return "" if is_blank else read_text(value, longest=2000)


def _read_flag_word(value: object) -> bool:
    if value in {"true", "1"}:
        return True
    if value in {"false", "0"}:
        return False
    raise InvalidField("must be true or false.")


def one_of(*words: str) -> Reads:
    """Return how one of a few words is read."""

    def reader(value: object) -> str:
        if value in words:
            return str(value)
        raise InvalidField(f"must be one of {', '.join(words)}.")

    return Reads(reader, {"type": "string", "enum": list(words)})


def whole_number_word(least: int, most: int) -> Reads:
    """Return how a whole number of a query is read."""

    def reader(value: object) -> int:
        text = str(value)
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1  # noqa: PLR2004 - no limit is longer
        if not least <= number <= most:
            raise InvalidField(f"must be a whole number from {least} to {most}.")
        return number

    return Reads(reader, {"type": "integer", "minimum": least, "maximum": most})


def text_word(longest: int = 255) -> Reads:
    """Return how a text of a query is read."""
    schema = {"type": "string", "minLength": 1, "maxLength": longest}
    return Reads(lambda value: read_text(value, longest=longest), schema)


def _read_day_or_moment(text: str) -> datetime:
    """Read a day, which begins at midnight of UTC, or a time with an offset."""
    return read_moment(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def several(each: Reads, *, most: int) -> Reads:
    """Return how an array is read whose items are all read alike; repeats count once."""
    every = array_of(each, most=most)
    return Reads(lambda value: list(dict.fromkeys(every.reader(value))), every.schema)


TAG_NAME = Reads(_read_tag_name, _text_schema(1000, "Stored in its normal form, as `vip-user`."))

Email = Annotated[addresses.Address, Reads(read_email, _text_schema(addresses.LONGEST))]
ExternalId = Annotated[str, Reads(read_external_id, _text_schema(LONGEST_EXTERNAL_ID))]
Flag = Annotated[bool, Reads(read_flag, {"type": "boolean"})]
FlagWord = Annotated[bool, Reads(_read_flag_word, {"type": "boolean"})]
Moment = Annotated[datetime, Reads(read_moment, {"type": "string", "format": "date-time"})]
TagName = Annotated[str, TAG_NAME]
ListName = Annotated[str, Reads(_read_list_name, _text_schema(200))]
Prose = Annotated[str, Reads(_read_prose, {"type": "string", "maxLength": 2000})]

TextWord = Annotated[str, text_word()]
TimeWord = Annotated[datetime, Reads(_read_day_or_moment, {"type": "string"})]

# --- In answers -------------------------------------------------------------------------------

Count = Annotated[int, Meta(ge=0)]
SubscriberId = Annotated[str, Meta(pattern="^sub_[0-9a-f]{32}$")]
TagId = Annotated[str, Meta(pattern="^tag_[0-9a-f]{32}$")]
ListId = Annotated[str, Meta(pattern="^lst_[0-9a-f]{32}$")]
ImportId = Annotated[str, Meta(pattern="^imp_[0-9a-f]{32}$")]
KeyId = Annotated[str, Meta(pattern="^key_[0-9a-f]{32}$")]
WorkspaceId = Annotated[str, Meta(pattern="^wsp_[0-9a-f]{32}$")]
