"""A destruction that went as it should: 1,221 messages came in, four were deleted early, the rest are gone."""

from datetime import UTC, date, datetime

from apps.retention.certificates.document import CertificateFacts


def on(day, hour=0, minute=0, second=0):
    return datetime(2026, 3, day, hour, minute, second, 123456, tzinfo=UTC)


ACCOUNT = {
    "ingested": 1221, "moved_in": 0, "in_leaf": 0, "aside_for_hold": 0, "aside_for_archive": 0, "moved_out": 0,
    "destroyed": 1217, "deleted_early": 4,
}  # fmt: skip


def facts(**changes):
    return CertificateFacts(**{
        "number": "CRT-7F3K2M9QX",
        "issued_at": on(9, 0, 4, 20),
        "installation": "0b7e6f1c-52c5-4a0e-9d2e-6f2f3f3a9c11",
        "organization_reference": "ORG-7F3K2MP",
        "organization_name": "Mercy General",
        "organization_country": "US",
        "hipaa_covered": True,
        "cohort": "COH-2B9XK1T",
        "expiry_on": date(2026, 3, 8),
        "first_ingest_at": on(1, 9),
        "last_ingest_at": on(6, 17),
        "policy_versions": [3, 4],
        "segments": [(0, 1204, 812_233, "ab" * 32, on(6)), (1, 13, 9_001, "cd" * 32, on(8))],
        "account": ACCOUNT,
        "destruction": "DST-9K2",
        "intended_at": on(9, 0, 3),
        "journal_sequence": 1841,
        "journal_digest": "ef" * 32,
        "key_destroyed_at": on(9, 0, 3, 40),
        "truncated_at": on(9, 0, 4, 20),
        "keystore_destroys": "at once: file overwritten, flushed and removed; the folder flushed",
        "keystore_snapshots": "none are made by the software",
        "tool": "Covenant",
        "tool_version": "0.1.0",
        "performed_by": "system:covenant",
        "key_absent": True,
        "rows_left": 0,
        "verified_at": on(9, 0, 4, 20),
    } | changes)  # fmt: skip
