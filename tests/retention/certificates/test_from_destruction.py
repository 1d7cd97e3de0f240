"""The certificate of a destruction that really ran: it verifies from the database, as JSON and as PDF, and agrees with itself."""

from datetime import timedelta

import pytest

from apps.foundation import signing
from apps.retention.certificates import pdf, verify
from apps.retention.importing.lines import Deletion
from apps.retention.models import Certificate
from apps.retention.services import sealing, sweep
from tests import cast
from tests.cast import DAY, NOON


@pytest.mark.usefixtures("house")
def test_it_verifies_with_an_early_deletion_before_the_seal_one_after_it_and_a_supplement(settings):
    settings.CLOCK_DATABASE_TOLERANCE_MINUTES = 60 * 24 * 3660  # the test stands in March
    clinic = cast.hill_clinic()
    cast.hand_over(clinic, [cast.message(n) for n in range(1, 6)])
    gone = [Deletion(n, cast.message(n).id, NOON, NOON + timedelta(minutes=1)) for n in (1, 2)]
    cast.hand_over(clinic, gone[:1], key="deleted before the seal")
    sealing.seal_due(at=NOON + 6 * DAY)
    cast.hand_over(clinic, gone[1:], key="deleted after the seal", at=NOON + 6 * DAY)
    cast.hand_over(clinic, [cast.message(9)], key="late", at=NOON + 6 * DAY)
    sweep.sweep(at=NOON + 8 * DAY)
    signed = Certificate.objects.get().document
    key = signing.public_key("certificates")
    certificate = verify.check(signed, key)
    assert certificate == verify.check(verify.read(pdf.render(signed)), key)
    assert [segment["messages"] for segment in certificate["segments"]] == [4, 1]
    account = certificate["account"]
    assert (account["ingested"], account["deleted_early"], account["destroyed"]) == (6, 2, 4)
    with pytest.raises(verify.NotGenuine):
        verify.check(signed, signing.public_key("journal"))
