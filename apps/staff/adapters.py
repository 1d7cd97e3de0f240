"""Where allauth is told how staff sign in: nobody signs up, groups at the sign-on give the roles, secrets are
encrypted.

It must never let in anybody whom neither an administrator nor a mapped group added, never save a member's row whole,
and never send mail to who is not staff.
"""

import base64
import binascii
import secrets
import smtplib

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers.base import AuthProcess
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import transaction
from django.shortcuts import render
from django.urls import reverse

from apps.foundation import clock
from apps.foundation.actors import Actor
from apps.foundation.refusals import Refusal
from apps.staff.models import StaffMember
from apps.staff.services import duties, joining
from apps.staff.services.duties import HasLeft

log = structlog.get_logger(__name__)

SIGN_ON = Actor("system", "sign-on")


class StaffAccountAdapter(DefaultAccountAdapter):
    """Passwords: who may have one set, and what is said about it."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "The user name or the password is not right.",
        "email_password_mismatch": "The user name or the password is not right.",
        "too_many_login_attempts": "Too many failed attempts. Wait five minutes, then try again.",
        "incorrect_password": "That is not your password.",
        "incorrect_code": "That code is not right. Codes change every 30 seconds, and each counts once.",
        "rate_limited": "Too many attempts. Wait a minute, then try again.",
    }

    def is_open_for_signup(self, request) -> bool:
        return False

    def get_logout_redirect_url(self, request) -> str:
        return reverse("account_login")

    def get_password_change_redirect_url(self, request) -> str:
        return reverse("mfa_index")

    @transaction.atomic
    def set_password(self, user, password) -> None:
        """Only the password changes, on the row as it is now: saving a stale row whole could bring back old roles."""
        row = StaffMember.objects.select_for_update(no_key=True).get(pk=user.pk)
        if row.left_at is not None:
            raise HasLeft()
        user.set_password(password)
        row.password = user.password
        row._change_reason = "password changed"
        row.save(update_fields=["password"])

    def format_email_subject(self, subject) -> str:
        return f"Covenant: {subject}"

    def send_password_reset_mail(self, user, email, context) -> None:
        """Not to who comes by sign-on: a password here would outlive their leaving there."""
        if user.is_active and not SocialAccount.objects.filter(user=user).exists():
            super().send_password_reset_mail(user, email, context)

    def send_mail(self, template_prefix, email, context) -> None:
        """A mail server that is down must not tell apart who exists."""
        try:
            super().send_mail(template_prefix, email, context)
        except (OSError, smtplib.SMTPException) as error:
            log.error("sign_in_mail_not_sent", error=type(error).__name__)


class NoRoleForGroups(Refusal):
    """The sign-on provider let you in, but none of your groups there has a role here."""

    code = "no_role_for_groups"
    mend = "Ask the administrator of your sign-on to put you into a group that has a role in Covenant."


class NotByConnecting(Refusal):
    """A sign-on account can't be added to a member who signs in by password."""

    code = "not_by_connecting"
    mend = "Sign out, and choose the sign-on on the sign-in page; or keep signing in by password."


class IncompleteIdentity(Refusal):
    """The sign-on provider did not name you by a user name and a verified e-mail address."""

    code = "incomplete_identity"
    mend = "Ask the administrator of your sign-on to release preferred_username, name, email and email_verified."


class LocalMember(Refusal):
    """A member of staff with this user name or e-mail address is known already and does not come by sign-on."""

    code = "local_member"
    mend = "Sign in by password. If that was never set up, or they left and came back, ask an administrator."


def claims_of(sociallogin) -> dict:
    """What the provider says about who signs in: its user-info where there is one, else the identity token."""
    data = sociallogin.account.extra_data
    return data.get("userinfo") or data.get("id_token") or data


def groups_of(sociallogin) -> list[str]:
    """The groups the provider names, by the claim that its entry in SIGN_ON_APPS calls `groups_claim`."""
    app = getattr(sociallogin.provider, "app", None)
    claim = (app.settings if app else {}).get("groups_claim", "groups")
    groups = claims_of(sociallogin).get(claim) or []
    return [groups] if isinstance(groups, str) else [group for group in groups if isinstance(group, str)]


def roles_for(groups: list[str]) -> list[str]:
    """The roles that settings.SIGN_ON_ROLES gives to these groups. Refuses where there is none."""
    given: set[str] = set()
    for group in groups:
        roles = settings.SIGN_ON_ROLES.get(group, [])
        given |= {roles} if isinstance(roles, str) else set(roles)
    if not given:
        raise NoRoleForGroups()
    return joining.known_roles(given)


class StaffSignOnAdapter(DefaultSocialAccountAdapter):
    """Sign-on: groups become roles at every sign-in; who has no mapped group is refused, whoever they are."""

    def populate_user(self, request, sociallogin, data):
        """Keep of the provider's claims only what roles come from; the rest would have no purpose here."""
        sociallogin.user.username = data.get("username") or ""
        sociallogin.user.email = (data.get("email") or "").lower()
        sociallogin.user.full_name = data.get("name") or " ".join(
            part for part in (data.get("first_name"), data.get("last_name")) if part
        )
        sociallogin.account.extra_data = {"userinfo": {"groups": groups_of(sociallogin)}}
        return sociallogin.user

    def pre_social_login(self, request, sociallogin) -> None:
        try:
            if sociallogin.state.get("process") == AuthProcess.CONNECT:
                raise NotByConnecting()
            self._let_in(sociallogin)
        except Refusal as refusal:
            page = render(request, "staff/refused.html", {"refusal": refusal}, status=403)
            raise ImmediateHttpResponse(page) from refusal

    def _let_in(self, sociallogin) -> None:
        roles = roles_for(sociallogin.account.extra_data["userinfo"]["groups"])
        if sociallogin.is_existing:
            sociallogin.user = duties.assign(member=sociallogin.user, roles=roles, by=SIGN_ON, at=clock.now())
        else:
            sociallogin.user = self._join(sociallogin, roles)

    @transaction.atomic
    def _join(self, sociallogin, roles: list[str]) -> StaffMember:
        newcomer = sociallogin.user
        verified = {address.email.lower() for address in sociallogin.email_addresses if address.verified}
        if not newcomer.username or not newcomer.full_name or newcomer.email not in verified:
            raise IncompleteIdentity()
        try:
            member = joining.create(
                username=newcomer.username,
                email=newcomer.email,
                full_name=newcomer.full_name,
                roles=roles,
                password=None,
                by=SIGN_ON,
                at=clock.now(),
            )
        except joining.Taken as error:
            raise LocalMember() from error
        sociallogin.account.user = member
        sociallogin.account.save()
        return member

    def is_open_for_signup(self, request, sociallogin) -> bool:
        return False


class SecondFactorUnreadable(Refusal):
    """The second factor can't be read: it was stored under another SECRET_KEY."""

    code = "second_factor_unreadable"
    mend = "Put the earlier key into SECRET_KEY_FALLBACKS, or have an administrator remove the second factor."


def _cipher(secret_key: str) -> AESGCM:
    derived = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"covenant second factor 1")
    return AESGCM(derived.derive(secret_key.encode()))


class StaffSecondFactorAdapter(DefaultMFAAdapter):
    """Second factors: stored encrypted, named by user name, and not to be taken off where one is required."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "incorrect_code": StaffAccountAdapter.error_messages["incorrect_code"],
        "cannot_delete_authenticator": "A second factor is required. Add another one before you remove this one.",
    }

    def get_totp_label(self, user) -> str:
        return user.username

    def generate_authenticator_name(self, user, type) -> str:
        return f"Passkey {Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1}"

    def encrypt(self, text: str) -> str:
        nonce = secrets.token_bytes(12)
        return base64.b64encode(nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, text.encode(), None)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        for secret_key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
            try:
                sealed = base64.b64decode(encrypted_text, validate=True)
                return _cipher(secret_key).decrypt(sealed[:12], sealed[12:], None).decode()
            except (InvalidTag, binascii.Error, ValueError):
                continue
        raise SecondFactorUnreadable()

    def can_delete_authenticator(self, authenticator) -> bool:
        """Not the last one where one is required: it would lock its owner out of all other pages."""
        if not settings.SECOND_FACTOR_REQUIRED or authenticator.type == Authenticator.Type.RECOVERY_CODES:
            return True
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        return others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()
