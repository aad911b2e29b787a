"""What all endpoints share: JSON in and out, rate limit, `Idempotency-Key`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.http.errors import json_response
from subscribers.api.authentication import ApiKeyAuthentication, HasScope, key_of
from subscribers.api.errors import STATUS_BY_CODE, ApiError, answer_exception
from subscribers.models import ApiKey, Workspace
from subscribers.models.api_key import Scope
from subscribers.services.admission import idempotency, rate_limit
from subscribers.wire import json_gate
from subscribers.wire.nearest import did_you_mean
from subscribers.wire.payloads import Fault, InvalidRequest, type_name

LONGEST_IDEMPOTENCY_KEY = 255
# The most unknown query parameters that an error names.
MOST_UNKNOWN = 20
# A repeat would get the same error; any other error may not come again.
KEPT_ERRORS = frozenset({"SUBSCRIBER_NOT_FOUND", "NOT_FOUND", "IDENTITY_CONFLICT"})


@dataclass(frozen=True, slots=True)
class Answer:
    # What `msgspec` encodes.
    body: Any
    status: int = 200


Keep = Callable[[Answer], None]
# The WSGI environment's key for what a layer before Django did for a request.
BEGUN = "cueline.begun"


@dataclass(frozen=True, slots=True)
class Begun:
    """The request's moment and rate limit decision; `rate` is None without a limit."""

    now: datetime
    rate: rate_limit.RateDecision | None


def take_request(
    *, api_key: ApiKey, now: datetime, reads: bool = False
) -> rate_limit.RateDecision | None:
    """Take one request from the key's limit; None where requests are not limited. What only
    `reads` has a limit of its own, so that a busy page never keeps events out.
    """
    limit = settings.READ_RATE_LIMIT if reads else settings.RATE_LIMIT
    if not limit:
        return None
    return rate_limit.take(api_key_id=api_key.pk, limit=limit, now=now, reads=reads)


def rate_headers(rate: rate_limit.RateDecision | None) -> list[tuple[str, str]]:
    if rate is None:
        return []
    return [
        ("RateLimit-Limit", str(rate.limit)),
        ("RateLimit-Remaining", str(rate.remaining)),
        ("RateLimit-Reset", str(rate.reset_seconds)),
    ]


class AlwaysJson(BaseContentNegotiation):
    """Answers JSON, whatever the caller accepts."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        return None

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


class ApiView(APIView):
    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    # None where the path does not take the method.
    required_scope: Scope | None = None
    # The query parameters that the call takes; any other is refused.
    query_parameters: frozenset[str] = frozenset()
    content_negotiation_class = AlwaysJson
    rate: rate_limit.RateDecision | None = None
    # One moment for the whole request.
    now: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        begun: Begun | None = request.META.get(BEGUN)
        self.now = begun.now if begun else datetime.now(tz=UTC)
        super().initial(request, *args, **kwargs)
        reads = request.method in {"GET", "HEAD"}
        self.rate = (
            begun.rate if begun else take_request(api_key=self.api_key, now=self.now, reads=reads)
        )
        if self.rate is not None and not self.rate.is_allowed:
            raise ApiError(
                "RATE_LIMITED",
                f"More than {self.rate.limit} requests in a minute with this key.",
                headers={"Retry-After": str(self.rate.reset_seconds)},
            )
        self._refuse_unknown_parameters()

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        for name, value in rate_headers(self.rate):
            response[name] = value
        return super().finalize_response(request, response, *args, **kwargs)

    @property
    def api_key(self) -> ApiKey:
        return key_of(self.request)

    @property
    def workspace(self) -> Workspace:
        return self.api_key.workspace

    def read_object(self, *, array: str = "") -> dict[str, Any]:
        """Return the body's JSON object, checked by the JSON gate.

        An object in `array` that is not JSON is an `InvalidJson` in its place.
        """
        body = self.request.body
        if body:
            _check_media_type(self.request.headers.get("Content-Type", ""))
        value = json_gate.decode_apart(body, array=array) if array else json_gate.decode(body)
        if not isinstance(value, dict):
            raise InvalidRequest(Fault("", f"The body must be an object, not {type_name(value)}."))
        return value

    def read_flag(self, name: str) -> bool:
        """Return a yes/no query parameter; absent means no."""
        text = self.request.query_params.get(name, "").lower()
        if text in {"", "false", "0"}:
            return False
        if text in {"true", "1"}:
            return True
        raise InvalidRequest(Fault(name, "must be true or false."))

    def _refuse_unknown_parameters(self) -> None:
        known = self.query_parameters
        unknown = [name for name in self.request.query_params if name not in known]
        if unknown:
            hints = [did_you_mean(name, known) or "." for name in unknown[:MOST_UNKNOWN]]
            raise InvalidRequest(
                *[
                    Fault(json_gate.printable(name), f"is not a parameter of this call{hint}")
                    for name, hint in zip(unknown, hints, strict=False)
                ]
            )

    def answer_once(self, work: Callable[[Keep | None], Answer]) -> HttpResponse:
        """Do the work and answer; with an `Idempotency-Key` do it once and repeat the answer.

        `work` gets a function that stores its answer, to be called in its transaction; None where
        no answer is stored.
        """
        key = self._idempotency_key()
        if key is None:
            return self.respond(work(None))
        reserved = idempotency.reserve(
            scope=idempotency.RequestScope(
                api_key=self.api_key,
                method=str(self.request.method),
                path=self.request.path,
                key=key,
            ),
            body=self.request.body,
            retention=settings.IDEMPOTENCY_RETENTION,
            now=self.now,
        )
        if isinstance(reserved, idempotency.KeptAnswer):
            return HttpResponse(
                reserved.body,
                status=reserved.status,
                content_type="application/json; charset=utf-8",
                headers={"Idempotency-Replayed": "true"},
            )
        return self._answer_reserved(reserved, work)

    def refuse_idempotency_key(self, *, because: str) -> None:
        """Refuse an `Idempotency-Key` that this request cannot honour."""
        if self._idempotency_key() is not None:
            raise InvalidRequest(Fault("Idempotency-Key", f"cannot be used {because}."))

    def _answer_reserved(
        self, reserved: idempotency.Reservation, work: Callable[[Keep | None], Answer]
    ) -> HttpResponse:
        def keep(answer: Answer) -> None:
            reserved.keep(status=answer.status, body=msgspec.json.encode(answer.body))

        try:
            answer = work(keep)
        except Exception as error:
            code = getattr(error, "code", "")
            response = answer_exception(error, self.get_exception_handler_context())
            if code in KEPT_ERRORS and response is not None:
                reserved.keep(status=STATUS_BY_CODE[code], body=response.content)
            elif getattr(error, "outcome", "") != "unknown":
                reserved.release()
            raise
        return self.respond(answer)

    def respond(self, answer: Answer) -> HttpResponse:
        return json_response(answer.body, status=answer.status)

    def _idempotency_key(self) -> str | None:
        key = self.request.headers.get("Idempotency-Key")
        if key is None:
            return None
        if not 1 <= len(key) <= LONGEST_IDEMPOTENCY_KEY or json_gate.has_control(key):
            message = f"must have 1-{LONGEST_IDEMPOTENCY_KEY} printable characters."
            raise InvalidRequest(Fault("Idempotency-Key", message))
        return str(key)


def _check_media_type(text: str) -> None:
    media_type, _, parameters = text.lower().partition(";")
    charset = dict(
        part.strip().partition("=")[::2] for part in parameters.split(";") if part.strip()
    ).get("charset", "utf-8")
    if media_type.strip() != "application/json" or charset.strip('"') not in {"utf-8", "utf8"}:
        raise ApiError(
            "UNSUPPORTED_MEDIA_TYPE", "The body must be sent as Content-Type: application/json."
        )
