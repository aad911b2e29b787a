"""A sequence's pages to look at: its flow, its steps, its versions and how they differ."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.utils import timezone
from django.utils.http import content_disposition_header

from config.admin_base import RowAction, admin_url, list_url, view_url
from config.admin_links import page_url
from config.readable import time_tag
from events.admin import flow_drawing, step_fields, version_changes
from events.admin.sequence_actions import DUPLICATE, EDIT, EXPORT, SequenceActions
from events.language import files, steps
from events.language.specs import SequenceSpec
from events.models import Enrollment, Sequence, SequenceVersion, Step
from events.services.counts import numbers
from events.services.sequences import arrivals, references, sequences
from events.services.sequences import files as sequence_files
from events.services.sequences.under_way import UnderWay, under_way
from events.services.sequences.versions import spec_of
from events.wording import arrivals as arrival_words
from events.wording import sequences as sequence_words
from events.wording import step_numbers
from events.wording.steps import drawn_in_words
from subscribers.admin.mail_preview import frame, sandboxed

MOST_VERSIONS = 50
# Days that the numbers are of; the second if none is chosen.
PERIODS = (7, 30, 90)
# The time between storing a version and its entry in the log: both are of one request.
LOGGED_WITHIN = timedelta(minutes=1)


class SequencePages(SequenceActions):
    """Pages that change nothing; the flow is the page that lists and links lead to."""

    page_name = "flow"

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.view_url("flow", self.show_flow),
            self.view_url("step", self.show_step),
            self.view_url("step-mail", self.show_mail),
            self.view_url("versions", self.show_versions),
            self.view_url("compare", self.show_comparison),
            self.view_url("export", self.export),
        ]

    def show_flow(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        """Show the current version with what may be done, or an earlier one to read."""
        version = _version(sequence, request.GET.get("version"))
        spec = _spec(sequence, version)
        rows = {row.key: row for row in version.steps.all()} if version else {}
        now, days = timezone.now(), _days(request.GET.get("days", ""))
        found = under_way(sequence)
        since = now.date() - timedelta(days=days - 1)
        counted = numbers.of_sequence(sequence=sequence, since=since, until=now.date())
        is_current = version is None or version.pk == sequence.current_version_id
        came = arrivals.of_trigger(sequence=sequence, now=now)
        return self._page(
            request,
            sequence,
            "admin/sequence_flow.html",
            title=f"{sequence}, {version}" if not is_current else str(sequence),
            version=version,
            is_current=is_current,
            flow_address=page_url(sequence),
            compare_address="" if is_current else _compare_address(sequence, version),
            state=(sequence_words.COLOURS[sequence.status], sequence.get_status_display()),
            facts=sequence_words.facts(sequence, spec),
            arrivals=came and arrival_words.in_words(came),
            flow=flow_drawing.draw(
                sequence=sequence,
                version=version,
                placed=spec.steps,
                rows=rows,
                here=found,
                numbers=counted,
            ),
            counted_at=counted.counted_at and time_tag(counted.counted_at),
            became=list(step_numbers.of_sequence(counted.whole)),
            days=days,
            periods=[each for each in PERIODS if each != days],
            stops_by=sequence_words.stop_in_words(sequence) if sequence.stop_condition else "",
            readiness=sequences.readiness(sequence) if is_current else None,
            buttons=self._buttons(request, sequence) if is_current else (),
            **_people(sequence, found),
        )

    def show_step(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        """Show one step with all its fields, its mail, and the way to its people."""
        row = step_of(sequence, request.GET)
        spec = _spec(sequence, row.version)
        step = spec.steps[row.position]
        number_by_id = {each.id: number for number, each in enumerate(spec.steps, start=1)}
        fields = step_fields.fields_of(
            step, number_by_id=number_by_id, may_edit=self.may_act(request, sequence)
        )
        number, is_current = row.position + 1, row.version_id == sequence.current_version_id
        has_html = isinstance(step, steps.EmailStep) and step.html
        mail = flow_drawing.step_address(sequence, row.version, number, "step-mail")
        return self._page(
            request,
            sequence,
            "admin/sequence_step.html",
            title=f"Step {number} of {sequence}, {row.version}",
            number=number,
            sentence=drawn_in_words(step),
            facts=list(_readable(fields)),
            mail=frame(mail) if has_html else "",
            preview_address=flow_drawing.preview_address(sequence, row.version, number, step),
            people_address=list_url(Enrollment, step__id__exact=row.pk, under_way="yes"),
            flow_address=_flow_address(sequence, row.version),
            edit_address=f"{admin_url(sequence)}#step-{number}" if is_current else "",
        )

    def show_mail(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        """Answer with a step's HTML, merge tags as they are, where nothing in it can run."""
        step = steps.from_stored(step_of(sequence, request.GET).config)
        if not isinstance(step, steps.EmailStep):
            raise Http404
        return sandboxed(step.page)

    def show_versions(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        versions = list(sequence.versions.order_by("-number")[:MOST_VERSIONS])
        makers = dict(_makers(sequence, versions))
        found = under_way(sequence)
        lines = [
            {
                "version": version,
                "made_at": time_tag(version.created_at),
                "is_current": version.pk == sequence.current_version_id,
                "maker": makers.get(version.pk, ""),
                "under_way": step_numbers.people(found.by_version.get(version.pk, 0), found),
                "people_address": list_url(
                    Enrollment, version__id__exact=version.pk, under_way="yes"
                ),
                "address": _flow_address(sequence, version),
                "earlier": earlier,
            }
            for version, earlier in zip(versions, [*versions[1:], None], strict=True)
        ]
        return self._page(
            request,
            sequence,
            "admin/sequence_versions.html",
            title=f"Versions of {sequence}",
            lines=lines,
            is_cut=len(versions) == MOST_VERSIONS,
            compare_address=view_url(sequence, "compare"),
        )

    def show_comparison(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        old, new = (
            get_object_or_404(sequence.versions.all(), number=_number(request.GET.get(name, "")))
            for name in ("old", "new")
        )
        return self._page(
            request,
            sequence,
            "admin/compare_versions.html",
            title=f"{sequence}: {old} and {new}",
            old=old,
            new=new,
            old_address=_flow_address(sequence, old),
            new_address=_flow_address(sequence, new),
            comparison=version_changes.compare(
                _spec(sequence, old),
                _spec(sequence, new),
                may_edit=self.may_act(request, sequence),
            ),
        )

    def export(self, request: HttpRequest, sequence: Sequence) -> HttpResponse:
        """Answer with the file that `import_sequences` reads; it may hold a webhook's password."""
        if not self.may_act(request, sequence):
            raise PermissionDenied
        elements = sequence_files.exported(workspace=sequence.workspace, keys=[sequence.key])
        disposition = content_disposition_header(
            as_attachment=True, filename=f"{sequence.key}.yaml"
        )
        return HttpResponse(
            files.dump(elements),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": disposition, "Cache-Control": "no-store"},
        )

    def _buttons(self, request: HttpRequest, sequence: Sequence) -> list[tuple[RowAction, str]]:
        if not self.may_act(request, sequence):
            return []
        found = [EDIT, *self.row_actions(request, sequence)]
        if self.has_add_permission(request):
            found.append(DUPLICATE)
        return [(each, view_url(sequence, each.name)) for each in (*found, EXPORT)]


def _version(sequence: Sequence, given: str | None) -> SequenceVersion | None:
    """Return the version with a number, or the current one; raises `Http404`."""
    if given is None:
        return sequence.current_version
    return get_object_or_404(sequence.versions.all(), number=_number(given))


def step_of(sequence: Sequence, given: QueryDict) -> Step:
    """Return a step by its number and its version's, else the current; raises `Http404`."""
    version = _version(sequence, given.get("version"))
    rows = Step.objects.select_related("version")
    position = _number(given.get("number", "")) - 1
    return get_object_or_404(rows, version=version, position=position)


def _days(given: str) -> int:
    return int(given) if given in map(str, PERIODS) else PERIODS[1]


def _number(given: str) -> int:
    if not (given.isascii() and given.isdigit() and len(given) < 7):  # noqa: PLR2004 - digits
        raise Http404
    return int(given)


def _spec(sequence: Sequence, version: SequenceVersion | None) -> SequenceSpec:
    spec = spec_of(sequence, version=version)
    return references.with_list_names(workspace=sequence.workspace, spec=spec)


def _readable(fields: list[step_fields.FieldText]) -> Iterator[tuple[str, str]]:
    """Yield the label and text of each field that says something; HTML is shown as a mail.

    Values that may be secret are hidden: people who may only look come here.
    """
    for each in fields:
        if each.name != "html" and not each.is_default:
            yield each.label, each.shown


def _people(sequence: Sequence, found: UnderWay) -> dict[str, object]:
    """Return how many are under way in all, and with earlier versions."""
    behind = found.count - found.by_version.get(sequence.current_version_id, 0)
    of_sequence = {"sequence__id__exact": sequence.pk}
    return {
        "under_way": step_numbers.people(found.count, found),
        "under_way_address": list_url(Enrollment, **of_sequence, under_way="yes"),
        "behind": step_numbers.people(behind, found) if behind else "",
        "enrollments_address": list_url(Enrollment, **of_sequence),
    }


def _compare_address(sequence: Sequence, version: SequenceVersion | None) -> str:
    """Return the address of the comparison of a version with the current one."""
    current = sequence.current_version
    if version is None or current is None:
        return ""
    return f"{view_url(sequence, 'compare')}?old={version.number}&new={current.number}"


def _flow_address(sequence: Sequence, version: SequenceVersion) -> str:
    if version.pk == sequence.current_version_id:
        return page_url(sequence)
    return f"{page_url(sequence)}?version={version.number}"


def _makers(sequence: Sequence, versions: list[SequenceVersion]) -> Iterator[tuple[Any, str]]:
    """Yield who stored each version by the log; imports and commands are not in it. One query."""
    if not versions:
        return
    entries = LogEntry.objects.filter(
        content_type=get_content_type_for_model(sequence),
        object_id=str(sequence.pk),
        action_time__gte=versions[-1].created_at,
    )
    logged = list(entries.select_related("user").order_by("action_time"))
    for version in versions:
        until = version.created_at + LOGGED_WITHIN
        for entry in logged:
            if version.created_at <= entry.action_time <= until:
                yield version.pk, entry.user.get_username()
                break
