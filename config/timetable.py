"""When periodic work is rung, in UTC. In code and not in the database: who may edit a row must not stop a promise in silence.

Every task that is woken by the clock stands here (an architecture test compares). Missing a ring does no harm, the next
one finds the same rows; two beats do none either, rows are claimed.
"""

from celery.schedules import crontab

MINUTE = 60.0

TIMETABLE = {
    "a worker is alive": {"task": "audit.heartbeat", "schedule": MINUTE},
    "the journal owes nothing": {"task": "audit.write_owed_journal_entries", "schedule": MINUTE},
    "the ledger is sealed": {"task": "audit.seal_ledger", "schedule": 5 * MINUTE},
    "what was unlinked ends at the provider too": {"task": "accounts.end_linked", "schedule": 5 * MINUTE},
    "consents end with their time": {"task": "consents.expire_due", "schedule": 5 * MINUTE},
    "minors are represented or suspended": {"task": "accounts.look_after_minors", "schedule": crontab(minute=35)},
    "what people lent us is read again": {"task": "contacts.refresh_due", "schedule": MINUTE},
    "whose keys changed is matched": {"task": "contacts.match_changed", "schedule": MINUTE},
    "a rotation of the matching key goes on": {"task": "contacts.rotate_keys", "schedule": 5 * MINUTE},
    "what was lent and is over goes": {"task": "contacts.clear", "schedule": 5 * MINUTE},
    "mail leaves": {"task": "mail.send_due", "schedule": MINUTE},
    "what people ask by mail is read": {"task": "data_requests.read_mailbox", "schedule": MINUTE},
    "who cancelled, and minors to remove, become requests": {"task": "data_requests.take_from_below", "schedule": MINUTE},
    "what people write to us is read": {"task": "communications.read_mailbox", "schedule": MINUTE},
    "announcements and notices go on": {"task": "communications.send_circulars", "schedule": MINUTE},
    "old deliveries end": {"task": "communications.end_deliveries", "schedule": crontab(hour=3, minute=20)},
    "inquiries end": {"task": "communications.end_inquiries", "schedule": crontab(hour=3, minute=15)},
    "sent mail is emptied": {"task": "mail.empty_sent", "schedule": crontab(hour=3, minute=10)},
    "expired sessions are removed": {"task": "staff.clear_expired_sessions", "schedule": crontab(minute=20)},
    "leaves are made ahead": {"task": "retention.make_leaves", "schedule": crontab(minute=7)},
    "empty leaves of the past are dropped": {"task": "retention.drop_leaves", "schedule": crontab(hour=2, minute=50)},
    "cohorts are sealed, expire and are destroyed": {"task": "retention.sweep", "schedule": MINUTE},
    "what is owed leaves for its archive": {"task": "retention.archive", "schedule": MINUTE},
    "stored messages get the day that was approved": {"task": "retention.reschedule", "schedule": MINUTE},
    "the account of every cohort is counted anew": {"task": "retention.check_accounts", "schedule": crontab(hour=3, minute=40)},
    "who was erased long ago is known no more": {"task": "retention.forget_participants", "schedule": crontab(hour=3, minute=43)},
    "secrets of days that nobody used go": {"task": "retention.open_unused_days", "schedule": crontab(hour=3, minute=45)},
    "every file of the keystore is looked at": {"task": "retention.check_keystore", "schedule": crontab(hour=3, minute=50)},
    "who asked for an exception hears before it lapses": {"task": "gate.warn_of_lapses", "schedule": crontab(hour=5, minute=20)},
    "who got something on a consent that ended hears of it": {"task": "gate.pass_on_withdrawals", "schedule": 5 * MINUTE},
    "what left more than six years ago is forgotten": {"task": "gate.end_old", "schedule": crontab(hour=3, minute=55)},
    "what lapses at service providers is said ahead": {"task": "providers.look_after", "schedule": crontab(hour=3, minute=55)},
    "who asked for a link to their choices gets it": {"task": "consents.send_links", "schedule": MINUTE},
    "links and visits that ended are forgotten": {"task": "consents.forget_links", "schedule": crontab(minute=35)},
    "what came in becomes requests": {"task": "data_requests.take_arrivals", "schedule": MINUTE},
    "what the intake needs no more is forgotten": {"task": "data_requests.forget_intake", "schedule": crontab(minute=25)},
    "clients that decide on messages are reminded": {"task": "data_requests.ask_clients", "schedule": crontab(minute=15)},
    "records of data requests end": {"task": "data_requests.forget", "schedule": crontab(hour=3, minute=25)},
    "data requests go on": {"task": "data_requests.work", "schedule": MINUTE},
    "packages are offered, and end with their days": {"task": "data_requests.hand_over", "schedule": 5 * MINUTE},
    "promises are checked": {"task": "assurance.check_promises", "schedule": crontab(hour=4, minute=0)},
}
