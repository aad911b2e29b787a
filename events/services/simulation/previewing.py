"""One mail of a sequence as a person would get it, and a test of it for an operator.

Rendered and judged by the code that sends; nothing is stored. The step may be one that nobody has
saved.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from events.decisions.enrollments import Seen
from events.decisions.watched import Watched
from events.language.steps import EmailStep
from events.models import Event, EventDefinition, Sequence, StepRun
from events.services.engine import loaded_versions, mails
from events.services.engine.loaded_versions import PlacedStep
from events.services.sequences import references
from events.services.simulation.entries import AssumedEvent, Entry
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from events.services.simulation.paths import Awaited, Visit, Walker
from events.services.simulation.people import Someone
from events.services.simulation.simulating import imagined
from subscribers.ids import new_id
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.models.subscriber import new_unsubscribe_token
from subscribers.services.consent import suppressions
from subscribers.services.outbox import trial
from subscribers.services.outbox.brakes import SendDecision, Verdict
from subscribers.services.outbox.outbox import Draft
from subscribers.services.outbox.trial import Trial
from subscribers.templating import layout, links, slips
from subscribers.templating import mail as rendering
from subscribers.templating.mail import RenderedMail, TemplateFault
from subscribers.templating.merge_tags import ROOTS
from subscribers.wire import link_tokens

TEST_MARK = "[Test] "
MOST_NAMED = 30
WITH_FOOTER = "It ends with the workspace's footer: the mail itself has no link to leave."
NO_WAY_OUT = (
    "It has no link to leave: put {{unsubscribeUrl}} into the mail or the layout, or switch the "
    "workspace's footer on."
)
# Possessive: an end that never comes costs one look.
_TAG = re.compile(r"\{\{-?\s*+([A-Za-z_][\w.]*+)[^{}]*+\}\}")


@dataclass(frozen=True, slots=True)
class PreviewedLink:
    """A link without its token; `is_personal` when it had one, and acts in the person's name."""

    url: str
    is_personal: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MailPreview:
    """A mail without the tokens of its links; without a `mail` it cannot be made, see `error`."""

    someone: Someone
    mail: Draft | None
    error: str
    # The word why the person would not get it now; "" when they would.
    reason: str
    preview_text: str
    # Sentences: what to look at, and which merge tags gave nothing.
    warnings: tuple[str, ...]
    blanks: tuple[str, ...]
    links: tuple["PreviewedLink", ...]
    has_layout: bool


def latest_event(*, sequence: Sequence, person: Subscriber | None = None) -> Event | None:
    """Return the newest event that may start the sequence, of anybody or of one person."""
    name = str(sequence.trigger_config.get("event_name", ""))
    known = EventDefinition.objects.filter(workspace=sequence.workspace_id, name=name)
    # Two queries: joined, the index of a definition's newest events would not be used.
    definition_id = known.values_list("pk", flat=True).first()
    if definition_id is None:
        return None
    rows: QuerySet[Event] = Event.objects.filter(definition_id=definition_id)
    if person is not None:
        rows = rows.filter(subscriber=person)
    rows = rows.select_related("definition", "subscriber__workspace")
    return rows.order_by("-occurred_at", "-id").first()


def preview(
    *,
    sequence: Sequence,
    version_id: UUID,
    step: EmailStep,
    someone: Someone,
    happening: AssumedEvent | None,
    now: datetime,
) -> MailPreview:
    """Return the step's mail for a person who is there now; reads only."""
    # A filter can take a true token apart, so that no mask finds it.
    someone.subscriber.unsubscribe_token = new_unsubscribe_token()
    version = loaded_versions.load(version_id)
    event = None
    if happening is not None:
        event = Seen(id=new_id(), name=happening.name, properties=happening.properties)
    entry = Entry(by="preview", event=event, tags=someone.tags, list_ids=someone.list_ids)
    enrollment = imagined(sequence, version, someone, entry, now)
    placed = PlacedStep(row_id=new_id(), position=0, step=step)
    visit = Walker(enrollment, Watched(), Awaited.TIMEOUT).mail(
        Visit(placed=placed, began_at=now, ended_at=now, outcome={}), step
    )
    around = layout.taken_by(
        step.page, layout=sequence.workspace.mail_layout, is_wanted=step.use_layout
    )
    is_skipped = visit.status is StepRun.Status.SKIPPED
    return MailPreview(
        someone=someone,
        mail=visit.mail,
        error=visit.error,
        reason=str(visit.outcome["reason"]) if is_skipped else "",
        preview_text=_preview_text(enrollment, step, now),
        warnings=tuple(_warnings(sequence.workspace, step, around, visit.mail)),
        blanks=tuple(_blanks(enrollment, [*step.texts, around], now)),
        links=tuple(_links(visit.mail)),
        has_layout=bool(around and visit.mail and visit.mail.html),
    )


def send_test(*, workspace: Workspace, shown: MailPreview, recipient: str) -> Trial:
    """Send the mail to an operator, outside transactions; its links act for nobody.

    Raises `NoSender`, `InvalidAddress`, and `TemplateFault` for a mail that cannot be made.
    """
    mail = shown.mail
    if mail is None:
        raise TemplateFault(shown.error)
    if reason := suppressions.reason_to_skip(workspace=workspace, recipient=recipient):
        return Trial(Verdict(SendDecision.SKIP, reason))
    rendered = RenderedMail(
        subject=f"{TEST_MARK}{link_tokens.hidden(mail.subject)}",
        preview_text=shown.preview_text,
        html=link_tokens.hidden(mail.html),
        text=link_tokens.hidden(mail.text),
    )
    return trial.send_rendered(
        workspace=workspace,
        recipient=recipient,
        mail=rendered,
        sender=mail.sender,
        reply_to=mail.reply_to,
    )


def _preview_text(enrollment: ImaginedEnrollment, step: EmailStep, now: datetime) -> str:
    try:
        shown = _rendered(enrollment, step.preview_text, now)
    except TemplateFault:
        return ""
    return link_tokens.hidden(rendering.header_text(shown))


def _warnings(
    workspace: Workspace, step: EmailStep, around: str, mail: Draft | None
) -> Iterator[str]:
    other = "\n".join((step.subject, step.preview_text, step.text))
    yield from slips.find_all(html=step.page, other=other)
    if mail is None or mail.kind != OutgoingEmail.Kind.MARKETING:
        return
    if not references.has_way_out(step, around=around):
        yield WITH_FOOTER if workspace.has_footer else NO_WAY_OUT
        if workspace.has_footer and not workspace.postal_address.strip():
            yield references.NO_ADDRESS


def _blanks(enrollment: ImaginedEnrollment, texts: list[str], now: datetime) -> Iterator[str]:
    """Yield a sentence for each merge tag whose value is missing: what stands in its place."""
    data = mails.merge_data(enrollment)
    tags = {found[0]: found[1] for text in texts for found in _TAG.finditer(text)}
    for tag, path in list(tags.items())[:MOST_NAMED]:
        if path.partition(".")[0] not in ROOTS or not _is_blank(data, path):
            continue
        try:
            shown = _rendered(enrollment, tag, now).strip()
        except TemplateFault:
            shown = ""
        instead = f"“{shown}” takes its place" if shown else "nothing takes its place"
        yield f"{path} is empty: {instead}."


def _is_blank(data: Mapping[str, Any], path: str) -> bool:
    value: object = data
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value is None or (isinstance(value, str) and not value.strip())


def _links(mail: Draft | None) -> Iterator[PreviewedLink]:
    found: dict[str, bool] = {}

    def note(url: str) -> str:
        shown = link_tokens.hidden(url)
        found[shown] = shown != url
        return url

    if mail is not None:
        links.replace_in_html(mail.html, note)
        if not mail.html:
            links.replace_in_text(mail.text, note)
    yield from (PreviewedLink(url, is_personal) for url, is_personal in found.items())


def _rendered(enrollment: ImaginedEnrollment, template: str, now: datetime) -> str:
    reader = mails.reader_of(enrollment, now=now)
    return rendering.render(template, mails.merge_data(enrollment), is_html=False, reader=reader)
