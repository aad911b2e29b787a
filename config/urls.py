"""Every path that Cueline answers. Only the admin, pages to read and reports end in a slash."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, metrics, workspace_choice
from config.handbook import handbook
from config.sign_in import pages
from events.admin import finding, system
from subscribers.api import delivery_reports, document
from subscribers.pages import tracked
from subscribers.pages.confirm import confirm
from subscribers.pages.unsubscribe import unsubscribe

# Here rather than at every start: half of all processes serve no pages, and this takes a quarter of
# their start.
admin.autodiscover()

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("healthz/worker", health.healthz_worker, name="healthz-worker"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/v1/openapi.json", document.openapi_json, name="openapi"),
    path("api/docs", RedirectView.as_view(pattern_name="api-docs"), name="api-docs-without-slash"),
    path("api/docs/", document.pages, name="api-docs"),
    path("docs", RedirectView.as_view(pattern_name="handbook"), name="handbook-without-slash"),
    path("docs/", handbook, name="handbook"),
    path("docs/<slug:name>/", handbook, name="handbook-page"),
    # First, since `subscribers/events` is no address.
    path("api/v1/", include("events.api.urls")),
    path("api/v1/", include("subscribers.api.urls")),
    path("c/<str:token>", confirm, name="confirm"),
    path("u/<str:token>", unsubscribe, name="unsubscribe"),
    path("u/<str:token>/<str:mail_list>", unsubscribe, name="unsubscribe-list"),
    path("r/<str:token>", tracked.click, name="tracked-link"),
    path("o/<str:token>.gif", tracked.picture, name="tracked-open"),
    path("anymail/<slug:service>/tracking/", delivery_reports.tracking, name="delivery-reports"),
    path("admin", RedirectView.as_view(pattern_name="admin:index"), name="admin-without-slash"),
    path("admin/login/", pages.sign_in, name="sign-in"),
    path("admin/sign-out/", pages.sign_out, name="sign-out"),
    path("admin/password_change/", pages.change_password, name="change-password"),
    path("admin/enter-code/", pages.enter_code, name="enter-code"),
    path("admin/second-factor/", pages.second_factor_page, name="second-factor"),
    path("admin/second-factor/set-up/", pages.set_up, name="set-up-second-factor"),
    path(
        "admin/choose-workspace/",
        admin.site.admin_view(workspace_choice.choose),
        name="choose-workspace",
    ),
    path("admin/system/", admin.site.admin_view(system.show), name="system"),
    path("admin/system/doctor/", admin.site.admin_view(system.examine), name="doctor"),
    # The skin's own searches the names of tables.
    path("admin/search/", admin.site.admin_view(finding.find), name="find"),
    path("admin/", admin.site.urls),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
]

handler400 = "config.http.errors.bad_request"
handler403 = "config.http.errors.permission_denied"
handler404 = "config.http.errors.not_found"
handler500 = "config.unavailable.server_error"
