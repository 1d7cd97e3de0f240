"""The words for what leaves: every category is of one kind, and nothing can be named that the policy forbids."""

from apps.foundation.personal_data import DataCategory
from apps.policies.vocabulary import ANALYTICS_FIELDS, CATEGORIES, CONNECTION, IMPERSONAL, PERSONAL, DisclosurePurpose


def test_every_category_is_personal_or_of_the_connection_or_neither():
    assert set(CATEGORIES) == {category.name.lower() for category in DataCategory}
    assert len(CATEGORIES) == len(PERSONAL) + len(CONNECTION) + len(IMPERSONAL)
    assert set(CATEGORIES) == PERSONAL | CONNECTION | IMPERSONAL


def test_sale_and_rental_are_no_purpose():
    said = " ".join([*DisclosurePurpose.values, *map(str, DisclosurePurpose.labels)])
    assert not any(word in said for word in ("sale", "sell", "rent", "market"))


def test_of_what_identifies_analytics_may_get_the_ip_address_alone():
    assert {field for field in ANALYTICS_FIELDS if "address" in field or field.endswith("id") or "name" in field} == {"ip_address"}
