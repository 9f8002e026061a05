"""Settings, read from the environment; a bad value stops the start with a sentence that names it.

Everything the desk writes lives under DATA_DIR: database, keys, uploads, mail, broker. Keys for personal data are apart from SECRET_KEY.
"""

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from logging import getLevelNamesMapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import django_stubs_ext
import environ
from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()


def flag(name: str, default: bool = False) -> bool:
    """A yes/no variable; anything but 0/1/true/false/yes/no is refused."""
    value = os.environ.get(name, "").strip().lower()
    if value in ("", "0", "false", "no", "off", "1", "true", "yes", "on"):
        return default if value == "" else value in ("1", "true", "yes", "on")
    raise ImproperlyConfigured(f"{name}={value!r}: say 1 or 0.")


def readable(name: str, like: str, read: Callable[[], Any]) -> Any:
    """What `read` makes of a variable; one it cannot read is named, without its value, which may hold a password."""
    try:
        if (value := read()) is not None:
            return value
    except (ImproperlyConfigured, KeyError, TypeError, ValueError, OSError):
        pass
    raise ImproperlyConfigured(f"{name} cannot be read: say it like {like}.\n{name} 无法识别，请参照 {like} 填写。")


def database() -> dict[str, Any] | None:
    """PostgreSQL, or SQLite at another place; None for anything else."""
    if not os.environ.get("DATABASE_URL", "").startswith(("postgres", "pgsql:", "psql:", "sqlite:")):
        return None
    return dict(env.db_url("DATABASE_URL"))


def broker() -> str | None:
    url = os.environ["CELERY_BROKER_URL"]
    return url if re.match(r"[a-z][a-z+]*://", url) else None


def kept_secret(name: str, filename: str, make: Any) -> str:
    """`name` from the environment, else from the key folder, made on the first start (mode 600, never twice)."""
    if os.environ.get(name):
        return os.environ[name]
    path = KEY_DIR / filename
    try:
        KEY_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as fresh:
            fresh.write(make())
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"{KEY_DIR} cannot be written ({error.strerror}); set DATA_DIR to a folder of yours.") from error
    return path.read_text().strip()


DATA_DIR = Path(os.environ.get("DATA_DIR") or BASE_DIR / "data").resolve()
KEY_DIR = Path(os.environ.get("DESK_KEY_DIR") or DATA_DIR / "keys").resolve()


def broker_socket() -> Path:
    """Where the embedded broker listens. A Unix socket's path has at most 107 bytes and stands in a URL, so a long or unusual one
    is replaced by a short one under the temporary folder: the same for every process that works on this data."""
    path = DATA_DIR / "run" / "broker.sock"
    if len(os.fsencode(path)) <= 100 and re.fullmatch(r"[\w/.-]+", str(path), re.ASCII):
        return path
    return Path(tempfile.gettempdir()) / f"feedback-desk-{hashlib.sha256(os.fsencode(DATA_DIR)).hexdigest()[:16]}" / "broker.sock"


DEBUG = flag("DESK_DEBUG")
HTTPS = flag("DESK_HTTPS")
SECRET_KEY = kept_secret("DESK_SECRET_KEY", "secret_key", lambda: secrets.token_urlsafe(64))
FIELD_KEYS = kept_secret("DESK_FIELD_KEYS", "field_keys", lambda: Fernet.generate_key().decode()).split()
readable("DESK_FIELD_KEYS", "the keys that the desk makes, 44 characters each", lambda: [Fernet(key) for key in FIELD_KEYS] or None)
INDEX_KEY = kept_secret("DESK_INDEX_KEY", "index_key", lambda: secrets.token_hex(32))

ALLOWED_HOSTS = env.list("DESK_HOSTS", default=["*"] if not HTTPS else ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("DESK_ORIGINS", default=[])

INSTALLED_APPS = [
    "feedback_desk.people",
    "feedback_desk.records",
    "feedback_desk.notices",
    "feedback_desk.deadlines",
    "tickets",
    "complaints",
    "followups",
    "reports",
    "feedback_desk.workplace",
    "feedback_desk.admin.BackOfficeConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_fsm",
    "django_htmx",
    "import_export",
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "feedback_desk.workplace.middleware.AnswerMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "feedback_desk.urls"
WSGI_APPLICATION = "feedback_desk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["feedback_desk.workplace.templatetags.desk"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.i18n",
                "django.contrib.messages.context_processors.messages",
                "feedback_desk.workplace.context.desk",
            ],
        },
    },
]

SQLITE = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(DATA_DIR / "desk.sqlite3")}
POSTGRES_LIKE = "postgres://desk:password@host:5432/desk"
DATABASES: dict[str, dict[str, Any]] = {"default": readable("DATABASE_URL", POSTGRES_LIKE, database) if os.environ.get("DATABASE_URL") else SQLITE}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;",
    }
    # With the in-memory database and IMMEDIATE half of the live server's concurrent requests fail (decision 8).
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "people/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
LOGIN_URL = "people:sign_in"
LOGIN_REDIRECT_URL = "workplace:work"
LOGOUT_REDIRECT_URL = "people:sign_in"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "feedback_desk.formats"
TIME_ZONE = readable("DESK_ZONE", "Asia/Shanghai", lambda: ZoneInfo(os.environ.get("DESK_ZONE") or "Asia/Shanghai").key)
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
MEDIA_ROOT = DATA_DIR / "uploads"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if flag("DESK_STATIC_MANIFEST")
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not flag("DESK_STATIC_MANIFEST")
DATA_UPLOAD_MAX_NUMBER_FIELDS = 4000
ATTACHMENT_MAX_BYTES = readable("DESK_ATTACHMENT_MAX_MB", "20", lambda: max(int(os.environ.get("DESK_ATTACHMENT_MAX_MB") or 20), 0) or None) * 1024 * 1024

MAIL_LIKE = "smtp+tls://user:password@host:587"
EMAIL = readable("EMAIL_URL", MAIL_LIKE, lambda: env.email_url_config(os.environ.get("EMAIL_URL") or f"filemail:///{DATA_DIR / 'mail'}"))
vars().update(EMAIL)
DEFAULT_FROM_EMAIL = env.str("DESK_MAIL_FROM", default="客户反馈台 <desk@localhost>")
EMAIL_TIMEOUT = 10
DESK_URL = env.str("DESK_URL", default="http://127.0.0.1:8000").rstrip("/")

EXPECTED = env.list("DESK_EXPECTED", default=[])
"""Workers and beats that must be there, by name (sweep@server1, beat@server1), beside those that have been seen."""
if strange := [name for name in EXPECTED if not re.fullmatch(r"[\w.-]+@[\w.-]+", name)]:
    raise ImproperlyConfigured(f"DESK_EXPECTED={strange[0]!r}: say names with their machine, e.g. sweep@server1,work@server1,beat@server1.")
METRICS_TOKEN = os.environ.get("DESK_METRICS_TOKEN", "")
if METRICS_TOKEN and (len(METRICS_TOKEN) < 16 or not METRICS_TOKEN.isascii()):
    raise ImproperlyConfigured("DESK_METRICS_TOKEN is too short to be a secret: say at least 16 letters and digits.")
BEHIND_PROXY = flag("DESK_BEHIND_PROXY")

BROKER_SOCKET = broker_socket()
BROKER_EMBEDDED = not os.environ.get("CELERY_BROKER_URL")
CELERY_BROKER_URL = f"redis+socket://{BROKER_SOCKET}" if BROKER_EMBEDDED else readable("CELERY_BROKER_URL", "redis://host:6379/0", broker)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "unacked_restore_throttle": 1, "socket_connect_timeout": 2}
CELERY_RESULT_BACKEND_TRANSPORT_OPTIONS = {"visibility_timeout": 600}
CELERY_VISIBILITY_TIMEOUT = 600
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "run" / "beat-schedule")
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULER = "feedback_desk.workplace.beat:Scheduler"
CELERY_TIMEZONE = TIME_ZONE
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_DIRECT = True  # each worker also has a queue of its own, in which its signs of life go round

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None

IMPORT_EXPORT_USE_TRANSACTIONS = True
IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": readable("DESK_LOG_LEVEL", "INFO", lambda: getLevelNamesMapping()[os.environ.get("DESK_LOG_LEVEL") or "INFO"])},
    "loggers": {"django.request": {"level": "ERROR"}, "axes": {"level": "WARNING"}},
}
