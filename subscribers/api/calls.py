"""What all calls of the API share, except those that take events.

A call is a method of a `ResourceView` under `reads` or `writes`, and is declared once: its scope,
what it takes (`inputs`) and what it answers (a `Shape`). From the declaration come the checks, the
answer, and the call's part of the OpenAPI document.

    class TagView(ResourceView):
        @writes("Change a tag's colour", scope=Scope.TAGS_WRITE, example={"color": "blue"})
        def patch(self, given: TagChange, *, tag_id: TagOfPath) -> TagAnswer:
            ...
"""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Annotated, Any, ClassVar, Never, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from django.db import DatabaseError, connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from msgspec import UNSET, Struct, UnsetType
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request

from config.http.errors import request_id_of
from config.retries import REQUEST_ATTEMPTS
from subscribers import ids
from subscribers.api import declared, inputs, openapi
from subscribers.api.authentication import log_fields
from subscribers.api.base import Answer, ApiView, Keep
from subscribers.api.declared import Call, FromView, InPath
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs
from subscribers.models.api_key import Scope
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.storage import connections
from subscribers.services.workspaces import workspaces
from subscribers.wire.payloads import Fault, InvalidRequest

audit = logging.getLogger("cueline.audit")
Method = TypeVar("Method", bound=Callable[..., Any])
Row = TypeVar("Row", bound=Model)
METHODS = ("get", "post", "put", "patch", "delete")


@inputs.inputs
class Nothing(Inputs):
    """What a call without a body takes."""


class Shape(Struct, rename="camel", kw_only=True):
    """The base of everything in answers. A field that may be absent has `UNSET` as its default."""


class Warned(Shape, kw_only=True):
    """What was given and not used."""

    path: str
    message: str


class Answered(Shape, kw_only=True):
    """The base of whole answers."""

    success: bool = True
    warnings: list[Warned] | UnsetType = UNSET

    @property
    def edited(self) -> Struct | None:
        """Return the part that callers edit, whose `ETag` the answer carries."""
        return None


def id_in_path(prefix: str) -> InPath:
    """Return how the public id of a row is read; anything else is an id that nobody has."""

    def reader(text: str) -> UUID:
        found = ids.decode(prefix, text)
        return no_such_row() if found is None else found

    return InPath(reader, openapi.public_id(prefix))


def no_such_row() -> Never:
    raise ApiError("NOT_FOUND", "This workspace has nothing with this id.")


class ResourceView(ApiView):
    """A path; its methods are calls."""

    # The public id of what a call changed, for the log: paths contain addresses.
    about = ""
    # Query parameters that name the person, as the path does elsewhere.
    addressing: ClassVar[frozenset[str]] = frozenset()
    # Methods that the hosted product has here and Cueline does not: clients know a 404, not a 405.
    not_here: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.http_method_names = [name for name in METHODS if hasattr(cls, name)]

    @property
    def call(self) -> Call | None:
        name = str(self.request.method).lower()
        handler = getattr(self, name, None) if name in METHODS else None
        return getattr(handler, "call", None)

    @property
    def required_scope(self) -> Scope | None:  # type: ignore[override] # one a call
        return self.call.scope if self.call else None

    @property
    def query_parameters(self) -> frozenset[str]:  # type: ignore[override] # one set a call
        query = (self.call and self.call.query) or Nothing
        return self.addressing.union(query.unused, (each.wire_name for each in query.fields))

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Never:
        if request.method in self.not_here:
            raise ApiError("NOT_FOUND", f"The API has no {request.method} at this path.")
        raise MethodNotAllowed(str(request.method))

    def own_parameters(self) -> dict[str, str]:
        """Return the query without what addresses; raises `InvalidRequest` for a repeated one."""
        given = self.request.query_params
        repeated = [name for name in given if len(given.getlist(name)) > 1]
        if repeated:
            raise InvalidRequest(*(Fault(name, "is given more than once.") for name in repeated))
        return {name: given[name] for name in given if name not in self.addressing}

    def addressed(self, **parts: str) -> Any:  # noqa: ANN401 - a view's own kind of address
        """Return the person that the path names, for calls with an argument `FromView`."""
        raise NotImplementedError

    @property
    def circumstances(self) -> Circumstances:
        return Circumstances(api_key=self.api_key, request_id=request_id_of(self.request))

    def respond(self, answer: Answer) -> HttpResponse:
        response = super().respond(answer)
        edited = answer.body.edited
        if edited is not None:
            response["ETag"] = etag_of(edited)
        return response

    def locked_row(self, rows: QuerySet[Row], row_id: UUID, *, prefix: str) -> Row:
        """Lock the workspace's configuration, then a row of it, which the log names.

        Raises `NOT_FOUND`.
        """
        workspaces.lock_configuration(workspace_id=self.workspace.pk)
        found = rows.filter(workspace=self.workspace, pk=row_id).select_for_update().first()
        if found is None:
            return no_such_row()
        self.about = ids.encode(prefix, row_id)
        return found

    def expect(self, current: Struct) -> None:
        """Refuse a change of what is no longer as the caller saw it; call it under the lock."""
        wanted = self.request.headers.get("If-Match")
        if wanted is not None and wanted.strip() not in {"*", etag_of(current)}:
            message = "It has changed since you read it: read it again, and send that ETag."
            raise ApiError("PRECONDITION_FAILED", message)


def etag_of(part: Struct) -> str:
    return f'"{hashlib.sha256(msgspec.json.encode(part)).hexdigest()[:32]}"'


def reads(summary: str, *, scope: Scope, description: str = "") -> Callable[[Method], Method]:
    """Declare a call that changes nothing: `method(self, asked=…, *, …parts of the path)`."""
    return lambda method: _declared(method, summary, description, scope, writes=False, example=None)


def writes(
    summary: str,
    *,
    scope: Scope,
    description: str = "",
    example: Mapping[str, Any] | None = None,
    is_atomic: bool = True,
) -> Callable[[Method], Method]:
    """Declare a call that changes something: `method(self, given=…, *, …parts of the path)`.

    It runs in one transaction, which is repeated if the database ended it in favour of another.
    Without `is_atomic` the method manages its own transactions, and is idempotent as a whole; no
    POST may do so.
    """
    return lambda method: _declared(
        method, summary, description, scope, writes=True, example=example, is_atomic=is_atomic
    )


def _declared(
    method: Method,
    summary: str,
    description: str,
    scope: Scope,
    *,
    writes: bool,
    example: Mapping[str, Any] | None,
    is_atomic: bool = True,
) -> Method:
    call = _call_of(method, scope, writes=writes, is_atomic=is_atomic)

    @wraps(method)
    def answer(view: ResourceView, request: Request, **parts: str) -> HttpResponse:
        arguments: dict[str, Any] = {
            name: each.reader(parts[name]) for name, each in call.path.items()
        }
        if call.addressed:
            arguments[call.addressed] = view.addressed(**parts)
        warnings: list[Fault] = []
        if call.query is not None:
            asked = view.own_parameters()
            arguments["asked"], warnings = inputs.read(call.query, asked, noun="parameter")
        if call.body is not None:
            # Without a body nothing is given, as with `{}`.
            is_left_out = not request.body and not call.body.needs_any()
            given = {} if is_left_out else view.read_object()
            arguments["given"], unused = inputs.read(call.body, given, noun="field")
            warnings += unused
        elif call.does_write and request.body:
            inputs.read(Nothing, view.read_object(), noun="field")
        if not call.does_write:
            return view.respond(Answer(_with_warnings(method(view, **arguments), warnings)))
        return _written(view, call, lambda: _with_warnings(method(view, **arguments), warnings))

    answer.call = call  # type: ignore[attr-defined]
    return declared.described(answer, call, summary, description, example)  # type: ignore[return-value]


def _written(view: ResourceView, call: Call, change: Callable[[], Answered]) -> HttpResponse:
    def work(keep: Keep | None) -> Answer:
        if call.is_atomic:
            return _repeated(lambda: _in_transaction(change, keep))
        return _repeated(lambda: Answer(change()))

    is_repeatable = view.request.method == "POST"
    response = view.answer_once(work) if is_repeatable else view.respond(work(None))
    names = {"request_id": request_id_of(view.request), **log_fields(view.api_key)}
    audit.info("%s", call.name, extra={**names, "about": view.about} if view.about else names)
    return response


def _in_transaction(change: Callable[[], Answered], keep: Keep | None) -> Answer:
    with transaction.atomic():
        answer = Answer(change())
        if keep is not None:
            keep(answer)
    return answer


def _repeated(work: Callable[[], Answer]) -> Answer:
    """Run a transaction, and repeat it if the database ended it in favour of another."""
    for remaining in reversed(range(REQUEST_ATTEMPTS)):
        try:
            return work()
        except DatabaseError as error:
            if not (connections.is_passing(error) and remaining and not connection.in_atomic_block):
                raise
    raise AssertionError("The last attempt returns or raises.")


def _with_warnings(answer: Answered, warnings: Sequence[Fault]) -> Answered:
    if not warnings:
        return answer
    own = answer.warnings or []
    told = [Warned(path=each.path, message=each.message) for each in warnings]
    return msgspec.structs.replace(answer, warnings=[*told, *own])


def _call_of(method: Callable[..., Any], scope: Scope, *, writes: bool, is_atomic: bool) -> Call:
    hints = get_type_hints(method, include_extras=True)
    answers = hints.pop("return")
    body, query = hints.pop("given", None), hints.pop("asked", None)
    found = {name: _metadata(hint) for name, hint in hints.items()}
    return Call(
        name=method.__qualname__.replace("View.", "."),
        scope=scope,
        does_write=writes,
        is_atomic=is_atomic,
        answers=answers,
        body=body,
        query=query,
        path={name: each for name, each in found.items() if isinstance(each, InPath)},
        addressed=next((name for name, each in found.items() if isinstance(each, FromView)), ""),
    )


def _metadata(hint: Any) -> InPath | FromView:  # noqa: ANN401 - any type
    if get_origin(hint) is Annotated:
        for each in get_args(hint)[1:]:
            if isinstance(each, InPath | FromView):
                return each
    raise TypeError(f"{hint} does not say how it is read from the path.")
