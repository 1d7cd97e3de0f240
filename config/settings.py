"""All settings on one page, each with its why. Everything that differs between places comes from the environment.

Without DATABASE_URL and REDIS_URL the services that `make run` starts inside the checkout are used; their addresses lie
in a file only the owner can read. Unsafe values stop the start with a message that says the mend (system checks).
"""

import logging
import sys
from pathlib import Path

import environ
import structlog
from csp.constants import NONCE, NONE, SELF

from config.wakeups import WAKEUPS  # noqa: F401 - read by the doorbell as settings.WAKEUPS

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# Keystore, journal, signing keys and the embedded services live here, never in the database or its backups.
COVENANT_HOME = Path(env.str("COVENANT_HOME", default=str(BASE_DIR / "var"))).resolve()

# Every secret lies in both folders, wrapped by a master key that lies in neither; all hosts see all three. Best on two volumes,
# with the master key on a third. Empty: COVENANT_HOME/keystore, COVENANT_HOME/keystore-second, COVENANT_HOME/master/master-1.key.
# A rotation of the master key makes master-2.key beside it and removes master-1.key; the setting stays as it is.
KEYSTORE_DIRECTORIES = env.list("KEYSTORE_DIRECTORIES", default=[])
KEYSTORE_MASTER_KEY_FILE = env.str("KEYSTORE_MASTER_KEY_FILE", default="")
# What the operator has to say of snapshots and backups of these volumes, and how long they live: printed on every certificate.
KEYSTORE_SNAPSHOTS = env.str("KEYSTORE_SNAPSHOTS", default="")

# Addresses of the services started by `make run`; real environment variables win.
SERVICES_FILE = COVENANT_HOME / "run" / "services.env"
if SERVICES_FILE.is_file():
    env.read_env(str(SERVICES_FILE), overwrite=False)

# The demo shows everything on made-up data: default secret allowed, second factor optional, mail written to a folder.
DEMO = env.bool("DEMO", default=not env.str("SECRET_KEY", default=""))
DEBUG = env.bool("DEBUG", default=False)  # error pages of DEBUG show data; nobody needs them here
INSECURE_SECRET_KEY = "insecure-demo-key-change-me-by-setting-SECRET_KEY"
SECRET_KEY = env.str("SECRET_KEY", default=INSECURE_SECRET_KEY)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
BASE_URL = env.str("BASE_URL", default=f"http://127.0.0.1:{env.int('PORT', default=8000)}")  # links in mails

INSTALLED_APPS = [
    "apps.foundation",
    "apps.staff",
    "apps.audit",
    "apps.mail",
    "apps.policies",
    "apps.backups",
    "apps.accounts",
    "apps.consents",
    "apps.providers",
    "apps.holds",
    "apps.gate",
    "apps.retention",
    "apps.contacts",
    "apps.communications",
    "apps.data_requests",
    "apps.assurance",
    "config",
    "config.admin_site.CovenantAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "simple_history",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "django_structlog",
    "django_prometheus",
    "csp",
]

MIDDLEWARE = [
    "config.health.HealthMiddleware",  # before redirects, sessions and hosts: a probe must work when they don't
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.guard.RestoreGuard",  # before sessions: nothing is read from a restored database, or from one that is down
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.staff.middleware.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "config.logs.RequestLog",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "csp.context_processors.nonce",
            ],
        },
    },
]

# Without an address a socket is named that answers with a clear "not running" message (see manage.py run).
DATABASE_URL = env.str("DATABASE_URL", default="")
DATABASES = {
    "default": env.db_url_config(DATABASE_URL or "postgres://covenant@//nowhere-run-make-run-first/covenant"),
}
DATABASES["default"] |= {
    "ATOMIC_REQUESTS": False,  # services open their own transactions, at the depth where effect and record meet
    "CONN_HEALTH_CHECKS": True,
    "TIME_ZONE": "UTC",
}
# A pool keeps the web's threads to few connections; short commands and workers need one each.
if env.bool("DATABASE_POOL", default="gunicorn" in sys.argv[0]):
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 12, "timeout": 10}
else:
    DATABASES["default"]["CONN_MAX_AGE"] = 60

# Off where a pooler beside the server hands each transaction another connection: what was planned is not there then.
DATABASE_PREPARED = env.bool("DATABASE_PREPARED", default=True)

REDIS_URL = env.str("REDIS_URL", default="")
CACHE_URL = env.str("CACHE_URL", default="")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": CACHE_URL}
    if CACHE_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
}
SESSION_ENGINE = "django.contrib.sessions.backends.db"  # ended for good when a member of staff leaves
SESSION_COOKIE_NAME = "covenant_session"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("HTTPS", default=not DEMO)
CSRF_COOKIE_NAME = "covenant_csrf"
SECURE_SSL_REDIRECT = env.bool("HTTPS", default=not DEMO)
SECURE_HSTS_SECONDS = 0 if DEMO else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEMO
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *env.list("SIGN_ON_ORIGINS", default=[])],  # the sign-on provider redirects a form
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# Sign-in
AUTH_USER_MODEL = "staff.StaffMember"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/admin/"
ACCOUNT_ADAPTER = "apps.staff.adapters.StaffAccountAdapter"
SOCIALACCOUNT_ADAPTER = "apps.staff.adapters.StaffSignOnAdapter"
MFA_ADAPTER = "apps.staff.adapters.StaffSecondFactorAdapter"  # encrypts the secrets of second factors
# Behind a proxy all staff share its address: without this a few typing errors would lock everybody out.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("PROXY_COUNT", default=1 if env.bool("BEHIND_PROXY", default=False) else 0)
# In the session and not in a cookie: what a message says must not lie in a browser (P10).
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # who is not staff gets no mail, whatever address is typed in
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff are made by an administrator, who knows their address
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
# besides allauth's own: links to the preference page, by where they are asked for from and by the address typed, known or not;
# files that a person lends, which are read while they wait
ACCOUNT_RATE_LIMITS = {"preference_link": "20/m/ip,5/h/key", "lent_file": "30/h/key"}
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": env.json("SIGN_ON_APPS", default=[])}}
SIGN_ON_ROLES = env.json("SIGN_ON_ROLES", default={})  # group at the provider → role here; who has none is refused
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Covenant"
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=not DEMO)

# Celery: ids only, JSON only, nothing kept. Postgres is the work list.
CELERY_BROKER_URL = REDIS_URL or "redis+socket:///nowhere-run-make-run-first?virtual_host=0"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_TASK_TIME_LIMIT = 3600
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 7200}

# Mail
EMAIL_CONFIG = env.email_url("EMAIL_URL", default="filemail://")
EMAIL_BACKEND = EMAIL_CONFIG.get("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST", "localhost")
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT") or (465 if EMAIL_CONFIG.get("EMAIL_USE_SSL") else 25)  # RFC 8314 §3
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 30
EMAIL_FILE_PATH = str(COVENANT_HOME / "mail")
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="privacy@covenant.example")
MAIL_EMPTIED_AFTER_DAYS = env.int("MAIL_EMPTIED_AFTER_DAYS", default=30)

# Message Data (CLOCKS: the policy's own numbers are ours to set)
RETENTION_SEAL_AHEAD_HOURS = 48  # a fixed point of the design; settable for nobody
RETENTION_LONGEST_LIFE_DAYS = env.int("RETENTION_LONGEST_LIFE_DAYS", default=3660)
RETENTION_BATCH_LINES = env.int("RETENTION_BATCH_LINES", default=10_000)  # committed together: none or all; also after 16 MB
RETENTION_LARGEST_ATTACHMENTS_BYTES = env.int("RETENTION_LARGEST_ATTACHMENTS_BYTES", default=10 * 1024 * 1024)  # of one message together
# a line carries its files in base64, which is a third longer; it is held in memory, and so are as many as are committed together
RETENTION_LONGEST_LINE_BYTES = env.int("RETENTION_LONGEST_LINE_BYTES", default=1_048_576 + RETENTION_LARGEST_ATTACHMENTS_BYTES * 4 // 3)
RETENTION_FUTURE_TOLERANCE_MINUTES = env.int("RETENTION_FUTURE_TOLERANCE_MINUTES", default=15)
RETENTION_REVIEW_REMINDER_HOURS = env.int("RETENTION_REVIEW_REMINDER_HOURS", default=24)  # before a cohort's day
RETENTION_EMPTY_LEAF_DAYS = env.int("RETENTION_EMPTY_LEAF_DAYS", default=30)  # after its day an emptied table still shows that it is empty
RETENTION_ERASED_PARTICIPANT_MONTHS = env.int("RETENTION_ERASED_PARTICIPANT_MONTHS", default=24)  # messages of an erased person still come in for a while
RETENTION_LEASE_SECONDS = env.int("RETENTION_LEASE_SECONDS", default=120)  # a killed worker's day is free again then
HOLD_RELEASE_GRACE_DAYS = env.int("HOLD_RELEASE_GRACE_DAYS", default=7)  # before what a released hold kept falls due
CLOCK_JUMP_HOURS = 26  # a fixed point of the design (invariant 9)
CLOCK_DATABASE_TOLERANCE_MINUTES = env.int("CLOCK_DATABASE_TOLERANCE_MINUTES", default=60)
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440  # forms; the streaming ingest reads past it on purpose
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]  # no personal data in temporary files

# Archives (P06, P19)
ARCHIVE_KEEP_DAYS = env.int("ARCHIVE_KEEP_DAYS", default=2192)  # six years, where a client has not agreed on another life
ARCHIVE_PART_EVERY_HOURS = env.int("ARCHIVE_PART_EVERY_HOURS", default=24)  # what is owed leaves daily
ARCHIVE_PART_LINES = env.int("ARCHIVE_PART_LINES", default=500_000)  # a larger part waits too long for its proof
ARCHIVE_PART_BYTES = env.int("ARCHIVE_PART_BYTES", default=1 << 30)  # of messages, before they are packed
ARCHIVE_PORTS = env.list("ARCHIVE_PORTS", cast=int, default=[443, 8443, 22, 2222])  # where a client's own server may listen
ARCHIVE_ALLOWED_PRIVATE_ADDRESSES = env.list("ARCHIVE_ALLOWED_PRIVATE_ADDRESSES", default=[])  # for tests and the demo; none in production

# The gate (P12): a permit is for what leaves now; the ledger of disclosures is kept for six years at least (45 CFR 164.528)
GATE_PERMIT_MINUTES = env.int("GATE_PERMIT_MINUTES", default=15)
GATE_LEDGER_KEEP_DAYS = env.int("GATE_LEDGER_KEEP_DAYS", default=2192)
# within these a recipient confirms that it erased what it got on a consent that ended: 15 business days are 21 days (11 CCR 7026(f))
GATE_WITHDRAWAL_DAYS = env.int("GATE_WITHDRAWAL_DAYS", default=21)

# Who tells the floor of accounts that a legal hold keeps a person: holds stand above it.
PERSON_KEPT_BY = "apps.holds.services.asking.require_free"
SUBJECT_KEPT_BY = "apps.holds.services.asking.keepers"  # the same by reference, also where the person's row is gone already
# Where all holdings stand together: the promise board, above data requests, adds its own.
ALL_HOLDINGS = "apps.assurance.inventory.HOLDINGS"

# Minors (P24): the policy says "promptly"; CLOCKS leaves both numbers to us
MINOR_REMOVAL_DAYS = env.int("MINOR_REMOVAL_DAYS", default=10)  # after it is known, a minor without a representative is removed within these
MINOR_DOCUMENT_DAYS = env.int("MINOR_DOCUMENT_DAYS", default=30)  # so long after its decision a representative's document is kept

# Accounts that people link (P04): OpenID Connect providers as allauth writes them, plus "scopes" that a person may grant.
PERSON_SIGN_ON_APPS = env.json("PERSON_SIGN_ON_APPS", default=[])

# The policy (P26)
POLICY_NEWS_DAYS = env.int("POLICY_NEWS_DAYS", default=30)  # so long every public page says that there is a new version, and links what changed

# Consents (P02, P13)
CONTROLLER_NAME = env.str("CONTROLLER_NAME", default="the operator of this service")  # as receipts name who decides about the data
CONTROLLER_EMAIL = env.str("CONTROLLER_EMAIL", default="privacy@covenant.example")
CONSENT_ASK_AGAIN_MONTHS = env.int("CONSENT_ASK_AGAIN_MONTHS", default=12)  # after a no nobody asks again before; 11 CCR 7028 says 12 at least
# Who erases, in the transaction of a withdrawal, what was collected under a consent of that kind: the floors above name themselves here,
# because consents know nobody above. What no eraser takes keeps the withdrawal from committing (its foreign key refuses).
CONSENT_ERASERS: dict[str, str] = {
    "announcements": "apps.communications.services.announcements.erasing.erase",
    "contacts": "apps.contacts.services.erasing.erase",
    "calendar": "apps.contacts.services.erasing.erase",
}
# What a person sees and may do on their preference page besides their consents, in this order.
PREFERENCE_SECTIONS: tuple[str, ...] = (
    "apps.consents.policy_acceptance.section",
    "apps.consents.linked_accounts.section",
    "apps.contacts.section.section",
)
PREFERENCE_LINK_MINUTES = env.int("PREFERENCE_LINK_MINUTES", default=30)  # a link in a mailbox opens something no longer than that
PREFERENCE_VISIT_MINUTES = env.int("PREFERENCE_VISIT_MINUTES", default=30)  # from the opened link on; on a shared computer nobody else comes in later
PREFERENCE_LINKS_AN_HOUR = env.int("PREFERENCE_LINKS_AN_HOUR", default=5)  # for one person, so that nobody floods their mailbox

# Inquiries (P09)
# Where answers to our mail, and mail to DEFAULT_FROM_EMAIL, arrive: imap+ssl://name:password@mail.example.com/INBOX. Empty: only the form.
INQUIRY_MAILBOX_URL = env.str("INQUIRY_MAILBOX_URL", default="")
INQUIRY_KEEP_MONTHS = env.int("INQUIRY_KEEP_MONTHS", default=24)  # after it was closed; then it is erased
INQUIRY_CLOSED_AFTER_DAYS = env.int("INQUIRY_CLOSED_AFTER_DAYS", default=30)  # without a word after our answer: else its life would never begin to end
INQUIRY_REFUSED_DAYS = env.int("INQUIRY_REFUSED_DAYS", default=30)  # what could not be read waits so long in the mailbox for somebody to look
INQUIRY_MAIL_BYTES = env.int("INQUIRY_MAIL_BYTES", default=5 * 1024 * 1024)  # a larger mail is not read
INQUIRY_FORM_RATE = env.str("INQUIRY_FORM_RATE", default="10/h/ip")  # of the public form, from one address

# Address books and calendars where people keep them (P03)
CONTACTS_DAV_PORTS = env.list("CONTACTS_DAV_PORTS", cast=int, default=[443, 8443])  # where a person's server may listen
CONTACTS_DAV_ALLOWED_PRIVATE_ADDRESSES = env.list("CONTACTS_DAV_ALLOWED_PRIVATE_ADDRESSES", default=[])  # for tests and the demo; none in production
CONTACTS_DAV_AUTHORITY = env.str("CONTACTS_DAV_AUTHORITY", default="")  # a PEM file: who else may vouch for such a server, besides the system's

# What people lend us (P02, P03)
CONTACTS_REFRESH_HOURS = env.int("CONTACTS_REFRESH_HOURS", default=24)  # an address is read again so often
CONTACTS_PARK_AFTER = env.int("CONTACTS_PARK_AFTER", default=8)  # failures in a row: four days with the pauses in between
CONTACTS_REFUSED_KEEP_DAYS = env.int("CONTACTS_REFUSED_KEEP_DAYS", default=90)  # the note that a file was refused
CALENDAR_AHEAD_DAYS = env.int("CALENDAR_AHEAD_DAYS", default=90)  # nobody plans further ahead, and nothing more is kept

# Announcements and notices (P13, P26)
CIRCULAR_IN_OUTBOX = env.int("CIRCULAR_IN_OUTBOX", default=5_000)  # of one circular at a time: what is not there yet can be paused
DELIVERY_KEEP_MONTHS = env.int("DELIVERY_KEEP_MONTHS", default=24)  # after its circular ended and the consent fell
POLICY_NOTICE_WITHIN_DAYS = env.int("POLICY_NOTICE_WITHIN_DAYS", default=30)  # a version published longer ago is no news any more

# Data requests (P20)
REQUEST_MAILBOX_URL = env.str("REQUEST_MAILBOX_URL", default="")  # like INQUIRY_MAILBOX_URL, and another mailbox; empty: none is read
REQUEST_LINK_HOURS = env.int("REQUEST_LINK_HOURS", default=24)  # a link that proves opens something no longer than that
REQUEST_CONTACT_FRESH_DAYS = env.int("REQUEST_CONTACT_FRESH_DAYS", default=30)  # a contact that came later than this proves nothing at once
REQUEST_COOLING_DAYS = env.int("REQUEST_COOLING_DAYS", default=7)  # so long all contacts can object when only a fresh one proved
REQUEST_CALL_BACK_DAYS = env.int("REQUEST_CALL_BACK_DAYS", default=3)  # so long an announced erasure can be called back; never past its day
REQUEST_DOCUMENT_BYTES = env.int("REQUEST_DOCUMENT_BYTES", default=5 * 1024 * 1024)  # of an agent's authority
# Caps on mails that strangers can cause. None refuses a request: what is over them waits.
REQUEST_OPENED_PER_ADDRESS_A_DAY = env.int("REQUEST_OPENED_PER_ADDRESS_A_DAY", default=5)
REQUEST_OPENED_PER_PREFIX_AN_HOUR = env.int("REQUEST_OPENED_PER_PREFIX_AN_HOUR", default=30)  # an IPv4 /24 or an IPv6 /48
REQUEST_OPENED_AN_HOUR = env.int("REQUEST_OPENED_AN_HOUR", default=600)
REQUEST_LINKS_PER_CONTACT_A_DAY = env.int("REQUEST_LINKS_PER_CONTACT_A_DAY", default=3)
REQUEST_LINKS_AN_HOUR = env.int("REQUEST_LINKS_AN_HOUR", default=600)

# Service providers (P14)
PROVIDER_NOTICE_DAYS = env.int("PROVIDER_NOTICE_DAYS", default=30)  # clients hear of a new sub-processor so many days before it gets data
PROVIDER_DATA_END_DAYS = env.int("PROVIDER_DATA_END_DAYS", default=30)  # within these an ended provider returns or destroys what it has

# Data requests (P20): the policy's numbers, the law's, and ours; apps/data_requests/clocks.py says which rule has which
REQUEST_DELETION_DAYS = env.int("REQUEST_DELETION_DAYS", default=60)  # Privacy Policy, section 4
REQUEST_MINOR_DAYS = env.int("REQUEST_MINOR_DAYS", default=10)  # section 4 says “promptly”; the number is ours, and the same as MINOR_REMOVAL_DAYS
REQUEST_ACKNOWLEDGE_WORKING_DAYS = env.int("REQUEST_ACKNOWLEDGE_WORKING_DAYS", default=10)  # 11 CCR 7021(a)
REQUEST_ANSWER_DAYS = env.int("REQUEST_ANSWER_DAYS", default=45)  # 11 CCR 7021(b)
REQUEST_ANSWER_EXTENSION_DAYS = env.int("REQUEST_ANSWER_EXTENSION_DAYS", default=45)  # once, with notice and reason: 90 in all
REQUEST_OPT_OUT_WORKING_DAYS = env.int("REQUEST_OPT_OUT_WORKING_DAYS", default=15)  # 11 CCR 7026(f)
REQUEST_SHINE_DAYS = env.int("REQUEST_SHINE_DAYS", default=30)  # Civ. 1798.83(b)(1)
REQUEST_ACCOUNTING_DAYS = env.int("REQUEST_ACCOUNTING_DAYS", default=60)  # 45 CFR 164.528(c)(1)(i)
REQUEST_ACCOUNTING_EXTENSION_DAYS = env.int("REQUEST_ACCOUNTING_EXTENSION_DAYS", default=30)  # once, with a written reason
REQUEST_ORAL_PAUSE_DAYS = env.int("REQUEST_ORAL_PAUSE_DAYS", default=30)  # on an agency's oral statement no longer (45 CFR 164.528(a)(2)(ii))
REQUEST_CLIENT_DAYS = env.int("REQUEST_CLIENT_DAYS", default=20)  # a client that decides on Message Data answers within these
REQUEST_PROVIDER_DAYS = env.int("REQUEST_PROVIDER_DAYS", default=30)  # a provider confirms within these that it erased what it got
REQUEST_WARN_DAYS = env.list("REQUEST_WARN_DAYS", cast=int, default=[10, 3])  # before a clock runs out its owner hears
REQUEST_KEEP_MONTHS = env.int("REQUEST_KEEP_MONTHS", default=24)  # the record of a request, after its end (11 CCR 7101)
REQUEST_PACKAGE_DAYS = env.int("REQUEST_PACKAGE_DAYS", default=7)  # a package waits so long to be fetched; then it is destroyed, file and key
REQUEST_PACKAGE_FETCHES = env.int("REQUEST_PACKAGE_FETCHES", default=3)  # where a download broke off; each needs a new proof and is a disclosure of its own
REQUEST_FETCH_MINUTES = env.int("REQUEST_FETCH_MINUTES", default=30)  # the link by which somebody proves anew that the contact is theirs

# Backups (P22)
BACKUP_LONGEST_LIFE_DAYS = env.int("BACKUP_LONGEST_LIFE_DAYS", default=400)  # nobody may register one that is kept longer
RESTORE_DRILL_EVERY_DAYS = env.int("RESTORE_DRILL_EVERY_DAYS", default=92)  # who keeps backups and drills more seldom is told by P22

# Observing
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")  # empty: /metrics answers 404
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False  # who looked at what stands in the ledger, never in logs
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
DJANGO_STRUCTLOG_STATUS_START_LOG_LEVEL = logging.DEBUG  # one line per request, when it ends
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processor": structlog.processors.JSONRenderer(),
            "foreign_pre_chain": [
                structlog.contextvars.merge_contextvars,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.stdlib.add_log_level,
                structlog.stdlib.add_logger_name,
            ],
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["impersonal"]}},
    "filters": {"impersonal": {"()": "config.logs.WithoutPersonalData"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},  # without Django's mail to administrators, which quotes requests
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
    },
}
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.filter_by_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = None if DEMO else COVENANT_HOME / "static"  # the demo serves them from where they lie
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"] if (BASE_DIR / "templates" / "static").is_dir() else []
WHITENOISE_USE_FINDERS = DEMO  # a production start collects them
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = False
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = True
