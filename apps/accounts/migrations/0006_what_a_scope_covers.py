"""Which claims a scope covers: OpenID Connect Core 1.0, section 5.4, as far as anything here needs them."""

from django.db import migrations

CLAIMS = {
    "profile": (
        "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "gender", "birthdate", "zoneinfo", "locale",
    ),
    "email": ("email", "email_verified"),
    "phone": ("phone_number", "phone_number_verified"),
    "address": ("address",),
}


def fill(apps, schema_editor):
    table = apps.get_model("accounts", "ScopeClaim")
    table.objects.bulk_create(table(scope=scope, claim=claim) for scope, claims in CLAIMS.items() for claim in claims)


def empty(apps, schema_editor):
    apps.get_model("accounts", "ScopeClaim").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_linked_accounts")]
    operations = [migrations.RunPython(fill, empty)]
