"""Repeats after a restore that people were erased from messages: the marks first, then the pseudonyms, by the marks alone.

What was deleted early is one line for many. Whoever a restored message names is looked up among the
marks, so no line has to say who it was. It must never open a message whose key is gone, nor change one that is sealed by now.
"""

from dataclasses import replace
from datetime import datetime

from apps.accounts.models import Organization
from apps.audit.journal_file import Line
from apps.audit.services import ledger
from apps.foundation.actors import SYSTEM
from apps.foundation.keys import KeyDestroyed, KeyMissing, keystore
from apps.retention import envelope
from apps.retention.models import Cohort, ErasedParticipant, Segment
from apps.retention.services import aside, replay
from apps.retention.services.people import erasing, finding, marks
from apps.retention.services.people.finding import Look


def participant_erased(line: Line, *, at: datetime) -> None:
    """The marks stand again; a client that the backup does not know has no messages in it."""
    organization = Organization.objects.select_for_update(no_key=True).filter(reference=line.about).first()
    digests = [bytes.fromhex(digest) for digest in line.body["digests"]]
    alias = bytes.fromhex(line.body["alias"])
    if organization is None or ErasedParticipant.objects.filter(organization=organization, alias=alias, answer=line.body["answer"]).count() == len(digests):
        return
    marks.write(organization, alias, digests, line.body["answer"], line.at)
    ledger.record("participant.erased", by=SYSTEM, about=line.about, at=at, facts={"hashes": len(digests), "answer": line.body["answer"]})


def messages_pseudonymised(line: Line, *, at: datetime) -> None:
    """Those of the messages that are back as they were get their pseudonyms again."""
    cohort = Cohort.objects.select_for_update(of=("self",)).select_related("organization").filter(reference=line.about).first()
    if cohort is None:
        return
    try:
        opener = envelope.for_cohort(keystore(), organization=cohort.organization.reference, expiry=cohort.expiry_on)
    except (KeyDestroyed, KeyMissing):
        return
    sealed = set(Segment.objects.filter(cohort=cohort, sealed_at__isnull=False).values_list("number", flat=True))
    found = []
    for _source_tag, row in finding.rows(Look(cohort, opener, []), line.body["messages"]):
        if row.segment not in sealed:
            salt, body = opener.open_raw(row.ciphertext, number=row.id, policy_version=row.policy_version)
            found.append(aside.Opened(row, salt, body, envelope.parsed(body)))
    by_source = {opened.message["source"] for opened in found}
    erased = {source: marks.marks_among(cohort.organization, source, _parties(found, source)) for source in by_source}
    back = [opened for opened in found if erased[opened.message["source"]].marks(opened.message["source"], _of(opened))]
    if not back:
        return
    erasing.replace_party(cohort, opener, back, lambda source, party, sealer: erased[source].veiled(source, party, sealer), at)
    ledger.record("messages.pseudonymised", by=SYSTEM, about=cohort.reference, at=at, facts={"messages": len(back), "reason": erasing.REASON})


def messages_deleted_early(line: Line, *, at: datetime) -> None:
    """Each of them, as a deletion of its own."""
    same = {"cohort": line.about, "organization": line.body["organization"], "day": line.body["day"], "reason": line.body["reason"]}
    for reference, tag, message in zip(line.body["deletions"], line.body["tags"], line.body["messages"], strict=True):
        replay.message_deleted_early(replace(line, about=reference, body=same | {"tag": tag, "message": message}), at=at)


def _of(opened: aside.Opened) -> tuple[dict, ...]:
    return (opened.message["sender"], *opened.message["recipients"])


def _parties(found: list[aside.Opened], source: str) -> list[dict]:
    return [party for opened in found if opened.message["source"] == source for party in _of(opened)]
