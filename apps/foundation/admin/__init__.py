"""How the admin behaves: lists that stay fast at a million rows, masks, exports, acts. See model_admin for what to declare.

    from apps.foundation.admin import Act, CovenantAdmin, CovenantTabularInline, ShowOnce
"""

from apps.foundation.admin.acts import Act, ShowOnce
from apps.foundation.admin.filters import ReferenceFilter
from apps.foundation.admin.model_admin import CovenantAdmin, CovenantStackedInline, CovenantTabularInline
from apps.foundation.chips import chip, day, moment, number
from apps.foundation.masks import mask

__all__ = [
    "Act",
    "CovenantAdmin",
    "CovenantStackedInline",
    "CovenantTabularInline",
    "ReferenceFilter",
    "ShowOnce",
    "chip",
    "day",
    "mask",
    "moment",
    "number",
]
