"""That there is a new version of the policy, on every public page.

    {% load policy_news %}{% policy_news %}
"""

from django import template

from apps.foundation import clock
from apps.policies.services import force

register = template.Library()


@register.inclusion_tag("policies/news.html")
def policy_news() -> dict:
    """For some days after its publication, with what changed; nothing otherwise."""
    return {"news": force.news(clock.now())}
