"""What templates ask about sign-in. Whether a second factor is missing they ask `request.second_factor_missing`."""

import ipaddress

from django import template
from django.conf import settings
from django.http.request import split_domain_port

register = template.Library()


@register.simple_tag
def second_factor_is_required() -> bool:
    """Whether this installation lets nobody in without a second factor."""
    return settings.SECOND_FACTOR_REQUIRED


@register.simple_tag
def the_demo() -> bool:
    """Whether this is the demo on made-up data."""
    return settings.DEMO


@register.simple_tag(takes_context=True)
def passkeys_work_here(context) -> bool:
    """Browsers bind a passkey to a name; under a bare IP address such as 127.0.0.1 they refuse to make one."""
    host, _port = split_domain_port(context["request"].get_host())
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return True
    return False
