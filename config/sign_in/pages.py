"""The pages of signing in: password, code, and setting up or removing the second factor."""

import base64
from http import HTTPStatus
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib import admin, auth, messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_otp.util import random_hex
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from config.sign_in import second_factor
from config.sign_in.limits import Attempt
from config.sign_in.models import SignIn

# What a session holds while a device is set up: its key.
KEY = "second_factor_key"
KEY_BYTES = 20
NEXT = "next"
WRONG_CODE = "This code is wrong, or was used before. Wait for the next one."

page_methods = require_http_methods(["GET", "HEAD", "POST"])


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}
        ),
    )


class PasswordForm(forms.Form):
    password = forms.CharField(
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


@never_cache
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Show Django's sign-in page; go on to the code where one is needed."""
    if request.method != "POST" and _half_signed_in(request):
        return _to_code(request)
    answer: HttpResponseBase = admin.site.login(request)
    person = request.user
    if request.method != "POST" or answer.status_code != HTTPStatus.FOUND:
        return answer
    assert isinstance(person, User)  # noqa: S101 - Django has put the user there
    if second_factor.is_missing(person, request.session):
        return _to_code(request)
    _attempt(request, person).note(SignIn.Outcome.SUCCEEDED, now=timezone.now())
    return answer


@never_cache
@page_methods
def enter_code(request: HttpRequest) -> HttpResponse:
    """Ask for a code of the app, or a recovery code."""
    person = _half_signed_in(request)
    if person is None:
        return redirect(_next(request))
    if second_factor.device_of(person) is None:
        return redirect(reverse("set-up-second-factor") + _query(request))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        attempt = _attempt(request, person)
        now = timezone.now()
        attempt.check(now=now)
        device = second_factor.verify(person=person, code=form.cleaned_data["code"])
        if device:
            _let_in(request, device)
            attempt.note(SignIn.Outcome.SUCCEEDED, now=now)
            return redirect(_next(request))
        attempt.note(SignIn.Outcome.WRONG_CODE, now=now)
        form.add_error("code", WRONG_CODE)
    return _page(request, "enter_code.html", title="Second factor", form=form)


@never_cache
@page_methods
def set_up(request: HttpRequest) -> HttpResponse:
    """Show a new key as QR code; a code of it sets the device up and shows the recovery codes."""
    half = _half_signed_in(request)
    person = half or request.user
    if not isinstance(person, User):
        return redirect(reverse("admin:login") + _query(request))
    if second_factor.device_of(person) is not None:
        return redirect("enter-code" if half else "second-factor")
    key = request.session.setdefault(KEY, random_hex(KEY_BYTES))
    form = CodeForm(request.POST or None)
    if form.is_valid():
        code = form.cleaned_data["code"].replace(" ", "")
        codes = second_factor.set_up(person=person, key=key, code=code)
        device = second_factor.device_of(person)
        if codes and device:
            _let_in(request, device)
            if half:
                attempt = _attempt(request, person)
                attempt.note(SignIn.Outcome.SUCCEEDED, now=timezone.now())
            title = "Recovery codes"
            return _page(request, "recovery_codes.html", title=title, codes=codes)
        form.add_error("code", WRONG_CODE)
    secret = base64.b32encode(bytes.fromhex(key)).decode()
    url = TOTPDevice(user=person, key=key).config_url
    picture = segno.make(url, error="m").svg_data_uri(scale=4, light="white")
    return _page(
        request,
        "set_up_second_factor.html",
        title="Set up a second factor",
        form=form,
        picture=picture,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        is_required=half is not None,
    )


@never_cache
@page_methods
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Show one's own second factor; the password removes it."""
    person = request.user
    if not isinstance(person, User):
        return redirect(f"{reverse('admin:login')}?{urlencode({NEXT: request.path})}")
    if second_factor.device_of(person) is None:
        return redirect("set-up-second-factor")
    form = PasswordForm(request.POST or None)
    if form.is_valid():
        password = form.cleaned_data["password"]
        if auth.authenticate(request, username=person.get_username(), password=password):
            second_factor.remove(person=person, by=person)
            messages.success(request, "Second factor removed.")
            return redirect("admin:index")
        form.add_error("password", "This is not your password.")
    left = second_factor.codes_left(person)
    return _page(request, "second_factor.html", title="Second factor", form=form, codes_left=left)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out; the admin's own page does so only for those who are signed in wholly."""
    auth.logout(request)
    return redirect("admin:login")


@never_cache
def change_password(request: HttpRequest) -> HttpResponseBase:
    """Show the admin's page for one's own password; a wrong old one counts like at sign-in."""
    person, page = request.user, admin.site.admin_view(admin.site.password_change)
    if request.method != "POST" or not isinstance(person, User):
        return page(request)
    attempt, now = _attempt(request, person), timezone.now()
    attempt.check(now=now)
    answer = page(request)
    # A redirect has none.
    context = getattr(answer, "context_data", None)
    if context and "old_password" in context["form"].errors:
        attempt.note(SignIn.Outcome.WRONG_PASSWORD, now=now)
    return answer


def _half_signed_in(request: HttpRequest) -> User | None:
    """Return the session's user who has not given what the second factor asks for."""
    if request.user.is_authenticated:
        return None
    person = auth.get_user(request)
    return person if isinstance(person, User) else None


def _let_in(request: HttpRequest, device: TOTPDevice) -> None:
    request.session.pop(KEY, None)
    request.session[second_factor.VERIFIED] = device.pk
    request.session.cycle_key()


def _attempt(request: HttpRequest, person: User) -> Attempt:
    return Attempt(person=person, name=person.get_username(), request=request)


def _to_code(request: HttpRequest) -> HttpResponse:
    return redirect(reverse("enter-code") + _query(request))


def _query(request: HttpRequest) -> str:
    given = request.POST.get(NEXT) or request.GET.get(NEXT)
    return f"?{urlencode({NEXT: given})}" if given else ""


def _next(request: HttpRequest) -> str:
    """Return the page that the user came for, if it is one of this host."""
    given = request.GET.get(NEXT, "")
    hosts = {request.get_host()}
    is_ours = url_has_allowed_host_and_scheme(given, hosts, require_https=request.is_secure())
    return given if is_ours else reverse(settings.LOGIN_REDIRECT_URL)


def _page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    shared = admin.site.each_context(request)
    return TemplateResponse(request, f"admin/{template}", {**shared, **context})
