"""What the editor knows of a workspace: names that it suggests, and events that never came."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from django.utils.html import format_html

from events.admin.sequence_editor.form import SequenceForm
from events.services.segments import suggestions
from events.services.sequences import learnt_paths, references

# Events whose properties are suggested, and how many of the newest of each are looked at.
MOST_EVENTS, EVENTS_SAMPLED = 5, 50
MOST_SUGGESTED = 200
NEEDED = frozenset(
    ("name", "event_name", "stop_value", "subject", "field", "url", "rules", "branches")
)


def suggestions_for(form: SequenceForm, *, workspace_id: UUID) -> Mapping[str, Sequence[str]]:
    """Return what each kind of input suggests; up to eleven queries for any number of steps."""
    found = suggestions.of_workspace(workspace_id=workspace_id)
    properties = learnt_paths.names_of(
        workspace_id=workspace_id,
        event_names=form.event_names[:MOST_EVENTS],
        most_sampled=EVENTS_SAMPLED,
    )
    names = {
        "tags": found.tags,
        "lists": [*found.lists.values()],
        "events": found.events,
        "attributes": found.attributes,
        "properties": properties,
    }
    return {kind: each[:MOST_SUGGESTED] for kind, each in names.items()}


def mark_needed(form: SequenceForm) -> None:
    """Mark what must be given, for the page only: the wire's parser judges it, by the trigger."""
    for each in (form, *form.rows.forms):
        for name in NEEDED & {*each.fields}:
            each.fields[name].required = True


def warn_of_unreceived(form: SequenceForm, *, workspace_id: UUID) -> None:
    """Say beside its field which event never came; one query."""
    unreceived = references.unreceived(workspace_id=workspace_id, names=form.event_names)
    for field, names in form.events_by_field:
        if gone := [name for name in names if name in unreceived]:
            words = '<strong class="cueline-unreceived">Never received: {}.</strong>'
            field.help_text = f"{field.help_text} {format_html(words, ', '.join(gone))}"
