"""Who is rung when a lower floor writes work for a higher one: kind of work row → task.

A lower floor writes its row and knows nobody above it; the ring goes out on commit, and a lost ring costs a minute at
most, because the sweep of the same task stands in the timetable.
"""

WAKEUPS: dict[str, str] = {
    "linked_accounts.due": "accounts.end_linked",
    "people.closed": "data_requests.take_from_below",
    "minors.removal": "data_requests.take_from_below",
    "consents.withdrawn": "gate.pass_on_withdrawals",
    "links.asked": "consents.send_links",
    "circulars.due": "communications.send_circulars",
    "policies.published": "communications.send_circulars",
    "contacts.due": "contacts.refresh_due",
    "contacts.changed": "contacts.match_changed",
    "contacts.rotating": "contacts.rotate_keys",
    "contacts.left": "contacts.clear",
    "mail.queued": "mail.send_due",
    "retention.due": "retention.sweep",
    "holds.changed": "retention.sweep",
    "archives.due": "retention.archive",
    "rescheduling.due": "retention.reschedule",
    "requests.due": "data_requests.work",
    "arrivals.due": "data_requests.take_arrivals",
    "journal.owed": "audit.write_owed_journal_entries",
}
