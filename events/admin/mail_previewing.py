"""One mail of a sequence as a chosen person gets it, also as it is typed and not yet saved; and a
test of it to an operator.

What is typed comes with each request and is stored nowhere, so forms fill its frames.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils import timezone
from django.utils.datastructures import MultiValueDict

from config.admin_base import BaseAdmin, admin_url, view_url
from config.readable import time_tag
from events.admin.flow_drawing import step_address
from events.admin.mail_form import MailForm
from events.admin.sequence_editor.step_rows import COUNT, PREFIX, StepRows
from events.admin.sequence_pages import step_of
from events.language import steps
from events.models import Sequence, SequenceVersion
from events.services.simulation import previewing
from events.services.simulation.previewing import MailPreview
from events.wording.reasons import reason_in_words
from subscribers.admin.mail_preview import sandboxed
from subscribers.services.outbox.delivery import DeliveryOutcome
from subscribers.services.outbox.trial import NoSender
from subscribers.templating.mail import TemplateFault
from subscribers.wire import addresses, link_tokens
from subscribers.wire.payloads import InvalidRequest

# Screens, in pixels of width.
SCREENS = (700, 390)
MOST_TESTS, WITHIN = 20, timedelta(hours=1)
# Begins the log entry of each test; they are counted.
TEST_OF = "Test of step "


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The mail in question; `typed` are the fields of a row that is not saved, else empty."""

    version: SequenceVersion
    number: int
    step: steps.EmailStep | None
    typed: tuple[tuple[str, str], ...] = ()
    faults: tuple[str, ...] = ()

    @property
    def is_typed(self) -> bool:
        return bool(self.typed)

    def of_row(self) -> dict[str, object]:
        return {"row": 0, "number": self.number}


def show(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    form = MailForm(_given(request.GET), sequence=sequence)
    return _answer(page, request, sequence, _stored(request.GET, sequence), form)


def show_typed(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    form = MailForm(_given(request.POST), sequence=sequence)
    return _answer(page, request, sequence, _typed(request, sequence), form)


def show_html(request: HttpRequest, sequence: Sequence) -> HttpResponse:
    form = MailForm(_given(request.GET), sequence=sequence)
    return _html(sequence, _stored(request.GET, sequence), form)


def show_typed_html(request: HttpRequest, sequence: Sequence) -> HttpResponse:
    form = MailForm(_given(request.POST), sequence=sequence)
    return _html(sequence, _typed(request, sequence), form)


def send_test(page: BaseAdmin, request: HttpRequest, sequence: Sequence) -> HttpResponse:
    """Send the mail as it is shown to an address; the page comes again, and says how it went."""
    is_typed = "row" in request.GET
    asked = _typed(request, sequence) if is_typed else _stored(request.POST, sequence)
    form = MailForm(_given(request.POST), sequence=sequence)
    shown = _preview(sequence, asked, form)
    if shown is not None:
        _send(page, request, sequence, asked, shown)
    if is_typed or shown is None:
        return _answer(page, request, sequence, asked, form)
    address = step_address(sequence, asked.version, asked.number, "mail")
    return HttpResponseRedirect(f"{address}&{urlencode(form.as_shown())}")


def _send(
    page: BaseAdmin, request: HttpRequest, sequence: Sequence, asked: Asked, shown: MailPreview
) -> None:
    given = request.POST.get("address", "").strip()
    try:
        recipient = addresses.parse(given).text
    except addresses.InvalidAddress as error:
        messages.error(request, f"The address {error}")
        return
    mine = LogEntry.objects.filter(
        user=request.user.pk,
        action_time__gt=timezone.now() - WITHIN,
        change_message__startswith=TEST_OF,
    )
    if mine.count() >= MOST_TESTS:
        messages.error(request, f"Not sent: you sent {MOST_TESTS} tests within an hour. Wait.")
        return
    # Before the mail, so that each attempt counts.
    which = f"{asked.number}, {'not saved' if asked.is_typed else asked.version}"
    page.log_change(request, sequence, f"{TEST_OF}{which}, to {recipient}")
    try:
        trial = previewing.send_test(workspace=sequence.workspace, shown=shown, recipient=recipient)
    except (TemplateFault, NoSender, addresses.InvalidAddress) as error:
        messages.error(request, f"Not sent: {error}")
        return
    if trial.delivery is None:
        messages.error(request, f"Not sent: {reason_in_words(trial.verdict.reason)}.")
    elif trial.delivery.outcome is DeliveryOutcome.SENT:
        messages.success(request, f"The test was handed over for {recipient}.")
    else:
        outcome = trial.delivery.outcome.value
        messages.error(request, f"Not sent ({outcome}): {trial.delivery.error}")


def _given(values: Mapping[str, str]) -> dict[str, str]:
    """Return the form's fields, blank where they are missing: it is always asked."""
    return {f"as-{name}": values.get(f"as-{name}", "") for name in MailForm.base_fields}


def _stored(given: QueryDict, sequence: Sequence) -> Asked:
    row = step_of(sequence, given)
    step = steps.from_stored(row.config)
    if not isinstance(step, steps.EmailStep):
        raise Http404
    return Asked(version=row.version, number=row.position + 1, step=step)


def _typed(request: HttpRequest, sequence: Sequence) -> Asked:
    """Return the mail of one row of the editor, as it was posted; the other rows are left out."""
    row, version = _number(request.GET.get("row")), sequence.current_version
    start, own = f"{PREFIX}-{row}-", f"{PREFIX}-0-"
    posted = {
        f"{own}{name.removeprefix(start)}": values
        for name, values in request.POST.lists()
        if name.startswith(start)
    }
    forms = StepRows.of_post(MultiValueDict({**posted, COUNT: ["1"]}))
    if version is None or not forms.forms or forms.forms[0].kind != "email":
        raise Http404
    # Where it goes on is no matter here, and the later steps are not.
    wire = {name: part for name, part in forms.to_wire()[0].items() if name != "next"}
    number = _number(request.GET.get("number")) if "number" in request.GET else row + 1
    typed = tuple((name, value) for name, values in posted.items() for value in values)
    try:
        [step] = steps.parse_steps([wire])
    except InvalidRequest as error:
        faults = tuple(f"{each.path.partition('.')[2]}: {each.message}" for each in error.faults)
        return Asked(version=version, number=number, step=None, typed=typed, faults=faults)
    mail = step if isinstance(step, steps.EmailStep) else None
    return Asked(version=version, number=number, step=mail, typed=typed)


def _number(given: str | None) -> int:
    if not (given and given.isascii() and given.isdigit() and len(given) < 4):  # noqa: PLR2004 - three digits
        raise Http404
    return int(given)


def _preview(sequence: Sequence, asked: Asked, form: MailForm) -> MailPreview | None:
    """Return the mail; None where the step or the form has a fault."""
    if not form.is_valid() or asked.step is None:
        return None
    now = timezone.now()
    return previewing.preview(
        sequence=sequence,
        version_id=asked.version.pk,
        step=asked.step,
        someone=form.someone(now=now),
        happening=form.happening,
        now=now,
    )


def _html(sequence: Sequence, asked: Asked, form: MailForm) -> HttpResponse:
    shown = _preview(sequence, asked, form)
    if shown is None or shown.mail is None:
        raise Http404
    return sandboxed(link_tokens.hidden(shown.mail.html))


def _answer(
    page: BaseAdmin, request: HttpRequest, sequence: Sequence, asked: Asked, form: MailForm
) -> HttpResponse:
    shown = _preview(sequence, asked, form)
    of_row = urlencode(asked.of_row())
    context: dict[str, object] = {
        "title": f"Preview of step {asked.number} of {sequence}",
        "sequence": sequence,
        "asked": asked,
        "form": form,
        "may_act": page.may_act(request, sequence),
        "here": f"?{of_row}" if asked.is_typed else "",
        "typed_html_address": f"{view_url(sequence, 'typed-mail-html')}?{of_row}",
        "editor_address": f"{admin_url(sequence)}#step-{asked.number}",
        "screens": SCREENS,
    }
    if shown is not None:
        context |= _shown(shown, sequence, asked, form)
    return page.page(request, "admin/preview_mail.html", **context)


def _shown(
    shown: MailPreview, sequence: Sequence, asked: Asked, form: MailForm
) -> dict[str, object]:
    mail, person, came = shown.mail, shown.someone, form.came
    again = form.as_shown()
    test = view_url(sequence, "test-mail")
    html = step_address(sequence, asked.version, asked.number, "mail-html")
    return {
        "shown": shown,
        "person": person.subscriber,
        "person_address": admin_url(person.subscriber) if person.is_known else "",
        "came": came,
        "came_at": came and time_tag(came.occurred_at),
        "is_of_another": came is not None and came.subscriber_id != person.subscriber.pk,
        "reason": shown.reason and reason_in_words(shown.reason),
        "mail": mail
        and {
            "subject": link_tokens.hidden(mail.subject) or "(no subject)",
            "sender": _decoded(mail.sender),
            "recipient": mail.recipient,
            "reply_to": mail.reply_to,
            "text": link_tokens.hidden(mail.text),
            "has_html": bool(mail.html),
            "notes": [f"{note}." for note in mail.notes.splitlines()],
        },
        "html_address": "" if asked.is_typed else f"{html}&{urlencode(again)}",
        "test_address": f"{test}?{urlencode(asked.of_row())}" if asked.is_typed else test,
        "test_fields": [*again.items(), *_step_fields(asked)],
    }


def _step_fields(asked: Asked) -> Iterable[tuple[str, object]]:
    if asked.is_typed:
        return asked.typed
    return [("version", asked.version.number), ("number", asked.number)]


def _decoded(header: str) -> str:
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, LookupError, UnicodeError):
        return header
