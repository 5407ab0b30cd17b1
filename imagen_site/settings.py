"""Django's settings, every one of them from the environment. The README's table explains each."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from generation.spec.plans import AUTOMATIC, PLAN_NAMES
from imagen_site import embedded_postgres, env, secret_key

BASE_DIR = env.BASE_DIR
IS_WEB_PROCESS = env.process_kind() == "web"

WEB_APPLICATION = "imagen web"  # how PostgreSQL lists the web's connections, with its address

# Imagen's own

IMAGEN_DATA_DIR = env.data_dir()
IMAGEN_HOST = env.listen_host()
IMAGEN_PORT = env.listen_port()
IMAGEN_PUBLIC_URL = env.public_url("IMAGEN_PUBLIC_URL", f"http://127.0.0.1:{IMAGEN_PORT}")
IMAGEN_TRUSTED_PROXIES = env.trusted_proxies()
IMAGEN_PROFILE = env.profile()
IMAGEN_MODELS = env.models(IMAGEN_PROFILE)
IMAGEN_MODELS_DIR = env.folder("IMAGEN_MODELS_DIR", IMAGEN_DATA_DIR / "models")
IMAGEN_MEMORY_PLAN = env.choice("IMAGEN_MEMORY_PLAN", AUTOMATIC, PLAN_NAMES)
IMAGEN_COMPILE = env.choice("IMAGEN_COMPILE", "auto", ("auto", "0", "1"))
IMAGEN_REFERENCE = env.reference()
IMAGEN_REFERENCE_DIR = BASE_DIR / "reference"
IMAGEN_QUEUE_LIMIT = env.integer("IMAGEN_QUEUE_LIMIT", 100, minimum=1, maximum=10_000)
IMAGEN_USER_QUEUE_LIMIT = env.integer("IMAGEN_USER_QUEUE_LIMIT", 25, minimum=1, maximum=10_000)
IMAGEN_FAIR = env.boolean("IMAGEN_FAIR", True)
IMAGEN_RETRY_AFTER = env.integer("IMAGEN_RETRY_AFTER", 30, minimum=1, maximum=120)
IMAGEN_JOB_TIMEOUT = env.integer("IMAGEN_JOB_TIMEOUT", 600, minimum=5, maximum=86_400)
IMAGEN_OOM_TRIES = env.integer("IMAGEN_OOM_TRIES", 3, minimum=1, maximum=100)
IMAGEN_OOM_DELAY = env.integer("IMAGEN_OOM_DELAY", 10, minimum=0, maximum=3_600)
IMAGEN_CRASH_TRIES = env.integer("IMAGEN_CRASH_TRIES", 3, minimum=1, maximum=100)
IMAGEN_STALE_AFTER = env.integer("IMAGEN_STALE_AFTER", 60, minimum=15, maximum=3_600)
IMAGEN_RESULT_DAYS = env.integer("IMAGEN_RESULT_DAYS", 0, minimum=0, maximum=36_500)
IMAGEN_MAX_PROMPT_CHARS = env.integer("IMAGEN_MAX_PROMPT_CHARS", 10_000, minimum=1, maximum=10_000)
IMAGEN_DEFAULT_STEPS = env.integer("IMAGEN_DEFAULT_STEPS", 30, minimum=1, maximum=100)
IMAGEN_MAX_STEPS = env.integer("IMAGEN_MAX_STEPS", 100, minimum=IMAGEN_DEFAULT_STEPS, maximum=1_000)
IMAGEN_DEFAULT_GUIDANCE = env.number("IMAGEN_DEFAULT_GUIDANCE", 7.5, minimum=0, maximum=30)
IMAGEN_MAX_GUIDANCE = env.number(
    "IMAGEN_MAX_GUIDANCE", 30.0, minimum=IMAGEN_DEFAULT_GUIDANCE, maximum=100
)
IMAGEN_SIGN_UP = env.choice("IMAGEN_SIGN_UP", "closed", ("closed", "invite", "open"))
IMAGEN_SIGN_IN_TRIES = env.integer("IMAGEN_SIGN_IN_TRIES", 5, minimum=1, maximum=1_000)
IMAGEN_SIGN_IN_PAUSE = env.integer("IMAGEN_SIGN_IN_PAUSE", 600, minimum=1, maximum=86_400)
IMAGEN_MAIL = env.mail()
IMAGEN_ACCESS_LOG = env.access_log()
IMAGEN_FAULT = env.fault()
IMAGEN_LOCK_DIR = env.folder("IMAGEN_LOCK_DIR", Path("/tmp"))
IMAGEN_WORKER_NAME = env.worker_name()  # a supervisor always sets it for its cluster

# Security

DEBUG = env.boolean("IMAGEN_DEBUG", False)
SECRET_KEY = env.secret_key() or secret_key.read_or_draw(
    embedded_postgres.prepare_data_dir(IMAGEN_DATA_DIR) / "secret_key"
)
_public = urlsplit(IMAGEN_PUBLIC_URL)
_is_https = _public.scheme == "https"
ALLOWED_HOSTS = sorted({_public.hostname or "", IMAGEN_HOST, "localhost", "127.0.0.1", "[::1]"})
CSRF_TRUSTED_ORIGINS = [IMAGEN_PUBLIC_URL]
CSRF_FAILURE_VIEW = "generation.web.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _is_https
SECURE_SSL_REDIRECT = _is_https
SESSION_COOKIE_NAME = "__Host-sessionid" if _is_https else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if _is_https else "csrftoken"
SECURE_HSTS_SECONDS = 31_536_000 if _is_https else 0
# HSTS for subdomains and preload lists bind names that do not belong to this service.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
MAX_BODY_BYTES = 1_048_576
ROOMIER_BODIES = {"/create": 25 * MAX_BODY_BYTES}  # a reference picture of 20 MB
DATA_UPLOAD_MAX_MEMORY_SIZE = 262_144
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 8

# Applications. "generation" comes before "django_q", whose admin pages it takes down.

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "axes",
    "csp",
    "generation",
    "django_q",
]
MIDDLEWARE = [
    "generation.web.middleware.DatabaseMiddleware",
    "generation.api.health.ProbeMiddleware",
    "csp.middleware.CSPMiddleware",
    "generation.web.middleware.PermissionsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "imagen_site.urls"
ASGI_APPLICATION = "imagen_site.asgi.application"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "generation.web.context.page",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
LOGIN_URL = "web:sign-in"
LOGIN_REDIRECT_URL = "web:create"
LOGOUT_REDIRECT_URL = "web:sign-in"
SESSION_COOKIE_AGE = 14 * 86_400
PASSWORD_RESET_TIMEOUT = 86_400

# Sign-in rests after some failures of one name from one address. uvicorn tells the address
# behind a proxy (IMAGEN_TRUSTED_PROXIES), so nobody else reads X-Forwarded-For.

AXES_FAILURE_LIMIT = IMAGEN_SIGN_IN_TRIES
AXES_COOLOFF_TIME = timedelta(seconds=IMAGEN_SIGN_IN_PAUSE)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the pause that the page tells is the pause
AXES_DISABLE_ACCESS_LOG = True
AXES_CLIENT_IP_CALLABLE = "generation.web.accounts.client_address"
AXES_LOCKOUT_CALLABLE = "generation.web.accounts.sign_in_rests"
AXES_SENSITIVE_PARAMETERS = ["username", "csrfmiddlewaretoken"]  # the log may name addresses
AXES_VERBOSE = False
AXES_ENABLE_ADMIN = False  # manage.py axes_reset ends a pause

# Mail: for forgotten passwords, where IMAGEN_MAIL names a server.

if IMAGEN_MAIL:
    EMAIL_HOST = IMAGEN_MAIL.host
    EMAIL_PORT = IMAGEN_MAIL.port
    EMAIL_HOST_USER = IMAGEN_MAIL.user
    EMAIL_HOST_PASSWORD = IMAGEN_MAIL.password
    EMAIL_USE_TLS = IMAGEN_MAIL.security == "starttls"
    EMAIL_USE_SSL = IMAGEN_MAIL.security == "tls"
    EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("IMAGEN_MAIL_FROM") or f"imagen@{_public.hostname}"

# Database: DATABASE_URL, or the embedded PostgreSQL that manage.py and asgi.py start.


DATABASE_URL = env.text("DATABASE_URL") or embedded_postgres.locate(IMAGEN_DATA_DIR).url
# Workers LISTEN there: the database itself, where DATABASE_URL leads to a transaction pooler.
IMAGEN_LISTEN_URL = env.text("IMAGEN_LISTEN_URL") or DATABASE_URL
# A network that went silent is an error within half a minute, not within hours.
KEEP_ALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # milliseconds
}
DATABASE_PARTS: dict[str, Any] = KEEP_ALIVE | env.connection_parts(DATABASE_URL)
LISTEN_PARTS: dict[str, Any] = KEEP_ALIVE | env.connection_parts(
    IMAGEN_LISTEN_URL, "IMAGEN_LISTEN_URL"
)


def _database() -> dict[str, Any]:
    """One PostgreSQL. Web processes share a small pool; all others keep one connection each."""
    parts = DATABASE_PARTS.copy()
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST"}
    database = {
        django: str(parts.pop(libpq)) for libpq, django in names.items() if parts.get(libpq)
    }
    database |= {"PORT": str(parts.pop("port", "")), "ENGINE": "django.db.backends.postgresql"}
    if IS_WEB_PROCESS:
        parts["application_name"] = f"{WEB_APPLICATION} {env.text('IMAGEN_WEB_URL')}"
        # After an outage whoever asks again is served at once, not after the pool's next attempt.
        parts["pool"] = {"min_size": 1, "max_size": 16, "timeout": 5, "reconnect_timeout": 2}
    max_age = 0 if IS_WEB_PROCESS else 600
    return database | {"OPTIONS": parts, "CONN_MAX_AGE": max_age, "CONN_HEALTH_CHECKS": True}


DATABASES = {"default": _database()}
# Limits are counted there: beyond its size it forgets at random, and a visitor could try anew.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# Queue: one worker process a cluster. The job row, not the ticket, decides what runs, so nothing
# depends on `retry` (docs/decisions.md).

_cluster_timeout = IMAGEN_JOB_TIMEOUT + 15
Q_CLUSTER: dict[str, Any] = {
    "name": "imagen",
    "orm": "default",
    "workers": 1,
    "bulk": 1,
    "queue_limit": 1,
    "timeout": _cluster_timeout,
    "broker_class": "generation.jobs.bell.Bell",
    "retry": max(3_600, 4 * _cluster_timeout),
    "max_attempts": 1,
    "ack_failures": True,
    "save_limit": -1,
    "guard_cycle": 1,
    "scheduler": False,
    "catch_up": False,
    "recycle": 500,
    "log_level": "WARNING",
}

# Files, static files, languages

MEDIA_ROOT = env.folder("IMAGEN_MEDIA_ROOT", BASE_DIR / "media")
FILE_UPLOAD_PERMISSIONS = 0o640
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o750
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
SERVESTATIC_USE_FINDERS = True
LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LANGUAGE_COOKIE_AGE = 365 * 86_400
LANGUAGE_COOKIE_SAMESITE = "Lax"
LOCALE_PATHS = [BASE_DIR / "generation" / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["generation.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["generation.api.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "generation.api.errors.answer_exception",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "generation.api.negotiation.OneFormat",
    "URL_FORMAT_OVERRIDE": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Imagen",
    "DESCRIPTION": "Paints pictures from words. Submit a job, follow it, fetch its picture.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVERS": [{"url": "/"}],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["generation.api.v1.document.only_native"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "generation.api.v1.document.complete",
    ],
    "ENUM_NAME_OVERRIDES": {"JobStatus": "generation.models.JobStatus.values"},
    "SERVE_PUBLIC": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"job": {"()": "generation.log.JobFilter"}},
    "formatters": {"line": {"()": "generation.log.LineFormatter"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["job"],
        },
    },
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("IMAGEN_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "axes": {"level": "WARNING"},
        "django-q": {"level": "WARNING"},
        "django.server": {"handlers": [], "propagate": True},
        "django": {"handlers": [], "propagate": True},
    },
}

env.refuse_unknown()
