"""Tags, lists and merge tags that a sequence names: found in its workspace, or missing."""

from collections.abc import Callable, Iterable, Iterator
from uuid import UUID

import msgspec
from django.conf import settings

from events.egress.targets import UnsafeAddress
from events.language import filters
from events.language.specs import SequenceSpec
from events.language.steps.kinds.base import each_once
from events.language.steps.kinds.email import EmailStep
from events.language.steps.kinds.webhook import WebhookStep
from events.models import Event, EventDefinition, Sequence
from events.services.sequences.versions import spec_of
from subscribers.ids import decode, encode
from subscribers.models import List, Workspace
from subscribers.services.audience import lists
from subscribers.templating import layout
from subscribers.templating import mail as rendering
from subscribers.templating import slips as template_slips
from subscribers.wire import names
from subscribers.wire.payloads import Fault, InvalidRequest

WAY_OUT = "unsubscribeUrl"
NO_WAY_OUT = (
    "the mail has no link to leave: {{unsubscribeUrl}} is neither in the mail nor in the layout, "
    "and the footer is off."
)
NO_ADDRESS = "Marketing mail ends with a footer, but the workspace has no postal address for it."
# How many of the latest events are checked for the properties that mails use.
EVENTS_SAMPLED = 20


def tags_named(spec: SequenceSpec) -> set[str]:
    named = set(spec.trigger.tag_names)
    if spec.stop_condition and spec.stop_condition.type == "tag_added":
        named.add(spec.stop_condition.value)
    for step in spec.steps:
        named.update(step.tags)
    return named


def resolved(*, workspace: Workspace, spec: SequenceSpec) -> SequenceSpec:
    """Return the sequence with each list as its id, which survives a renaming; one query.

    Raises `InvalidRequest` with each list that the workspace does not have, and each webhook that
    may not be called.
    """
    _refuse_uncallable(spec)
    named = lists_named(spec)
    if not named:
        return spec
    id_by_name = lists.ids_by_name(workspace_id=workspace.pk)
    ids = frozenset(id_by_name.values())
    id_by_reference: dict[str, str] = {}
    faults = []
    for field, reference in named:
        list_id = decode("lst", reference)
        by_name = id_by_name.get(reference) or id_by_name.get(names.plain(reference))
        known = list_id if list_id in ids else by_name
        if known is None:
            faults.append(Fault(field, f"names a list that is not there: {reference!r}."))
        else:
            id_by_reference[reference] = encode("lst", known)
    if faults:
        raise InvalidRequest(*faults)
    return _with_lists(spec, id_by_reference.__getitem__)


def with_list_names(*, workspace: Workspace, spec: SequenceSpec) -> SequenceSpec:
    """Return the sequence with each list by name, for use in another workspace; one query.

    A list that is deleted keeps its id.
    """
    name_by_id = _name_by_id(workspace) if lists_named(spec) else {}

    def name_of(reference: str) -> str:
        list_id = decode("lst", reference)
        return name_by_id.get(list_id, reference) if list_id else reference

    return _with_lists(spec, name_of)


def _refuse_uncallable(spec: SequenceSpec) -> None:
    """Raise `InvalidRequest` for webhooks that the setting forbids: http, private addresses."""
    faults = []
    for number, step in enumerate(spec.steps):
        if isinstance(step, WebhookStep):
            try:
                step.check_url(allow_private=settings.ALLOW_PRIVATE_WEBHOOKS)
            except UnsafeAddress as error:
                faults.append(Fault(f"steps[{number}].url", error.problem))
    if faults:
        raise InvalidRequest(*faults)


def missing_lists(*, workspace: Workspace, spec: SequenceSpec) -> list[str]:
    """Return the fields that name a deleted list; one query."""
    named = lists_named(spec)
    known = {encode("lst", list_id) for list_id in _name_by_id(workspace)} if named else set()
    return list(dict.fromkeys(field for field, reference in named if reference not in known))


def lists_named(spec: SequenceSpec) -> list[tuple[str, str]]:
    """Return each list that the sequence names, with the field that names it first."""
    found = [("lists", reference) for reference in spec.trigger.lists]
    if spec.mail_list:
        found.append(("mailList", spec.mail_list))
    for number, step in enumerate(spec.steps):
        found += [(f"steps[{number}].{field}", reference) for field, reference in step.lists]
    return found


def unseen_paths(*, workspace: Workspace, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each property that merge tags use and no recent event has; one query."""
    paths = sorted(path for path in _merge_paths(spec) if path.startswith("event."))
    if not paths:
        return
    if not spec.trigger.facts.comes_with_event:
        used = ", ".join(paths)
        yield f"Merge tags use {used}, but no event starts this sequence: it stays blank."
    if spec.trigger.type != "event_received":
        return
    name = spec.trigger.event_name
    latest = Event.objects.filter(definition__workspace=workspace, definition__name=name)
    latest = latest.order_by("-occurred_at", "-id")[:EVENTS_SAMPLED]
    sample = list(latest.values_list("properties", flat=True))
    if not sample:
        yield f"No event {name} was received yet, so its properties could not be checked."
        return
    # And for each mail that the newest one makes fail.
    yield from _faults_with(sample[0], spec=spec)
    for path in paths:
        inner = path.removeprefix("event.")
        if not any(filters.values_at(inner, properties) for properties in sample):
            one = f"The latest event {name} does not have"
            several = f"None of the latest {len(sample)} events {name} has"
            yield f"{one if len(sample) == 1 else several} the property {inner}."


def never_received(*, workspace: Workspace, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each event that the sequence asks for and that never came; one query."""
    places: dict[str, str] = {}
    if spec.trigger.event_name:
        places[spec.trigger.event_name] = "the trigger"
    for number, step in enumerate(spec.steps, start=1):
        for name in step.event_names:
            places.setdefault(name, f"step {number}")
    if spec.stop_condition and spec.stop_condition.type == "event_received":
        places.setdefault(spec.stop_condition.value, "the exit condition")
    gone = unreceived(workspace_id=workspace.pk, names=places)
    for name, place in places.items():
        if name in gone:
            yield f"No event {name} was ever received, and {place} asks for it."


def unreceived(*, workspace_id: UUID, names: Iterable[str]) -> set[str]:
    """Return the names of which no event was ever received; at most one query."""
    wanted = set(names)
    if not wanted:
        return wanted
    known = EventDefinition.objects.filter(workspace=workspace_id, name__in=wanted)
    return wanted - set(known.values_list("name", flat=True))


def using(
    *, workspace_id: UUID, tag: str = "", list_id: UUID | None = None, most: int = 10
) -> list[Sequence]:
    """Return sequences that name the tag or list and are not archived; two queries."""
    rows = (
        Sequence.objects.filter(workspace_id=workspace_id)
        .select_related("current_version")
        .prefetch_related("current_version__steps")
    )
    wanted = encode("lst", list_id) if list_id else ""
    found = []
    for row in rows.exclude(status=Sequence.Status.ARCHIVED).order_by("name", "id"):
        spec = spec_of(row)
        if tag in tags_named(spec) or wanted in {reference for _, reference in lists_named(spec)}:
            found.append(row)
        if len(found) == most:
            break
    return found


def kept_list(*, workspace: Workspace, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning where the sequence's list cannot be left alone; at most one query."""
    list_id = decode("lst", spec.mail_list)
    if list_id is None:
        return
    kept = List.objects.filter(workspace=workspace, pk=list_id, allow_member_unsubscribe=False)
    if found := kept.first():
        yield f"Members cannot leave the list {found.name} alone: its links end all mail."


def entry_without_event(spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning where filters compare with an event and none starts the sequence."""
    if spec.trigger.facts.comes_with_event:
        return
    used = [each for step in spec.steps for each in step.filters_used]
    if spec.stop_condition:
        used += spec.stop_condition.filters
    if paths := sorted({each.entry_path for each in used if each.entry_path}):
        yield (
            f"Filters compare with {', '.join(paths)} of the event that began the enrollment, but "
            "no event starts this sequence: they never hold."
        )


def slips(spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for what is probably a slip in the mails' templates."""
    for number, step in enumerate(spec.steps, start=1):
        if isinstance(step, EmailStep):
            other = "\n".join((step.subject, step.preview_text, step.text))
            for sentence in template_slips.find_all(html=step.page, other=other):
                yield f"Step {number}: {sentence}"


def has_way_out(step: EmailStep, *, around: str) -> bool:
    """Tell whether a mail, or the layout `around` it, has the merge tag for unsubscribing."""
    return any(WAY_OUT in text for text in (step.page, step.text, around))


def missing_way_out(*, workspace: Workspace, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each marketing mail in which nobody finds a link to leave."""
    if workspace.has_footer:
        return
    for number, step in enumerate(spec.steps, start=1):
        if not isinstance(step, EmailStep) or step.is_transactional:
            continue
        around = layout.taken_by(step.page, layout=workspace.mail_layout, is_wanted=step.use_layout)
        if not has_way_out(step, around=around):
            yield f"Step {number}: {NO_WAY_OUT}"


def missing_address(*, workspace: Workspace, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning where the footer of marketing mail lacks the postal address."""
    mails = (step for step in spec.steps if isinstance(step, EmailStep))
    is_marketing = any(not step.is_transactional for step in mails)
    if is_marketing and workspace.has_footer and not workspace.postal_address.strip():
        yield NO_ADDRESS


def _merge_paths(spec: SequenceSpec) -> set[str]:
    texts = [text for step in spec.steps for text in step.templates]
    return {path for text in texts for path in rendering.tags_of(text).paths}


def _name_by_id(workspace: Workspace) -> dict[UUID, str]:
    return dict(List.objects.filter(workspace=workspace).values_list("id", "name"))


def _faults_with(properties: dict[str, object], *, spec: SequenceSpec) -> Iterator[str]:
    """Yield a warning for each mail that the newest event makes fail; saving tried blank values."""
    for number, step in enumerate(spec.steps, start=1):
        for text in step.texts:
            try:
                rendering.render(text, {"event": properties}, is_html=True)
            except rendering.TemplateFault as fault:
                name = spec.trigger.event_name
                yield f"Step {number}: with the newest event {name} the mail fails. {fault}"


def _with_lists(spec: SequenceSpec, named: Callable[[str], str]) -> SequenceSpec:
    """Return the sequence with its lists mapped; lists that become the same appear once."""
    lists = each_once(spec.trigger.lists, named)
    return msgspec.structs.replace(
        spec,
        trigger=msgspec.structs.replace(spec.trigger, lists=lists),
        mail_list=spec.mail_list and named(spec.mail_list),
        steps=tuple(step.with_lists(named) for step in spec.steps),
    )
