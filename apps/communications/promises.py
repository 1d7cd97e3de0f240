"""How P09 is proven of inquiries, P13 of announcements and P26 of notices: by SQL on what is stored, closed, held, delivered and said.

It shares no code with the services: the life of an inquiry, what a hold keeps, and whose word an announcement goes on are written down
here a second time. What somebody allowed is read from the ledger of consents alone, never from what stands beside it.
"""

from datetime import datetime, timedelta

from django.conf import settings

from apps.foundation.promises import Check, Looked, Violation, fetch

MOST_FOUND = 1_000
#: the sweep is daily
GRACE = "interval '26 hours'"

#: whether a hold that counts at that moment keeps who wrote: one that names them, one on all of their organization, one on everybody
HELD = """
EXISTS (
    SELECT 1 FROM holds_hold h
    WHERE (h.state = 'active' OR h.kept_until > %s) AND h.conversation_id = ''
      AND (h.person_reference = p.reference
           OR (h.person_reference = '' AND (h.organization_id IS NULL OR h.organization_id = p.organization_id)))
)
"""


def none_is_older_than_its_life(at: datetime) -> Looked:
    """An inquiry past its end is erased within a day, unless a hold keeps it. One that nobody closes has no end, so its age is looked at."""
    months = settings.INQUIRY_KEEP_MONTHS
    ended = fetch(
        "SELECT i.reference FROM communications_inquiry i LEFT JOIN accounts_person p ON p.id = i.person_id"
        f" WHERE i.state IN ('closed', 'kept') AND i.ends_at + {GRACE} < %s AND NOT {HELD} ORDER BY i.id LIMIT %s",
        [at, at, MOST_FOUND],
    )  # fmt: skip
    forgotten = fetch(
        "SELECT reference FROM communications_inquiry WHERE state IN ('open', 'answered')"
        " AND greatest(opened_at, heard_at, answered_at) + make_interval(months => %s) < %s ORDER BY id LIMIT %s",
        [months, at, MOST_FOUND],
    )
    found = [Violation(reference, "It is past its life, no hold keeps it, and it is still here.") for (reference,) in ended]
    found += [Violation(reference, f"Nobody wrote for {months} months, and nobody closed it, so it has no end.") for (reference,) in forgotten]
    return Looked(_count(), tuple(found))


def none_is_closed_without_an_end(at: datetime) -> Looked:
    """What is closed says when it ends, and no later than the life after closing allows."""
    months = settings.INQUIRY_KEEP_MONTHS
    found = fetch(
        "SELECT reference, ends_at IS NULL OR closed_at IS NULL FROM communications_inquiry WHERE state IN ('closed', 'kept')"
        " AND (ends_at IS NULL OR closed_at IS NULL OR ends_at > closed_at + make_interval(months => %s) + interval '1 day')"
        " ORDER BY id LIMIT %s",
        [months, MOST_FOUND],
    )
    return Looked(_count(), tuple(
        Violation(reference, "It is closed, and nothing says when it ends." if endless else f"It ends later than {months} months after it was closed.")
        for reference, endless in found
    ))  # fmt: skip


def what_is_kept_is_kept_by_a_hold(at: datetime) -> Looked:
    """An inquiry that stands as kept for a hold has one; when the hold is over the daily sweep erases it."""
    found = fetch(
        "SELECT i.reference FROM communications_inquiry i LEFT JOIN accounts_person p ON p.id = i.person_id"
        f" WHERE i.state = 'kept' AND NOT {HELD} ORDER BY i.id LIMIT %s",
        [at - timedelta(hours=26), MOST_FOUND],
    )  # fmt: skip
    rows = fetch("SELECT count(*) FROM communications_inquiry WHERE state = 'kept'")[0][0]
    return Looked(rows, tuple(Violation(reference, "It is past its life, and no hold keeps it any more.") for (reference,) in found))


def every_mail_was_seen(at: datetime) -> Looked:
    """A mail that could not be read waits for somebody to look before it goes from the mailbox."""
    days = settings.INQUIRY_REFUSED_DAYS
    found = fetch(
        "SELECT id FROM communications_receivedmail WHERE outcome = 'refused' AND looked_at IS NULL"
        " AND received_at + make_interval(days => %s) - interval '7 days' < %s ORDER BY id LIMIT %s",
        [days, at, MOST_FOUND],
    )
    rows = fetch("SELECT count(*) FROM communications_receivedmail")[0][0]
    return Looked(rows, tuple(
        Violation(f"mail {number}", f"It could not be read, goes from the mailbox {days} days after it came, and nobody has looked.") for (number,) in found
    ))  # fmt: skip


#: what the last thing said until that moment was: a consent whose end had not come
ALLOWED = """
EXISTS (
    SELECT 1 FROM (
        SELECT e.act, e.until FROM consents_consentevent e WHERE e.person_id = d.person_id AND e.purpose_id = c.purpose_id AND e.at <= {moment}
        ORDER BY e.at DESC, e.id DESC LIMIT 1
    ) said WHERE said.act = 'given' AND (said.until IS NULL OR said.until > {moment})
)
"""


def nobody_got_news_without_a_consent(at: datetime) -> Looked:
    """Each announcement that was handed over, or that a mail server took, had the consent of its reader at that moment, by the ledger."""
    found = fetch(
        "SELECT c.reference, p.reference, m.sent_at IS NOT NULL FROM communications_delivery d"
        " JOIN communications_circular c ON c.id = d.circular_id JOIN accounts_person p ON p.id = d.person_id"
        " LEFT JOIN mail_outgoingmail m ON m.id = d.mail_id"
        " WHERE c.kind <> 'policy' AND (d.handed_at IS NOT NULL OR m.sent_at IS NOT NULL)"
        f" AND (c.purpose_id IS NULL OR NOT {ALLOWED.format(moment='coalesce(d.handed_at, m.sent_at)')}"
        f"      OR (m.sent_at IS NOT NULL AND m.sent_at > d.handed_at AND NOT {ALLOWED.format(moment='m.sent_at')}))"
        " ORDER BY d.id LIMIT %s",
        [MOST_FOUND],
    )  # fmt: skip
    return Looked(_deliveries(), tuple(
        Violation(f"{circular} to {person}", f"It was {'sent' if sent else 'handed over'} while no consent of theirs stood.")
        for circular, person, sent in found
    ))  # fmt: skip


def each_consent_is_for_its_channel(at: datetime) -> Looked:
    """Each announcement asks for the consent to its own channel, and each of its deliveries rests on that one."""
    found = fetch(
        "SELECT DISTINCT c.reference FROM communications_circular c LEFT JOIN consents_consentpurpose p ON p.code = c.purpose_id"
        " LEFT JOIN communications_delivery d ON d.circular_id = c.id AND d.purpose_id IS DISTINCT FROM c.purpose_id"
        " WHERE c.kind <> 'policy' AND (p.code IS NULL OR p.kind <> 'announcements' OR p.channel <> c.channel OR d.id IS NOT NULL)"
        " ORDER BY c.reference LIMIT %s",
        [MOST_FOUND],
    )
    rows = fetch("SELECT count(*) FROM communications_circular WHERE kind <> 'policy'")[0][0]
    return Looked(rows, tuple(Violation(reference, "It rests on another consent than the one to its channel.") for (reference,) in found))


def nobody_got_it_twice(at: datetime) -> Looked:
    """No person has two deliveries of one circular, none has two mails that left."""
    found = fetch(
        "SELECT c.reference, p.reference FROM communications_delivery d JOIN communications_circular c ON c.id = d.circular_id"
        " JOIN accounts_person p ON p.id = d.person_id"
        " GROUP BY c.reference, p.reference HAVING count(*) > 1 ORDER BY 1, 2 LIMIT %s",
        [MOST_FOUND],
    )
    mails = fetch(
        "SELECT m.about, 'delivery ' || split_part(m.once_key, '-', 2) FROM mail_outgoingmail m"
        " WHERE m.is_bulk AND m.once_key LIKE 'circular-%%' AND m.state = 'sent'"
        " GROUP BY m.about, split_part(m.once_key, '-', 2) HAVING count(*) > 1 ORDER BY 1, 2 LIMIT %s",
        [MOST_FOUND],
    )
    return Looked(_deliveries(), tuple(Violation(f"{circular} to {whom}", "They got it twice.") for circular, whom in [*found, *mails]))


def every_announcement_went_on_the_word_of_two(at: datetime) -> Looked:
    """Whatever went out was approved by somebody else than who asked, in exactly the words it has, before it began."""
    found = fetch(
        "SELECT c.reference FROM communications_circular c WHERE c.kind <> 'policy'"
        " AND (c.started_at IS NOT NULL OR EXISTS (SELECT 1 FROM communications_delivery d WHERE d.circular_id = c.id))"
        " AND (c.approved_by = '' OR c.approved_by = c.asked_by OR c.approved_at IS NULL OR c.approved_at > c.started_at OR NOT EXISTS ("
        "  SELECT 1 FROM staff_approval a WHERE a.act = 'communications.approve_announcement' AND a.subject = c.reference"
        "  AND a.verdict = 'approved' AND a.decided_by_id IS NOT NULL AND a.decided_by_id <> a.asked_by_id"
        "  AND a.digest = c.digest AND a.digest = sha256(convert_to("
        "   '[' || concat_ws(',', to_json(c.reference::text), to_json(c.kind::text), to_json(c.channel::text), to_json(c.purpose_id::text),"
        "   to_json(c.subject::text), to_json(c.words)) || ']', 'UTF8'))))"
        " ORDER BY c.id LIMIT %s",
        [MOST_FOUND],
    )
    rows = fetch("SELECT count(*) FROM communications_circular WHERE kind <> 'policy' AND started_at IS NOT NULL")[0][0]
    return Looked(rows, tuple(Violation(reference, "It went out without a second person's approval of these words.") for (reference,) in found))


def everybody_hears_of_a_new_policy(at: datetime) -> Looked:
    """Three days after a version came into force its notice is complete, and each active person from before has a delivery of it."""
    versions = fetch(
        "SELECT v.number, c.id, coalesce(c.state, ''), v.published_at FROM policies_policyversion v"
        " LEFT JOIN communications_circular c ON c.about_version_id = v.id"
        " WHERE v.state = 'published' AND v.number > (SELECT min(number) FROM policies_policyversion WHERE state = 'published')"
        " AND v.published_at < %s AND v.published_at > %s"
        " AND NOT EXISTS (SELECT 1 FROM policies_policyversion n WHERE n.state = 'published' AND n.published_at > v.published_at"
        "  AND n.published_at < v.published_at + interval '3 days')"
        " ORDER BY v.number",
        [at - timedelta(days=3), at - timedelta(days=settings.POLICY_NOTICE_WITHIN_DAYS)],
    )
    found, people = [], 0
    for number, circular, state, published_at in versions:
        if circular is None or state != "sent":
            found.append(Violation(f"version {number} of the policy", "Three days after its publication not everybody was told."))
            continue
        missed = fetch(
            "SELECT p.reference FROM accounts_person p WHERE p.standing = 'active' AND p.registered_at < %s"
            " AND NOT EXISTS (SELECT 1 FROM communications_delivery d WHERE d.circular_id = %s AND d.person_id = p.id)"
            " AND NOT EXISTS (SELECT 1 FROM accounts_historicalperson h WHERE h.id = p.id AND h.standing <> 'active')"
            " ORDER BY p.id LIMIT %s",
            [published_at, circular, MOST_FOUND],
        )
        people += fetch("SELECT count(*) FROM communications_delivery WHERE circular_id = %s", [circular])[0][0]
        found += [Violation(reference, f"They were not told of version {number} of the policy.") for (reference,) in missed]
    return Looked(people or len(versions), tuple(found))


def _deliveries() -> int:
    return fetch("SELECT count(*) FROM communications_delivery")[0][0]


def _count() -> int:
    return fetch("SELECT count(*) FROM communications_inquiry")[0][0]


CHECKS = (
    Check("P09", "inquiries_end", "No inquiry is older than its life", none_is_older_than_its_life),
    Check("P09", "closed_inquiries_have_an_end", "Every closed inquiry has its end", none_is_closed_without_an_end),
    Check("P09", "inquiries_kept_by_holds", "What is kept past its life is kept by a hold", what_is_kept_is_kept_by_a_hold),
    Check("P09", "refused_mail_is_looked_at", "Mail that could not be read was looked at", every_mail_was_seen),
    Check("P13", "news_with_consent", "Nobody got an announcement without a consent at that moment", nobody_got_news_without_a_consent),
    Check("P13", "consent_for_the_channel", "Each announcement rests on the consent to its channel", each_consent_is_for_its_channel),
    Check("P13", "news_once", "Nobody got an announcement or a notice twice", nobody_got_it_twice),
    Check("P13", "news_approved", "Every announcement went on the word of two people", every_announcement_went_on_the_word_of_two),
    Check("P26", "people_are_told", "Everybody hears of a new version of the policy", everybody_hears_of_a_new_policy),
)
