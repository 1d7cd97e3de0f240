"""What the first page's panels are filled with: my work, what is late or blocked, what is due, what was done, the promises.

Each is a handful of bounded queries. It must never show personal data: references, days and counts only.
"""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Sum
from django.http import HttpRequest
from django.urls import reverse

from apps.accounts.models import MinorCase, Representative
from apps.accounts.services import days
from apps.assurance.models import Finding, Promise
from apps.audit.services import journal
from apps.communications.models import Announcement, Inquiry, ReceivedMail
from apps.consents.models import SignalSwitch
from apps.data_requests.models import Arrival, DataRequest
from apps.data_requests.states import ArrivalState
from apps.foundation.charts import Series, day_columns
from apps.foundation.clock import day_of
from apps.gate.models import CountryException, WithdrawalNotice
from apps.holds.models import Hold
from apps.providers.models import Agreement, Grant, Provider, SubProcessor
from apps.providers.services import warning
from apps.retention.models import (
    Alarm,
    ArchiveReading,
    ArchiveTarget,
    AsideBundle,
    AsideMessage,
    BatchShare,
    Certificate,
    ClockDoubt,
    Cohort,
    Destruction,
    EarlyDeletion,
    PersonRule,
    Rescheduling,
    RetentionRule,
    Review,
)
from apps.retention.states import READABLE, AsideGround, CohortState, ReviewState
from apps.staff.models import Approval, StaffMember

SHOWN = 6
DAYS_BACK, DAYS_AHEAD = 14, 45

#: why messages stepped aside, as the panel says it
BECAUSE = {
    AsideGround.HOLD: "kept by a legal hold",
    AsideGround.ARCHIVE: "owed to an archive that does not have it",
    AsideGround.REVIEW: "waits for its review",
}

#: act → the admin page of what is to be decided, by its reference
WHERE = {
    "retention.approve_retentionrule": ("admin:retention_retentionrule_changelist", "a rule of life"),
    "retention.approve_personrule": ("admin:retention_personrule_changelist", "a client's rule for people"),
    "policies.publish_policyversion": ("admin:policies_policyversion_changelist", "a version of the policy"),
    "holds.release_hold": ("admin:holds_hold_changelist", "the release of a hold"),
    "retention.approve_archivetarget": ("admin:retention_archivetarget_changelist", "a place for archives, or their end"),
    "retention.approve_archivereading": ("admin:retention_archivereading_changelist", "the reading of an archive"),
    "retention.approve_rescheduling": ("admin:retention_rescheduling_changelist", "a rescheduling"),
    "consents.approve_signalswitch": ("admin:consents_signalswitch_changelist", "a switch for browser signals"),
    "consents.publish_purposetext": ("admin:consents_purposetext_changelist", "a text of a consent's purpose"),
    "communications.approve_announcement": ("admin:communications_announcement_changelist", "an announcement"),
    "data_requests.approve_datarequest": ("admin:data_requests_datarequest_changelist", "what a data request erases or hands over"),
    "gate.approve_countryexception": ("admin:gate_countryexception_changelist", "an exception for a country"),
    "accounts.approve_representative": ("admin:accounts_representative_changelist", "a representative of a minor"),
    "providers.approve_provider": ("admin:providers_provider_changelist", "the activation of a service provider"),
    "providers.approve_agreement": ("admin:providers_agreement_changelist", "an agreement with a service provider"),
    "providers.approve_grant": ("admin:providers_grant_changelist", "what a service provider may use"),
    "providers.approve_subprocessor": ("admin:providers_subprocessor_changelist", "a change of a provider's chain"),
}

#: act → what its subject is a reference of, and the page of one
SUBJECTS = {
    "retention.approve_retentionrule": (RetentionRule, "admin:retention_retentionrule_change"),
    "retention.approve_personrule": (PersonRule, "admin:retention_personrule_change"),
    "holds.release_hold": (Hold, "admin:holds_hold_change"),
    "retention.approve_archivetarget": (ArchiveTarget, "admin:retention_archivetarget_change"),
    "retention.approve_archivereading": (ArchiveReading, "admin:retention_archivereading_change"),
    "retention.approve_rescheduling": (Rescheduling, "admin:retention_rescheduling_change"),
    "consents.approve_signalswitch": (SignalSwitch, "admin:consents_signalswitch_change"),
    "communications.approve_announcement": (Announcement, "admin:communications_announcement_change"),
    "data_requests.approve_datarequest": (DataRequest, "admin:data_requests_datarequest_change"),
    "gate.approve_countryexception": (CountryException, "admin:gate_countryexception_change"),
    "accounts.approve_representative": (Representative, "admin:accounts_representative_change"),
    "providers.approve_provider": (Provider, "admin:providers_provider_change"),
    "providers.approve_agreement": (Agreement, "admin:providers_agreement_change"),
    "providers.approve_grant": (Grant, "admin:providers_grant_change"),
    "providers.approve_subprocessor": (SubProcessor, "admin:providers_subprocessor_change"),
}


def my_work(request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What waits for this person: decisions, doubts, parked work, open findings."""
    member = request.user
    waiting = Approval.objects.waiting_for(member).order_by("asked_at")
    items = [_decision(approval) for approval in waiting[:SHOWN]]
    if member.has_perm("retention.confirm_clock") and (doubts := ClockDoubt.objects.filter(confirmed_at=None).count()):
        items.append(_item("Confirm the clock", "nothing is destroyed until then", "admin:retention_clockdoubt_changelist", doubts))
    if member.has_perm("retention.retry_destruction") and (parked := Destruction.objects.exclude(parked_at=None).count()):
        items.append(_item("Look at parked destructions", "they failed five times", "admin:retention_destruction_changelist", parked))
    if member.has_perm("retention.decide_review") and (waiting_reviews := Review.objects.filter(state=ReviewState.WAITING).count()):
        page = "admin:retention_review_changelist"
        items.append(_item("Review what ends", "without a yes it steps aside on its day", page, waiting_reviews, "?state__exact=waiting"))
    items += _requests(member, at)
    items += _inquiries(member, at)
    items += _minors(member, at)
    items += _withdrawals(member, at)
    items += _providers(member, at) if member.has_perm("providers.view_provider") else []
    if member.has_perm("assurance.view_finding") and (found := Finding.objects.filter(gone_at=None).count()):
        items.append(_item("Findings on the promise board", "each names what breaks a promise", "admin:assurance_finding_changelist", found))
    asked = Approval.objects.waiting().asked_by(member).count()
    return {"items": items, "asked": asked, "more": max(0, waiting.count() - SHOWN)}


def _requests(member: StaffMember, at: datetime) -> list[dict[str, Any]]:
    """Data requests that are late, or in this member's hands, or nobody's; and what came in and could not be read."""
    if not member.has_perm("data_requests.work_datarequest"):
        return []
    items, own = [], DataRequest.objects.in_progress().filter(owner__in=("", str(member.actor)))
    if late := DataRequest.objects.late(at).count():
        page = "admin:data_requests_datarequest_changelist"
        items.append(_item("Data requests past their day", "answer them, or extend with a reason", page, late, "?day=late"))
    if count := own.count():
        first = own.filter(due_at__isnull=False).first()
        note = f"first {first}, due {first.due_at:%Y-%m-%d}" if first else "yours and nobody's"
        items.append(_item("Work on data requests", note, "admin:data_requests_inbox", count))
    if unread := Arrival.objects.filter(state=ArrivalState.UNREADABLE).count():
        items.append(_item("Look at requests that could not be read", "somebody asked something", "admin:data_requests_inbox", unread))
    return items


def _inquiries(member: StaffMember, at: datetime) -> list[dict[str, Any]]:
    """What people wrote and nobody else has taken, and mail that could not be read."""
    items = []
    mine = Inquiry.objects.waiting().filter(owner__in=("", str(member.actor)))
    if member.has_perm("communications.answer_inquiry") and (count := mine.count()):
        oldest = (at - mine.first().heard_at).days
        note = f"one has waited for {oldest} days" if oldest > 1 else "the oldest came lately"
        items.append(_item("Answer inquiries", note, "admin:communications_inquiry_changelist", count, "?waiting=any"))
    if member.has_perm("communications.settle_receivedmail") and (unread := ReceivedMail.objects.unread_by_us().count()):
        note = "they go from the mailbox after some days"
        items.append(_item("Look at mail that could not be read", note, "admin:communications_receivedmail_changelist", unread, "?outcome__exact=refused"))
    return items


def _minors(member: StaffMember, at: datetime) -> list[dict[str, Any]]:
    """Open cases about minors, and representations that end soon, for who registers representatives or closes cases."""
    items = []
    open_cases = MinorCase.objects.open()
    if (member.has_perm("accounts.add_representative") or member.has_perm("accounts.close_minorcase")) and (count := open_cases.count()):
        first = open_cases.order_by("due_at", "pk").first()
        note = f"first {first}, {'due by' if first.due_at > at else 'past'} {first.due_at:%Y-%m-%d}; suspended until it is closed"
        items.append(_item("Minors without a representative", note, "admin:accounts_minorcase_changelist", count, "?state__exact=open"))
    if member.has_perm("accounts.add_representative") and (ending := list(days.ending(at=at))):
        note = f"first {ending[0]} on {ending[0].valid_until:%Y-%m-%d}; on its day the person is suspended"
        items.append(_item("Representations that end", note, "admin:accounts_representative_changelist", len(ending), "?in_force=soon"))
    return items


def _withdrawals(member: StaffMember, at: datetime) -> list[dict[str, Any]]:
    """What recipients have not confirmed yet to have erased after a consent ended."""
    if not member.has_perm("gate.confirm_withdrawalnotice"):
        return []
    count = WithdrawalNotice.objects.open().count()
    if not count:
        return []
    late = WithdrawalNotice.objects.overdue(at).count()
    note = f"{late:,} of them overdue" if late else "they were told, and are reminded every week"
    return [_item("Get erasures after withdrawals confirmed", note, "admin:gate_withdrawalnotice_changelist", count, "?due=open")]


def _providers(member: StaffMember, at: datetime) -> list[dict[str, Any]]:
    """What ends at service providers that this member owns or decides on, and whose data is still owed."""
    items = []
    if endings := warning.at_hand(member=member, at=at):
        first = endings[0]
        note = f"first {first.about} of {first.provider} on {first.on.isoformat()}; on its day the gate closes"
        items.append(_item("What ends at service providers", note, "admin:providers_provider_changelist", len(endings)))
    if member.has_perm("providers.change_provider") and (owing := Provider.objects.owing_data().count()):
        note = "returned or destroyed, with evidence"
        items.append(_item("Get the end of their data confirmed", note, "admin:providers_provider_changelist", owing, "?needs=data"))
    return items


def _decision(approval: Approval) -> dict[str, Any]:
    page, what = WHERE.get(approval.act, ("admin:staff_approval_changelist", "a request"))
    url = reverse(page)
    if approval.act in SUBJECTS:
        model, one = SUBJECTS[approval.act]
        pk = model.objects.filter(reference=approval.subject).values_list("pk", flat=True).first()
        url = reverse(one, args=[pk]) if pk else url
    return {"text": f"Decide on {what}", "note": f"{approval.subject}, asked {approval.asked_at:%Y-%m-%d}", "url": url, "count": None}


def _item(text: str, note: str, page: str, count: int, query: str = "") -> dict[str, Any]:
    return {"text": text, "note": note, "url": reverse(page) + query, "count": count}


def late_and_blocked(_request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What is past its day and still there, with the reason and the age of the oldest."""
    today = day_of(at)
    standing = list(Cohort.objects.expired_not_destroyed()[:500])
    parked = set(Destruction.objects.exclude(parked_at=None).values_list("day", flat=True))
    groups: dict[str, list[Cohort]] = defaultdict(list)
    for bundle in AsideBundle.objects.filter(destroyed_at=None).select_related("cohort")[:500]:
        groups[BECAUSE[bundle.ground]].append(bundle.cohort)
    for cohort in standing:
        if cohort.aside_at:
            continue
        if cohort.expiry_on in parked:
            groups["parked after five attempts"].append(cohort)
        elif cohort.expiry_on < today - timedelta(days=1):
            groups["late: over a day past its end"].append(cohort)
    rows = [
        {"reason": reason, "cohorts": len(cohorts), "oldest": min(c.expiry_on for c in cohorts),
         "age": (today - min(c.expiry_on for c in cohorts)).days, "late": reason not in BECAUSE.values()}
        for reason, cohorts in groups.items()
    ]  # fmt: skip
    status = journal.status()
    return {
        "rows": rows,
        "alarms": _alarms(),
        "aside": AsideMessage.objects.count() if rows else 0,
        "journal": None if status.in_step else {"problem": status.problem, "mend": status.mend},
        "url": reverse("admin:retention_cohort_changelist") + "?state__exact=expired",
    }


def _alarms() -> list[dict[str, Any]]:
    """Alarms that stand, by kind: how many, since when, and the references of the oldest."""
    kinds: dict[str, list[Alarm]] = defaultdict(list)
    for alarm in Alarm.objects.filter(ended_at=None).order_by("raised_at", "id")[:500]:
        kinds[alarm.get_kind_display()].append(alarm)
    return [
        {"what": what, "count": len(found), "since": found[0].raised_at, "named": [alarm.about for alarm in found[:3]]}
        for what, found in sorted(kinds.items())
    ]


def due(_request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What ends in the coming week, by day."""
    today = day_of(at)
    cohorts = Cohort.objects.filter(state__in=READABLE, expiry_on__gt=today, expiry_on__lte=today + timedelta(days=7))
    rows = (
        cohorts.values("expiry_on")
        .annotate(cohorts=Count("id", distinct=True), messages=Sum("shares__messages"))
        .order_by("expiry_on")
    )
    return {"rows": list(rows), "url": reverse("admin:retention_cohort_changelist") + "?state__exact=sealed"}


def done(_request: HttpRequest, _at: datetime) -> dict[str, Any]:
    """The last certificates."""
    rows = Certificate.objects.select_related("cohort__organization")[:SHOWN]
    return {
        "rows": [
            {"number": row.number, "url": reverse("admin:retention_certificate_change", args=[row.pk]), "messages": row.messages,
             "organization": row.cohort.organization.reference, "day": row.cohort.expiry_on, "at": row.issued_at}
            for row in rows
        ],
        "url": reverse("admin:retention_certificate_changelist"),
    }  # fmt: skip


def chart(_request: HttpRequest, at: datetime) -> dict[str, Any]:
    """What is stored, hidden or destroyed, by the day its life ends."""
    today = day_of(at)
    first, last = today - timedelta(days=DAYS_BACK), today + timedelta(days=DAYS_AHEAD)
    window = {"cohort__expiry_on__gte": first, "cohort__expiry_on__lte": last}
    counts: dict[str, Counter[date]] = {"stored": Counter(), "hidden": Counter(), "destroyed": Counter()}
    for state, day, messages in (
        BatchShare.objects.filter(**window).values_list("cohort__state", "cohort__expiry_on").annotate(n=Sum("messages"))
    ):
        counts[_layer(state)][day] += messages
    for state, day, deleted in (
        EarlyDeletion.objects.filter(**window).values_list("cohort__state", "cohort__expiry_on").annotate(n=Count("id"))
    ):
        counts[_layer(state)][day] -= deleted
    series = [
        Series("stored", "stored", counts["stored"]),
        Series("hidden, not yet destroyed", "hidden", counts["hidden"]),
        Series("destroyed", "destroyed", counts["destroyed"]),
    ]
    return {
        "chart": day_columns(
            series, title="Messages by the day their life ends", first=first, last=last, today=today,
            empty="No messages end in these days. They appear here as soon as a service hands them over.",
        )
    }  # fmt: skip


def _layer(state: str) -> str:
    if state in READABLE:
        return "stored"
    return "destroyed" if state == CohortState.DESTROYED else "hidden"


def promises(_request: HttpRequest, _at: datetime) -> dict[str, Any]:
    """How many promises stand how, and the broken ones by name."""
    rows = list(Promise.objects.all())
    counts = Counter(row.get_state_display().lower() for row in rows)
    return {
        "counts": sorted(counts.items()),
        "broken": [row for row in rows if row.state == "broken"],
        "checked_at": max((row.checked_at for row in rows if row.checked_at), default=None),
        "url": reverse("admin:assurance_promise_changelist"),
    }
