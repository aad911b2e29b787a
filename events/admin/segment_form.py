"""The form of a segment. It translates to the wire form, so its errors are the wire's."""

import json
from typing import Any, ClassVar

from django import forms
from django.forms.utils import ErrorDict
from django.utils import timezone

from config.admin_base import RowForm
from events.admin.segment_rows import ARRANGE, SegmentRows
from events.admin.sequence_editor.fields import box, lines
from events.language.segments import Group, parse_root
from events.services.segments import members, segments
from events.services.segments.compiling import TooManyReferences
from events.services.segments.members import Preview
from subscribers.models import Segment, Workspace
from subscribers.validators import validate_name
from subscribers.wire import names
from subscribers.wire.json_gate import find_unstorable
from subscribers.wire.payloads import Fault, InvalidRequest

PREVIEW = "_preview"
LONGEST_TEXT = 100_000


class SegmentForm(RowForm):
    as_text = lines("Conditions as JSON", rows=14)
    uses_text = box("Use this text instead of the conditions above")

    class Meta:
        model = Segment
        fields: ClassVar = ["workspace", "name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.root: Group | None = None
        self.preview: Preview | None = None
        self.warnings: list[str] = []
        self.is_new = self.instance._state.adding
        self.is_arranging = self.is_bound and bool(self.data.get(ARRANGE))
        stored = None if self.is_new else segments.root_of(self.instance)
        if stored:
            self.initial["as_text"] = json.dumps(self.instance.root, indent=2, ensure_ascii=False)
        rows = SegmentRows.of_post(self.data) if self.is_bound else SegmentRows.of_root(stored)
        # A tree that rows cannot show stays a text, whatever is posted.
        self.is_text_only = SegmentRows.of_root(stored) is None
        self.rows = None if self.is_text_only else rows

    def is_valid(self) -> bool:
        """Return False for a form that is only arranged or previewed: it is shown again."""
        if self.is_arranging or not super().is_valid():
            return False
        if PREVIEW in self.data:
            self._look()
            return False
        return True

    def full_clean(self) -> None:
        if self.is_arranging:
            self._errors, self.cleaned_data = ErrorDict(), {}
            return
        super().full_clean()

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        validate_name(name)
        return names.plain(name)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        workspace = self._workspace()
        if workspace is None:
            return cleaned
        self._check_name(workspace, cleaned.get("name"))
        try:
            root = parse_root(self._wire(cleaned))
            self.root = segments.resolved(
                workspace=workspace, root=root, segment_id=self.instance.pk
            )
            found = segments.unknown_names(workspace_id=workspace.pk, root=self.root)
            self.warnings = [*found]
        except InvalidRequest as error:
            for fault in error.faults:
                self._show(fault)
        return cleaned

    def _workspace(self) -> Workspace | None:
        return self.cleaned_data.get("workspace") if self.is_new else self.instance.workspace

    def _check_name(self, workspace: Workspace, name: str | None) -> None:
        # Django leaves the constraint out where the workspace is no field of the form.
        others = Segment.objects.filter(workspace=workspace, name=name)
        if name and others.exclude(pk=self.instance.pk).exists():
            self.add_error("name", "The workspace has another segment of this name.")

    def _wire(self, cleaned: dict[str, Any]) -> object:
        if self.rows and not cleaned.get("uses_text"):
            return self.rows.to_wire()
        text = cleaned.get("as_text") or ""
        try:
            found: object = json.loads(text[:LONGEST_TEXT])
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(Fault("root", f"is no JSON: {error}.")) from error
        if fault := find_unstorable(found):
            raise InvalidRequest(Fault("root", f"cannot be stored: it holds {fault}."))
        return found

    def _show(self, fault: Fault) -> None:
        words = f"{fault.path} {fault.message}"
        if self.rows is None or self.cleaned_data.get("uses_text"):
            self.add_error("as_text", words)
        elif fault.path == "root.children":
            self.add_error(None, "Choose at least one condition.")
        elif self.rows.show(fault):
            self.add_error(None, "A condition below needs a correction.")
        else:
            self.add_error(None, words)

    def _look(self) -> None:
        workspace = self._workspace()
        if workspace is None or self.root is None:
            return
        try:
            self.preview = members.preview(
                workspace_id=workspace.pk, root=self.root, now=timezone.now()
            )
        except TooManyReferences as error:
            forms.Form.add_error(self, None, str(error))
