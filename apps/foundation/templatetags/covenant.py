"""State chips, moments and numbers in templates.

    {% load covenant %}{% chip "late" "bad" %} {{ event.at|moment }} {{ count|number }} {{ cohort.expiry_on|day }}
"""

from django import template

from apps.foundation import chips

register = template.Library()
register.simple_tag(chips.chip, name="chip")
register.filter("moment", chips.moment)
register.filter("day", chips.day)
register.filter("number", chips.number)
