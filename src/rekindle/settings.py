"""Settings. Safe by default: what is not said is off, private or strict.

REKINDLE_HOME            the folder that holds everything (default ~/.rekindle)
REKINDLE_DATABASE_URL    postgresql://user:password@host:port/name moves the books to PostgreSQL
REKINDLE_SITE_URL        the address people reach us at; https switches on secure cookies, HSTS and the step up to https
REKINDLE_ALLOWED_HOSTS   further host names, comma separated
REKINDLE_PROXIES         how many reverse proxies of ours stand in front (default 0: forwarded headers are ignored);
                         an https address needs at least 1, since this process itself speaks http
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF

from rekindle import home

PACKAGE = Path(__file__).resolve().parent

SITE_URL = os.environ.get("REKINDLE_SITE_URL", "http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
IS_SECURE = _site.scheme == "https"
_proxies = os.environ.get("REKINDLE_PROXIES", "0")
if not _proxies.isdecimal():
    raise SystemExit(f"REKINDLE_PROXIES is {_proxies!r}; write how many proxies of yours stand in front, 0 for none.")
PROXIES = int(_proxies)

SECRET_KEY = home.key("secret")
DEBUG = False
ALLOWED_HOSTS = sorted(
    LOOPBACK.union({"[::1]"}, filter(None, [_site.hostname]))
    | {name.strip() for name in os.environ.get("REKINDLE_ALLOWED_HOSTS", "").split(",") if name.strip()}
)
CSRF_TRUSTED_ORIGINS = [SITE_URL] if IS_SECURE else []

INSTALLED_APPS = [
    "rekindle.accounts",
    "rekindle.relationships",
    "rekindle.journal",
    "rekindle.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_htmx",
    "csp",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "rekindle.web.middleware.permissions_policy",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "rekindle.web.middleware.private_pages",
    "rekindle.web.middleware.whole_pages_after_the_session",
    "rekindle.web.middleware.session_limits",
    # Closed unless a view says otherwise with login_not_required.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "rekindle.web.middleware.readers_zone",
    "rekindle.web.middleware.NamedErrors",
    "allauth.account.middleware.AccountMiddleware",
]

ROOT_URLCONF = "rekindle.urls"
WSGI_APPLICATION = "rekindle.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    """One URL, or nothing for the SQLite file in the home folder."""
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": home.books_file(),
            "OPTIONS": {
                # BEGIN IMMEDIATE: a deferred transaction that later writes fails with "database is locked"
                # beside a bulk job instead of waiting its turn.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
                    "PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536; "
                    "PRAGMA wal_autocheckpoint=8000"
                ),
            },
        }
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise SystemExit(
            f"REKINDLE_DATABASE_URL begins with {parts.scheme or 'nothing'}://; "
            "write postgresql://user:password@host:port/name, or unset it to keep the books in SQLite."
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.path.lstrip("/"),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
    }


DATABASES = {"default": _database(os.environ.get("REKINDLE_DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Counts failed sign-ins for the throttle. In files, because every process of this machine must see them, a restart
# must not forget them, and a sign-in must not wait for a load that holds the books' only write lock. When the folder
# cannot be written, counting raises and nobody signs in: closed, not open.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": home.home() / "attempts",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # culling forgets at random; so high that an attacker cannot cause it
    }
}

# Signing in
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.ScryptPasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff are invited by a one-time link, which is itself the proof
ACCOUNT_ADAPTER = "rekindle.accounts.adapter.ClosedDoor"
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_SESSION_REMEMBER = True  # no box to tick: a session lives as long as SESSION_COOKIE_AGE says
# Our choice: 5 wrong passwords an account in 5 minutes, 10 an address in a minute; the wait is short, so that nobody
# can lock a colleague out for long.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/300s/key"}
ALLAUTH_TRUSTED_PROXY_COUNT = PROXIES
MFA_ADAPTER = "rekindle.accounts.adapter.SealedSecrets"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Rekindle"
LOGIN_REDIRECT_URL = "today"
LOGIN_URL = "account_login"
PASSWORD_RESET_TIMEOUT = 3600  # seconds; a link to a new password, handed out by an owner

# Sessions and cookies
SESSION_COOKIE_AGE = 8 * 3600  # seconds without a sign of the person
SESSION_LONGEST = 7 * 86_400  # seconds after signing in, whatever happened since
SESSION_SAVE_EVERY_REQUEST = False  # web.middleware.session_limits keeps an active one alive
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_SECURE
# The __Host- prefix is honoured by browsers only together with Secure.
SESSION_COOKIE_NAME = "__Host-rekindle" if IS_SECURE else "rekindle"
CSRF_COOKIE_NAME = "__Host-rekindle-csrf" if IS_SECURE else "rekindle-csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Transport and headers
SECURE_SSL_REDIRECT = IS_SECURE
SECURE_HSTS_SECONDS = 31_536_000 if IS_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_SECURE
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Files
STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # read from the packages at start: nothing to collect, nothing to go stale
WHITENOISE_ALLOW_ALL_ORIGINS = False
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # uploads go straight to disk, whatever their size
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_TEMP_DIR = None
UPLOAD_MAX_BYTES = 2 * 1024**3

# Words, dates, zones
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# Mail: nothing leaves the machine; the local outbox is a folder until the owner switches sending on.
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = home.home() / "outbox"
DEFAULT_FROM_EMAIL = "rekindle@localhost"

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "filters": {"no_tokens": {"()": "rekindle.web.log_lines.NoTokens"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["no_tokens"]}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
