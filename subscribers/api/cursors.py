"""Positions in lists that go on by key: opaque to callers, checked when they come back."""

import base64
import binascii
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from subscribers.api.inputs import Reads
from subscribers.wire.payloads import InvalidField

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BYTES_OF_TIME = 8


class Moment(NamedTuple):
    """A row's time and id."""

    at: datetime
    row_id: UUID


def of_row(row_id: UUID) -> str:
    return _text(row_id.bytes)


def of_moment(at: datetime, row_id: UUID) -> str:
    micros = (at - _EPOCH) // _MICROSECOND
    return _text(micros.to_bytes(_BYTES_OF_TIME, "big", signed=True) + row_id.bytes)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _reads(parse: Callable[[bytes], Any]) -> Reads:
    def reader(text: object) -> Any:  # noqa: ANN401 - a position
        try:
            return parse(base64.b64decode(str(text).encode("ascii"), b"-_", validate=True))
        except (ValueError, OverflowError, binascii.Error) as error:
            raise InvalidField("is no cursor of this list: take nextCursor.") from error

    return Reads(reader, {"type": "string", "maxLength": 64})


def _moment(raw: bytes) -> Moment:
    micros = int.from_bytes(raw[:_BYTES_OF_TIME], "big", signed=True)
    return Moment(_EPOCH + micros * _MICROSECOND, UUID(bytes=raw[_BYTES_OF_TIME:]))


RowCursor = Annotated[UUID, _reads(lambda raw: UUID(bytes=raw))]
MomentCursor = Annotated[Moment, _reads(_moment)]
