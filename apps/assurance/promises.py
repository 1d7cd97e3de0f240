"""P01 on live data: every column of every table was declared, and every personal one is held by somebody."""

from datetime import datetime

from apps.assurance import columns
from apps.assurance.inventory import HOLDINGS
from apps.foundation.promises import Check, Looked


def every_column_is_declared(at: datetime) -> Looked:
    there = columns.columns_in_database()
    said = columns.declarations(columns.our_models(), HOLDINGS)
    return Looked(len(there), tuple(columns.violations(there, said)))


CHECKS: tuple[Check, ...] = (
    Check(
        promise="P01",
        code="p01_every_column_is_declared",
        title="Every column of every table is declared as personal or not, and every personal one is in a holding",
        run=every_column_is_declared,
    ),
)
