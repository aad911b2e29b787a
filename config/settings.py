"""Django's settings, each read from an environment variable with a safe default.

`templates/docs/settings.md` lists every variable. A value that cannot be used, or must not be used
in production, stops the start with its name (`SettingError`).
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url

from config import admin_skin, env, mail_env, private_files, process, up_lock

BASE_DIR = Path(__file__).resolve().parent.parent
# Databases, mails and exports hold personal data. Every process reads the settings.
os.umask(private_files.UMASK)

# --- Where things are -------------------------------------------------------------------------

DATA_DIR = env.read_folder("DATA_DIR", default=BASE_DIR / "var")
DEBUG = env.read_flag("DEBUG", default=False)
METRICS_TOKEN = env.read_token("METRICS_TOKEN")
_UP_URL = up_lock.address(folder=DATA_DIR) or "http://127.0.0.1:8000"
PUBLIC_URL = env.read_public_url("PUBLIC_URL", default=_UP_URL, is_debug=DEBUG)
ALLOWED_HOSTS = env.read_hosts("ALLOWED_HOSTS", public_url=PUBLIC_URL, is_debug=DEBUG)
SECRET_KEY = env.read_secret_key("SECRET_KEY", folder=DATA_DIR)

# --- What the contract allows; the numbers are its defaults -----------------------------------

MAX_BODY_BYTES = env.read_integer(
    "MAX_BODY_BYTES", default=5 * 1024 * 1024, least=1024, most=100 * 1024 * 1024
)
# What all bodies may take together; the largest one makes room.
MAX_BODIES_BYTES = env.read_integer(
    "MAX_BODIES_BYTES", default=64 * 1024 * 1024, least=MAX_BODY_BYTES, most=16 * 1024**3
)
BODY_SECONDS = env.read_integer("BODY_SECONDS", default=10, least=1, most=300)
MAX_EVENTS_PER_REQUEST = env.read_integer("MAX_EVENTS_PER_REQUEST", default=500, least=1, most=5000)
MAX_PROPERTIES_BYTES = env.read_integer(
    "MAX_PROPERTIES_BYTES", default=64 * 1024, least=2, most=1024 * 1024
)
MAX_ATTRIBUTES_BYTES = env.read_integer(
    "MAX_ATTRIBUTES_BYTES", default=64 * 1024, least=2, most=1024 * 1024
)
MAX_UPLOAD_BYTES = 2**20 * env.read_integer("MAX_UPLOAD_MIB", default=100, least=1, most=1024)
MAX_DEFINITIONS = env.read_integer("MAX_DEFINITIONS", default=5000, least=1, most=100_000)
HISTORY_AFTER = env.read_span("HISTORY_AFTER_SECONDS", default=3600, least=60, most=31_536_000)
MAX_EVENT_AGE = env.read_span("MAX_EVENT_AGE_DAYS", default=1826, least=1, most=36_500)
MAX_EVENT_LEAD = env.read_span("MAX_EVENT_LEAD_SECONDS", default=300, least=0, most=86_400)
RATE_LIMIT = env.read_integer("RATE_LIMIT", default=6000, least=0, most=10_000_000)
READ_RATE_LIMIT = env.read_integer("READ_RATE_LIMIT", default=3000, least=0, most=10_000_000)

# --- How long rows are kept -------------------------------------------------------------------

IDEMPOTENCY_RETENTION = env.read_span("IDEMPOTENCY_RETENTION_HOURS", default=24, least=1, most=720)
TASK_RETENTION = env.read_span("TASK_RETENTION_DAYS", default=7, least=1, most=365)
HOUR_COUNT_RETENTION = env.read_span("HOUR_COUNT_RETENTION_DAYS", default=30, least=0, most=36_500)
WORKER_RETENTION = env.read_span("WORKER_RETENTION_DAYS", default=7, least=0, most=36_500)

# --- Processes --------------------------------------------------------------------------------

EXPRESS = env.read_flag("EXPRESS", default=True)
WEB_THREADS = env.read_integer("WEB_THREADS", default=4, least=1, most=256)
WORKERS = env.read_integer("WORKERS", default=2, least=1, most=64)
LEASE_SECONDS = env.read_integer("LEASE_SECONDS", default=90, least=5, most=3600)
# Webhook steps may call addresses of this network: for development alone.
ALLOW_PRIVATE_WEBHOOKS = env.read_flag("ALLOW_PRIVATE_WEBHOOKS", default=False)
if ALLOW_PRIVATE_WEBHOOKS and not env.is_loopback(urlsplit(PUBLIC_URL).hostname or ""):
    _problem = "must be false when PUBLIC_URL names a public host."
    raise env.SettingError("ALLOW_PRIVATE_WEBHOOKS", _problem)
STEP_ATTEMPTS = env.read_integer("STEP_ATTEMPTS", default=5, least=1, most=100)
# How long a mail that the server defers, and a webhook whose receiver is away, are tried again.
MAIL_RETRY = env.read_span("MAIL_RETRY_HOURS", default=72, least=1, most=720)
WEBHOOK_RETRY = env.read_span("WEBHOOK_RETRY_HOURS", default=24, least=1, most=720)

# --- Database ---------------------------------------------------------------------------------

# The database is behind PgBouncer or another pooler that gives a server connection to a
# transaction: nothing may stay with a session, such as a prepared statement.
PGBOUNCER = env.read_flag("PGBOUNCER", default=False)


def _database() -> dict[str, object]:
    """Return the default connection. See .github/decisions/sqlite-settings.md."""
    text = env.read_text("DATABASE_URL")
    schemes = ("sqlite", "postgres", "postgresql")
    url = env.read_url("DATABASE_URL", default="sqlite://", schemes=schemes)
    if url.scheme == "sqlite":
        path = dj_database_url.parse(text)["NAME"] if text else DATA_DIR / "cueline.sqlite3"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "timeout": 20,
                "transaction_mode": "IMMEDIATE",
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            },
            # Threads and other processes of a test need a file, not a database in memory.
            "TEST": {"NAME": DATA_DIR / "test.sqlite3"},
        }
    database = dj_database_url.parse(text)
    database["DISABLE_SERVER_SIDE_CURSORS"] = PGBOUNCER
    options: dict[str, object] = {"connect_timeout": 5, **database.get("OPTIONS", {})}
    # Times are read in this style alone, and a database or a role may have another. By the
    # environment, since a pooler takes it so from every client.
    os.environ["PGDATESTYLE"] = "ISO"
    if "pool" in options:
        problem = "Cueline keeps one connection for each thread and uses no pool."
        raise env.SettingError("DATABASE_URL", problem)
    if process.is_web():
        # The fast path's statements are planned once for each connection; Django's own never are.
        options["prepare_threshold"] = None if PGBOUNCER else 0
    return {**database, "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Applications -----------------------------------------------------------------------------

INSTALLED_APPS = [
    # The admin is discovered by `config.urls`.
    "unfold", "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
    "django_otp", "django_otp.plugins.otp_totp", "django_otp.plugins.otp_static",
    "csp", "rest_framework", "drf_spectacular", "drf_spectacular_sidecar", "django_q",
    "config", "config.sign_in", "subscribers", "events",
]  # fmt: skip
MIDDLEWARE = [
    "config.http.client_ip.ForwardedSchemeMiddleware",
    "config.http.request_log.RequestLogMiddleware",
    "config.unavailable.UnavailableMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.http.page_policy.PagePolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.sign_in.middleware.SignInMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.admin_times.PageClockMiddleware",
]
ROOT_URLCONF = "config.urls"
# A redirect would make clients send their POST again without its body.
APPEND_SLASH = False
_CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": _CONTEXT_PROCESSORS},
    }
]
LANGUAGE_CODE = "en"
# The pages follow the reader's browser among these. A translation is a folder beside `en` in
# LOCALE_PATHS, and a line here.
LANGUAGES = [("en", "English")]
LOCALE_PATHS = [BASE_DIR / "subscribers" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "config.formats"
STATIC_URL = "/static/"
# Serves the admin's files straight from the packages: no collectstatic step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG

# --- Security ---------------------------------------------------------------------------------

_IS_HTTPS = PUBLIC_URL.startswith("https://")
BEHIND_PROXY = env.read_flag("BEHIND_PROXY", default=False)
TRUSTED_PROXIES = env.read_networks(
    "TRUSTED_PROXIES",
    default="127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_COOKIE_SECURE = _IS_HTTPS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = _IS_HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _IS_HTTPS
SECURE_HSTS_PRELOAD = _IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# The API never redirects; TLS and its redirect belong to the proxy in front.
SILENCED_SYSTEM_CHECKS = ["security.W008"]
# A sequence of 100 steps is one form; a condition has eight fields for each of its rules.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 20_000
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# Bodies are in memory already, and bounded there.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]
# A cookie with this prefix is taken only if it came by https from this very host.
_COOKIE_PREFIX = "__Host-" if _IS_HTTPS else ""
SESSION_COOKIE_NAME = f"{_COOKIE_PREFIX}sessionid"
CSRF_COOKIE_NAME = f"{_COOKIE_PREFIX}csrftoken"
SESSION_ENGINE = "config.sign_in.sessions"
SESSION_LENGTH = env.read_span("SESSION_HOURS", default=12, least=1, most=720)
# The idle end: `SignInMiddleware` moves it on while the user is there.
SESSION_COOKIE_AGE = int(
    env.read_span("SESSION_IDLE_MINUTES", default=120, least=5, most=43_200).total_seconds()
)
_VALIDATORS: dict[str, dict[str, object]] = {
    "UserAttributeSimilarityValidator": {},
    "MinimumLengthValidator": {"min_length": 12},
    "CommonPasswordValidator": {},
    "NumericPasswordValidator": {},
}
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in _VALIDATORS.items()
]
PASSWORD_HASHERS = ["config.sign_in.hashing.Argon2Hasher", "config.sign_in.hashing.OldHasher"]
AUTHENTICATION_BACKENDS = ["config.sign_in.backend.LimitedBackend"]
# Where a sign-in leads that began at the sign-in page itself.
LOGIN_REDIRECT_URL = "admin:index"
REQUIRE_2FA = env.read_flag("REQUIRE_2FA", default=False)
OTP_TOTP_ISSUER = "Cueline"
LOGIN_LOCK = env.read_span("LOGIN_LOCK_MINUTES", default=15, least=1, most=1440)
LOGIN_FAILURES = env.read_integer("LOGIN_FAILURES", default=10, least=3, most=1000)
LOGIN_FAILURES_BY_ADDRESS = env.read_integer(
    "LOGIN_FAILURES_BY_ADDRESS", default=50, least=3, most=10_000
)
LOGIN_FAILURES_IN_ALL = env.read_integer(
    "LOGIN_FAILURES_IN_ALL", default=200, least=10, most=10_000
)
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # The admin's skin (Alpine.js) evaluates its own attributes.
        "script-src": ["'self'", "'unsafe-eval'"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

UNFOLD = admin_skin.UNFOLD

# --- Mail, API, worker ------------------------------------------------------------------------

globals().update(mail_env.read_email("EMAIL_URL", default_folder=DATA_DIR / "mail"))
ANYMAIL_WEBHOOK_SECRET = mail_env.read_webhook_secret("ANYMAIL_WEBHOOK_SECRET")
EMAIL_ALLOW = mail_env.read_recipients("EMAIL_ALLOW")
RETURN_PATH = mail_env.read_pattern("RETURN_PATH", letters=42)
UNSUBSCRIBE_MAILTO = mail_env.read_pattern("UNSUBSCRIBE_MAILTO", letters=52)
BOUNCE_MAILBOX = mail_env.read_mailbox("BOUNCE_MAILBOX_URL")
if BOUNCE_MAILBOX and not (RETURN_PATH or UNSUBSCRIBE_MAILTO):
    _problem = "needs RETURN_PATH or UNSUBSCRIBE_MAILTO: without a token no mail there is used."
    raise env.SettingError("BOUNCE_MAILBOX_URL", _problem)
MAIL_PAUSED = env.read_flag("MAIL_PAUSED", default=False)
CONFIRMATIONS_PER_DOMAIN = env.read_integer(
    "CONFIRMATIONS_PER_DOMAIN", default=200, least=0, most=1_000_000
)
CONFIRMATIONS_PER_FREE_DOMAIN_AND_KEY = env.read_integer(
    "CONFIRMATIONS_PER_FREE_DOMAIN_AND_KEY", default=500, least=0, most=1_000_000
)
CONFIRMATIONS_PER_KEY = env.read_integer(
    "CONFIRMATIONS_PER_KEY", default=1000, least=0, most=1_000_000
)
CONFIRMATIONS_PER_HOUR = env.read_integer(
    "CONFIRMATIONS_PER_HOUR", default=10_000, least=0, most=10_000_000
)
MAIL_RATE = env.read_integer("MAIL_RATE", default=0, least=0, most=100_000)

REST_FRAMEWORK = {
    # `subscribers.api.base.ApiView` decides who may call; any other view is closed.
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": [],
    "EXCEPTION_HANDLER": "subscribers.api.errors.answer_exception",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
    "DEFAULT_SCHEMA_CLASS": "subscribers.api.openapi.PathSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Cueline API",
    "DESCRIPTION": "Report what your users do; Cueline records it and does what follows. "
    "The [handbook](/docs/) has the meaning of every call, and of every error.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [],
    # The pages' assets come from this server only.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
}

# Measured: with the defaults 45 tasks/s, with these over 1,000; prefetching beyond the workers ran
# 8 tasks 15 times. Retries are rows of ours, so the queue itself never retries. Its scheduler is
# off: the ticker has its own timetable, and one unreadable schedule stopped all others.
Q_CLUSTER = {
    "name": "cueline",
    "orm": "default",
    "broker_class": "events.worker.broker.QueueBroker",
    "workers": WORKERS,
    "queue_limit": WORKERS,
    "bulk": 1,
    "timeout": 60,
    "retry": 150,
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "poll": 0.2,
    "scheduler": False,
    "catch_up": False,
    "label": "Queue",
}

# --- Logs -------------------------------------------------------------------------------------

LOG_FORMAT = env.read_choice("LOG_FORMAT", default="plain", choices=("plain", "json"))
_LEVELS = ("debug", "info", "warning", "error")
LOG_LEVEL = env.read_choice("LOG_LEVEL", default="info", choices=_LEVELS).upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "config.logs.PlainFormatter"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Django's handlers would mail tracebacks with request bodies, and log paths twice.
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        "django.request": {"level": "ERROR"},
        # Scanners send any host name; the request's own log line has the 400.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # Its warning about odd headers prints the address called, which may contain a token.
        "urllib3.connection": {"level": "ERROR"},
        # It logs each of its tries, and what is odd in a mail that anybody may send.
        "flufl.bounce": {"level": "CRITICAL"},
        # It logs every task three times.
        "django-q": {"handlers": [], "level": "WARNING", "propagate": True},
    },
}
