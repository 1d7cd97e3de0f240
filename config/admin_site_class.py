"""The admin site (replaced)."""

from django.contrib.admin import AdminSite


class CovenantAdminSite(AdminSite):
    site_header = "Covenant"
