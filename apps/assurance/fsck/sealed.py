"""What lies sealed under a secret of its own: linked accounts, documents, inquiries, lent books, keys that match, data requests, packages.

Such a secret ends with its row or with what the row held, and no destruction of Message Data names it. So each row that holds something
sealed must have its secret, and each secret must have such a row; whatever else was destroyed was meant to go.
"""

from collections.abc import Iterator

from apps.assurance.fsck.looking import Finding, House

#: kind of secret → whose content needs it now, by reference
NEEDED = {
    "linked": (
        "SELECT reference FROM accounts_linkedaccount a WHERE tokens IS NOT NULL"
        " OR EXISTS (SELECT 1 FROM accounts_linkedclaim c WHERE c.account_id = a.id)"
    ),
    "representative": "SELECT reference FROM accounts_representative WHERE document IS NOT NULL",
    "inquiry": "SELECT reference FROM communications_inquiry",
    "source": "SELECT reference FROM contacts_source WHERE sealed IS NOT NULL UNION SELECT reference FROM contacts_keptbook",
    "matching": "SELECT number::text AS reference FROM contacts_matchingkey WHERE state <> 'destroyed'",
    "request": (
        "SELECT reference FROM data_requests_datarequest WHERE words IS NOT NULL"
        " UNION SELECT reference FROM data_requests_plan WHERE subject IS NOT NULL"
    ),
    "package": "SELECT reference FROM data_requests_package WHERE made_at IS NOT NULL AND destroyed_at IS NULL",
    "arrival": "SELECT reference FROM data_requests_arrival WHERE false",  # sealed by day, and one alone where its day was over
}
#: kind of secret → who may have one, also while nothing lies under it yet
MAY_HAVE = NEEDED | {
    "linked": "SELECT reference FROM accounts_linkedaccount WHERE revoked_at IS NULL OR tell_at IS NOT NULL OR kept_for_hold",
    "source": "SELECT reference FROM contacts_source UNION SELECT reference FROM contacts_keptbook",
    "request": (
        "SELECT reference FROM data_requests_datarequest UNION SELECT reference FROM data_requests_plan WHERE subject IS NOT NULL"
        " UNION SELECT 'hook-' || provider FROM data_requests_erasurehook"
    ),
    "package": "SELECT reference FROM data_requests_package WHERE destroyed_at IS NULL",
    "arrival": (
        "SELECT reference FROM data_requests_arrival WHERE words IS NOT NULL"
        " UNION SELECT to_char(received_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') FROM data_requests_arrival"
    ),
}
#: secrets that belong to the whole house
ALWAYS = frozenset({"inquiry/senders", "matching/fixed", "request/known-by"})
KINDS = frozenset(NEEDED)


def check(house: House) -> Iterator[Finding]:
    """Rows against the keystore, both ways."""
    for kind, query in NEEDED.items():
        for row in house.rows(query):
            house.count("sealed rows")
            name = f"{kind}/{row.reference}"
            if name in house.secrets.gone:
                yield Finding(f"secret {name}", "It was destroyed, and something is still sealed under it.")
            elif name not in house.secrets.there:
                yield Finding(f"secret {name}", "It is missing, and something is sealed under it.")
    owners = {f"{kind}/{row.reference}" for kind, query in MAY_HAVE.items() for row in house.rows(query)}
    for name in sorted(house.secrets.there):
        if name.partition("/")[0] in KINDS and name not in owners | ALWAYS:
            yield Finding(f"secret {name}", "It belongs to nothing.")
    for name in sorted(ALWAYS & house.secrets.gone.keys()):
        yield Finding(f"secret {name}", "It was destroyed, and everybody's rests on it.")
