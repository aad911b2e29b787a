"""Rows that name a subscriber without a foreign key: answers, rejected rows, the admin's log.

Called in the erasing transaction, under the subscriber's lock, on which requests about them wait.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import BinaryField, Func, IntegerField, Model, Q, Value

from subscribers.models import (
    IdempotentRequest,
    ImportReject,
    ImportRun,
    OutgoingEmail,
    Subscriber,
    Suppression,
)
from subscribers.rows import address_cells
from subscribers.rows.plans import as_stored, from_stored
from subscribers.wire import addresses
from subscribers.wire.addresses import Address

ERASED = "[erased]"
_JSON_OF_RUN = ("files", "options", "reasons", "mapping")
# Texts of stored rows, which are JSON in ASCII.
_TEXT_WITH_AT = re.compile(rb'"(?:[^"\\@]|\\.)*@(?:[^"\\]|\\.)*"')
_ESCAPE = b"\\u"
# Ids in one statement.
MOST_IDS = 500
# What may be before and after a name: neither `grada@` nor `ada@example.com.au` is `ada@…`. JSON
# escapes such as a line break end with a letter or digit.
_BEFORE = r"(?:(?<![\w.+%-])|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4}))"
_AFTER = r"(?![\w-]|\.\w)"
_ADDRESS = re.compile(r"[^\s\"'<>(),;:@]+@[^\s\"'<>(),;:@]+")


class _Place(Func):
    """The first position of bytes in a column, from 1; 0: not found."""

    function = "INSTR"
    arity = 2
    output_field = IntegerField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # noqa: ANN401 - Django's own
        """PostgreSQL has `POSITION(needle IN column)`."""
        turned = self.copy()
        turned.set_source_expressions(list(reversed(self.get_source_expressions())))
        return turned.as_sql(
            compiler, connection, function="POSITION", arg_joiner=" IN ", **context
        )


class _WaitingRow(msgspec.Struct, rename="camel"):
    email: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    workspace_id: UUID
    row_id: UUID
    public_id: str
    # Every form of every address in their row and emails, and the keys of these.
    addresses: tuple[str, ...]
    email_keys: tuple[str, ...]
    external_id: str | None

    @property
    def external_forms(self) -> set[str]:
        return _in_json(self.external_id) if self.external_id else set()

    @property
    def certain(self) -> tuple[str, ...]:
        """Names that belong to nobody else, in their forms in text and JSON."""
        forms = {form for name in self.addresses for form in _in_json(name)}
        return (*sorted(forms, key=len, reverse=True), self.public_id, self.row_id.hex)

    @property
    def needles(self) -> tuple[str, ...]:
        """Parts of every text that `pattern` matches: SQLite ignores the case of ASCII only."""
        beginnings = {name.rpartition("@")[0] + "@" for name in self.addresses}
        return (*sorted(beginnings), self.public_id, self.row_id.hex)

    @property
    def pattern(self) -> re.Pattern[str]:
        """Matches the certain names, and the external id where an answer labels it."""
        texts = "|".join(re.escape(name) for name in self.certain)
        found = f"{_BEFORE}(?:{texts}){_AFTER}"
        for form in self.external_forms:
            found += "|" + re.escape(_field(form))
        return re.compile(found, re.IGNORECASE)

    def without(self, text: str) -> str:
        """Return a text without the certain names, whatever follows them, such as `.csv`."""
        names = "|".join(re.escape(name) for name in self.certain)
        return re.sub(f"{_BEFORE}(?:{names})", ERASED, text, flags=re.IGNORECASE)


def names_of(subscriber: Subscriber) -> Names:
    """Return the subscriber's names, and former addresses that nobody else has now."""
    mails = OutgoingEmail.objects.filter(subscriber=subscriber).order_by()
    known: dict[str, set[str]] = {subscriber.email_key: {subscriber.email}}
    for text in {subscriber.email, *mails.values_list("recipient", flat=True).distinct()}:
        address = _parsed(text)
        known.setdefault(address.key, set()).update({text, address.text, address.mailbox})
    people = Subscriber.objects.filter(workspace=subscriber.workspace_id).exclude(pk=subscriber.pk)
    for key in people.filter(email_key__in=known).values_list("email_key", flat=True):
        del known[key]
    forms = {form for key, texts in known.items() for form in (key, *texts)}
    return Names(
        workspace_id=subscriber.workspace_id,
        row_id=subscriber.pk,
        public_id=subscriber.public_id,
        addresses=tuple(sorted(forms)),
        email_keys=tuple(known),
        external_id=subscriber.external_id,
    )


def _parsed(text: str) -> Address:
    try:
        return addresses.parse(text)
    # An earlier parser accepted it.
    except addresses.InvalidAddress:
        return Address(text=text, key=text.lower())


def forget(*, names: Names) -> None:
    """Delete or rewrite all rows that name a subscriber. Idempotent. Call it before their emails
    are deleted, since their log entries are found by them.
    """
    _forget_answers(names)
    _forget_in_runs(names)
    # Behind the runs' locks: no batch can add one any more that had read their rows before.
    for some in _portions([reject.pk for reject in rejects_of(names=names)]):
        ImportReject.objects.filter(pk__in=some).delete()
    # Suppressions of former addresses keep the hash only.
    suppressed = Suppression.objects.filter(workspace=names.workspace_id)
    suppressed.filter(email__in=names.addresses).update(email="", details="")
    _forget_log(names)


def rejects_of(*, names: Names) -> Iterator[ImportReject]:
    """Yield rejected rows that name a subscriber, oldest first, with their runs; takes no lock."""
    named = Q(pk__in=[])
    for name in names.needles:
        named |= Q(row__icontains=name) | Q(reason__icontains=name) | Q(field__icontains=name)
    for form in names.external_forms:
        named |= Q(row__contains=f'"{form}"')
    rejects = ImportReject.objects.filter(named, run__workspace=names.workspace_id)
    for reject in rejects.select_related("run").order_by("pk").iterator():
        if _is_theirs((reject.row, reject.reason, reject.field), names):
            yield reject


def forget_log_of(*, model: type[Model], row_ids: Sequence[UUID]) -> None:
    """Delete the admin's log of deleted rows."""
    entries = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model))
    for some in _portions(row_ids):
        entries.filter(object_id__in=[str(row_id) for row_id in some]).delete()


def _forget_answers(names: Names) -> None:
    """Delete stored answers: a repeated request is processed again, as after their expiry."""
    named = Q(pk__in=[])
    for name in names.needles:
        named |= Q(key__icontains=name) | Q(path__icontains=name)
    needles = [*names.certain, *map(_field, names.external_forms)]
    places = {f"place_{number}": _place(needle) for number, needle in enumerate(needles)}
    for name in places:
        named |= Q(**{f"{name}__gt": 0})
    kept = IdempotentRequest.objects.filter(workspace=names.workspace_id).alias(**places)
    rows = kept.filter(named).values_list("pk", "answer", "key", "path")
    theirs = [
        row_id
        for row_id, answer, *texts in rows
        if names.pattern.search("\n".join([bytes(answer).decode(errors="replace"), *texts]))
    ]
    for some in _portions(theirs):
        IdempotentRequest.objects.filter(pk__in=some).delete()


def _is_theirs(texts: Sequence[str], names: Names) -> bool:
    """Tell whether a rejected row names the subscriber. Only the import knew the column of the
    external id, so it counts where the row has no other address.
    """
    text = "\n".join(texts)
    if names.pattern.search(text):
        return True
    has_external_id = any(f'"{form}"' in text for form in names.external_forms)
    return has_external_id and not _ADDRESS.search(text)


def _forget_in_runs(names: Names) -> None:
    """Cut the names out of the workspace's imports: their texts, such as file names, and the stored
    rows that are still to be taken in. Locks the runs by id, so that no batch moves one on
    meanwhile. A worker at a stored file may have read what is gone, and must begin its batch again.
    """
    runs = ImportRun.objects.filter(workspace=names.workspace_id).order_by("pk")
    for run in runs.select_for_update().iterator():
        is_stored = run.stored_bytes is not None and run.status != ImportRun.Status.FINISHED
        if is_stored:
            run.forget_parts()
        is_blanked = is_stored and _blank_rows(run, names)
        is_rewritten = _rewrite_texts(run, names)
        if is_stored and (is_blanked or is_rewritten):
            run.hand_back()


def _blank_rows(run: ImportRun, names: Names) -> bool:
    """Blank the subscriber's rows in a stored file; returns whether there were any."""
    is_theirs = _is_named_in if run.stage else _is_row_of
    is_changed = False
    for block in run.blocks.order_by("offset").iterator(chunk_size=1):
        content = bytes(block.content)
        if run.stage and not (_may_name(content, names) or any(_odd_addresses(content))):
            continue
        lines = content.split(b"\n")
        kept = [b" " * len(line) if is_theirs(line, names) else line for line in lines]
        if kept != lines:
            run.blocks.filter(pk=block.pk).update(content=b"\n".join(kept))
            is_changed = True
    return is_changed


def _rewrite_texts(run: ImportRun, names: Names) -> bool:
    """Cut the names out of a run's own texts, and drop its samples; returns whether it changed."""
    before = {name: getattr(run, name) for name in ("last_error", *_JSON_OF_RUN)}
    run.last_error = names.without(run.last_error)
    if run.mapping:
        # A sample may be theirs without their name, such as their telephone number.
        run.mapping = as_stored(from_stored(run.mapping).without_samples())
    for name in _JSON_OF_RUN:
        setattr(run, name, json.loads(names.without(json.dumps(getattr(run, name)))))
    changed = [name for name, value in before.items() if getattr(run, name) != value]
    if changed:
        run.save(update_fields=changed)
    return bool(changed)


def _may_name(content: bytes, names: Names) -> bool:
    """Tell whether rows must be looked at one by one, which takes long."""
    text = content.decode().lower()
    forms = {*names.needles, *(f'"{form}"' for form in names.external_forms)}
    return any(form.lower() in text for form in forms)


def _is_named_in(line: bytes, names: Names) -> bool:
    """Tell whether a row of an uploaded file names the subscriber, in whatever column."""
    if _may_name(line, names) and _is_theirs((line.decode(),), names):
        return True
    keys = {_parsed(text).key for text in _odd_addresses(line)}
    return not keys.isdisjoint(names.email_keys)


def _odd_addresses(content: bytes) -> Iterator[str]:
    """Yield the addresses of texts with letters beyond ASCII, bared as imports read them: a domain
    has several such forms, and signs may be hidden in a name. A text is a cell, or a whole row that
    cannot be read.
    """
    if _ESCAPE not in content:
        return
    for cell in _TEXT_WITH_AT.findall(content):
        if _ESCAPE in cell:
            text = json.loads(cell)
            for address in {text, *_ADDRESS.findall(text)}:
                given = {"email": address}
                yield str((address_cells.bared(given) or given)["email"])


def _is_row_of(line: bytes, names: Names) -> bool:
    """Tell whether a row of a request is about the subscriber, as the import reads it."""
    try:
        _, _, row = msgspec.json.decode(line, type=tuple[int, int, _WaitingRow])
    except msgspec.MsgspecError:
        return False
    if row.email is not None:
        return _parsed(row.email).key in names.email_keys
    return row.external_id is not None and row.external_id.strip() == names.external_id


def _forget_log(names: Names) -> None:
    forget_log_of(model=Subscriber, row_ids=[names.row_id])
    mails = OutgoingEmail.objects.filter(subscriber=names.row_id).values_list("pk", flat=True)
    forget_log_of(model=OutgoingEmail, row_ids=list(mails))
    named = Q(pk__in=[])
    for name in names.needles:
        named |= Q(object_repr__icontains=name) | Q(change_message__icontains=name)
    for entry in LogEntry.objects.filter(named):
        if names.pattern.fullmatch(entry.object_repr):
            entry.delete()
            continue
        entry.object_repr = names.without(entry.object_repr)
        entry.change_message = names.without(entry.change_message)
        entry.save(update_fields=["object_repr", "change_message"])


def _place(text: str) -> _Place:
    return _Place("answer", Value(text.encode(), output_field=BinaryField()))


def _field(form: str) -> str:
    """Return how an answer names a subscriber by external id."""
    return f'"externalId":"{form}"'


def _in_json(text: str) -> set[str]:
    """Return the text's JSON forms, with and without escapes of non-ASCII letters."""
    return {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


def _portions(row_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for place in range(0, len(row_ids), MOST_IDS):
        yield row_ids[place : place + MOST_IDS]
