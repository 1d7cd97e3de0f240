"""What repeats each kind of entry of the journal after a restore: kind → handler, for `manage.py replay`.

The journal must never hold a kind that is not here (a test compares with the code): a replay would stop at it, before
anything is changed, and the service would stay closed. A handler runs in the transaction of its line; twice is once.
"""

from collections.abc import Callable, Mapping

from apps.accounts.services import linking
from apps.accounts.services import replay as minors
from apps.backups.services import repeating
from apps.backups.services.replaying import Handler
from apps.communications.services.circulars import replay as circulars
from apps.communications.services.inquiries import ending as inquiries
from apps.consents.services import replay as consents
from apps.contacts.services import lending
from apps.contacts.services import replay as contacts
from apps.data_requests.services import replay as erasures
from apps.gate.services import replay as gate
from apps.holds.services import replay as holds
from apps.providers.services import replay as providers
from apps.retention.services import replay as retention
from apps.retention.services.archives import replay as archives
from apps.retention.services.people import replay as messages_of_people

HANDLERS: Mapping[str, Handler] = {
    "ledger.sealed": repeating.seal_named,
    "backup.registered": repeating.backup_registered,
    "backup.destroyed": repeating.backup_destroyed,
    "restore.replayed": repeating.restore_replayed,
    "linked_account.revoked": linking.account_revoked,
    "person.suspended": minors.person_suspended,
    "person.resumed": minors.person_resumed,
    "person.closed": minors.person_closed,
    "person.erasing": erasures.person_erasing,
    "person.erased": erasures.person_erased,
    "representative.ended": minors.representative_ended,
    "consent.withdrawn": consents.consent_withdrawn,
    "consent.refused": consents.consent_refused,
    "contact_source.removed": lending.source_removed,
    "matching_key.destroyed": contacts.key_destroyed,
    "matter.opened": holds.matter_opened,
    "matter.closed": holds.matter_closed,
    "hold.placed": holds.hold_placed,
    "hold.released": holds.hold_released,
    "provider.suspended": providers.provider_suspended,
    "provider.ended": providers.provider_ended,
    "agreement.ended": providers.agreement_ended,
    "grant.withdrawn": providers.grant_withdrawn,
    "country_exception.withdrawn": gate.exception_withdrawn,
    "inquiry.erased": inquiries.inquiry_erased,
    "circular.started": circulars.circular_started,
    "message.deleted_early": retention.message_deleted_early,
    "participant.erased": messages_of_people.participant_erased,
    "messages.deleted_early": messages_of_people.messages_deleted_early,
    "messages.pseudonymised": messages_of_people.messages_pseudonymised,
    "destruction.intended": retention.destruction_intended,
    "destruction.done": retention.destruction_done,
    "rescheduling.approved": retention.rescheduling_approved,
    "archive.started_over": archives.archive_started_over,
    "archive.closed": archives.archive_closed,
}

#: called with at=… in the transaction of the last line
AFTERWARDS: tuple[Callable[..., None], ...] = (circulars.circulars_wait, retention.destructions_go_on, retention.time_went_on)
