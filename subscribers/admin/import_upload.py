"""Files come in from a browser: the page that takes them, and the page that asks what they are."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from unfold.widgets import UnfoldAdminFileFieldWidget

from config import workspace_choice
from config.admin_base import ReadOnlyAdmin, view_url
from config.admin_links import page_url
from config.http.uploads import takes_files
from subscribers.admin.import_form import ImportForm
from subscribers.models import ImportRun, Workspace
from subscribers.rows.row import InvalidFile
from subscribers.services.imports import uploads
from subscribers.services.imports.uploads import MOST_PART_BYTES
from subscribers.services.workspaces import installation

MAY_IMPORT = "subscribers.add_importrun"
MOST_WORKSPACES = 500
MOST_DIGITS = 16
LONGEST_NAME = 200
# Of a body, beside the part itself.
BESIDE_THE_PART = 16_384
ON_HOLD = "This is a restored copy on hold: nothing is imported until it is resumed."
OUT_OF_DATE = "The page was out of date, so nothing was saved. This is the current page."
FILE = UnfoldAdminFileFieldWidget()
# What the buttons of the page say.
STAGES = {each.value: each for each in ImportRun.Stage}


class UploadPages(ReadOnlyAdmin):
    """The pages on which a file is uploaded and its columns are chosen."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(MAY_IMPORT))

    def action_urls(self) -> list[URLPattern]:
        begin = self.admin_site.admin_view(require_POST(self.begin))
        take = self.admin_site.admin_view(require_POST(self.take_part))
        files = takes_files(MAY_IMPORT)
        return [
            path("begin/", files(begin), name=_name("begin")),
            path("<path:object_id>/part/", files(take), name=_name("part")),
            self.view_url("columns", self.show_columns),
            self.action_url("answer", self.answer),
            *super().action_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the page that takes a file; it is posted elsewhere."""
        view: HttpResponse = require_safe(self.show_upload)(request)
        return view

    def show_upload(self, request: HttpRequest) -> HttpResponse:
        self._check(request)
        workspaces = Workspace.objects.order_by("name")[:MOST_WORKSPACES]
        chosen = workspace_choice.of(request).chosen
        return self.page(
            request,
            "admin/upload_import.html",
            title="Import a file",
            kinds=sorted(ImportRun.Kind.choices, reverse=True),
            workspaces=[(each.pk.hex, each.name) for each in workspaces],
            chosen=chosen.pk.hex if chosen else "",
            address=reverse(f"admin:{_name('begin')}"),
            file=FILE.render("file", None, {"id": "id_file", "required": True}),
            part_bytes=part_bytes(),
            most_mib=settings.MAX_UPLOAD_BYTES // 2**20,
            part_mib=part_bytes() / 2**20,
        )

    def begin(self, request: HttpRequest) -> HttpResponse:
        """Open an import: with the whole file, or for a script that sends the parts afterwards."""
        self._check(request)
        file = request.FILES.get("file")
        name = file.name if file else request.POST.get("name", "")
        size = request.POST.get("size", "")
        try:
            run = self._opened(request, name or "file", (file.size or 0) if file else _number(size))
        except InvalidFile as error:
            if not file:
                return JsonResponse({"error": str(error)}, status=400)
            messages.error(request, str(error))
            return HttpResponseRedirect(reverse("admin:subscribers_importrun_add"))
        self.log_addition(request, run, "Uploaded the file")
        columns = view_url(run, "columns")
        if not file:
            part = reverse(f"admin:{_name('part')}", args=[run.pk])
            return JsonResponse({"part": part, "next": columns})
        uploads.add_part(run=run, offset=0, content=file.read(), now=timezone.now())
        return HttpResponseRedirect(columns)

    def _opened(self, request: HttpRequest, name: str, size: int) -> ImportRun:
        workspace_id = workspace_choice.parsed(request.POST.get("workspace", ""))
        workspace = Workspace.objects.filter(pk=workspace_id).first() if workspace_id else None
        if workspace is None:
            raise InvalidFile("Choose a workspace.")
        if request.POST.get("kind") not in ImportRun.Kind.values:
            raise InvalidFile("Choose what the rows of the file are.")
        if installation.on_hold_since():
            raise InvalidFile(ON_HOLD)
        return uploads.begin(
            workspace=workspace,
            kind=request.POST["kind"],
            name=name[-LONGEST_NAME:],
            size=size,
            actor=request.user.get_username(),
            now=timezone.now(),
        )

    def take_part(self, request: HttpRequest, object_id: str) -> JsonResponse:
        """Store a part; the answer says where the next one begins."""
        self._check(request)
        run = self.get_object(request, object_id)
        part = request.FILES.get("part")
        if not isinstance(run, ImportRun) or not run.stage or part is None or part.size is None:
            return JsonResponse({"error": "There is no such upload, or no part."}, status=404)
        if part.size > MOST_PART_BYTES:
            words = f"A part has at most {MOST_PART_BYTES:,} bytes."
            return JsonResponse({"error": words}, status=413)
        offset = _number(request.POST.get("offset", ""))
        try:
            run = uploads.add_part(run=run, offset=offset, content=part.read(), now=timezone.now())
        except uploads.WrongPart as error:
            answer = {"error": str(error), "storedBytes": error.stored_bytes}
            return JsonResponse(answer, status=409)
        except uploads.NotUploading as error:
            return JsonResponse({"error": str(error)}, status=409)
        return JsonResponse({"storedBytes": run.stored_bytes})

    def show_columns(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        """Ask what the columns are; while the worker is at the file, say how far it is."""
        return self._columns_page(request, run, ImportForm(run) if run.is_ready else None)

    def answer(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        self._check(request)
        stage = STAGES.get(request.POST.get("stage", ""), ImportRun.Stage.LOOK)
        if not run.is_ready or request.POST.get("seen") != run.token.hex:
            words = OUT_OF_DATE if run.is_ready else str(uploads.NotWaiting())
            messages.warning(request, words)
            return HttpResponseRedirect(view_url(run, "columns"))
        form = ImportForm(run, request.POST)
        if not form.is_valid(is_import=stage == ImportRun.Stage.IMPORT):
            return self._columns_page(request, run, form)
        try:
            stage = uploads.answer(
                run=run,
                stage=stage,
                actor=request.user.get_username(),
                now=timezone.now(),
                **form.answer(),
            )
        except uploads.NotWaiting as error:
            messages.warning(request, str(error))
        else:
            self.log_change(request, run, f"Asked for: {stage.label.lower()}")
        return HttpResponseRedirect(view_url(run, "columns"))

    def _columns_page(
        self, request: HttpRequest, run: ImportRun, form: ImportForm | None
    ) -> HttpResponse:
        return self.page(
            request,
            "admin/import_columns.html",
            title=f"Import {', '.join(map(str, run.files))}",
            run=run,
            form=form,
            tried=_tried(run),
            is_put_off=run.is_ready and uploads.upload_of(run).is_put_off,
            may_act=self.has_add_permission(request) and self.may_act(request, run),
            address=view_url(run, "answer"),
            row_address=page_url(run),
        )

    def _check(self, request: HttpRequest) -> None:
        if not self.has_add_permission(request):
            raise PermissionDenied


def _tried(run: ImportRun) -> str:
    """Return what a dry run found, in a sentence; empty without one."""
    if not run.is_ready or run.stage != ImportRun.Stage.DRY_RUN or run.last_error:
        return ""
    return (
        f"Of {run.rows:,} rows, {run.recorded:,} would be imported, {run.duplicates:,} would "
        f"change nothing, and {run.rejected:,} would be rejected. New people: at most "
        f"{run.subscribers_created:,}, as a person in several rows may be counted more than once. "
        "Nothing was written."
    )


def part_bytes() -> int:
    """Return how large a part may be; the server refuses larger bodies."""
    return min(MOST_PART_BYTES, settings.MAX_BODY_BYTES - BESIDE_THE_PART)


def _name(page: str) -> str:
    return f"subscribers_importrun_{page}"


def _number(text: str) -> int:
    """Return a number of bytes; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < MOST_DIGITS else 0
