"""The roles, as one table of permissions. There is no other source of rights: no groups, no superuser.

A permission is `app.codename`: Django's view/add/change of a model, or the name of an act. Read a column to know what
a role may do; each act is tested as refused for every role whose set lacks it.
"""

from django.db.models import TextChoices


class Role(TextChoices):
    COMPLIANCE_OFFICER = "compliance_officer", "compliance officer"
    RECORDS_MANAGER = "records_manager", "records manager"
    PRIVACY_ANALYST = "privacy_analyst", "privacy analyst"
    COUNSEL = "counsel", "counsel"
    AUDITOR = "auditor", "auditor"
    ADMINISTRATOR = "administrator", "administrator"


#: what everybody who signs in may look at
EVERYBODY = frozenset({
    "accounts.view_organization",
    "policies.view_policyversion", "policies.view_clause",
    "consents.view_consentpurpose", "consents.view_purposetext",
    "retention.view_cohort", "retention.view_retentionrule", "retention.view_personrule",
    "retention.view_certificate", "retention.view_conversationclass",
    "assurance.view_promise", "assurance.view_finding",
    "staff.view_approval",
})  # fmt: skip

#: looking at people; their fields stay masked without accounts.reveal_person
PEOPLE = frozenset({
    "accounts.view_person", "accounts.view_personemail", "accounts.view_personphone", "accounts.view_externalidentity",
    "accounts.view_policyacceptance",
    "accounts.view_linkedaccount", "accounts.view_representative", "accounts.view_minorcase",
})  # fmt: skip

#: what people allowed, refused and took back
CONSENTS = frozenset({
    "consents.view_consentevent", "consents.view_standing", "consents.view_consenterasure", "consents.receipt_consentevent",
    "consents.view_signalswitch", "consents.view_seensignal",
})  # fmt: skip

#: matters and what they keep from destruction
HOLDS = frozenset({"holds.view_matter", "holds.view_hold", "retention.view_matterexport"})

#: the working of the machine: ledger, journal, imports, destructions, outbox
WORKINGS = frozenset({
    "audit.view_event", "audit.view_journalentry", "audit.view_ledgerseal",
    "retention.view_batch", "retention.view_destruction", "retention.view_earlydeletion", "retention.view_clockdoubt",
    "retention.view_asidebundle", "retention.view_review", "retention.view_reviewasked", "retention.view_rescheduling",
    "mail.view_outgoingmail",
})  # fmt: skip

#: places for archives, the archives, and who read them back
ARCHIVES = frozenset({"retention.view_archivetarget", "retention.view_archive", "retention.view_archivereading"})

#: who processes for us, on what terms
PROVIDERS = frozenset({
    "providers.view_provider", "providers.view_agreement", "providers.view_securityreview", "providers.view_grant",
    "providers.view_subprocessor", "providers.view_chainnotice", "providers.view_registerimport",
})  # fmt: skip

#: what people lent us, what of it could not be read, and the keys under which it matches
CONTACTS = frozenset({
    "contacts.view_source", "contacts.view_refusedfile", "contacts.view_keptbook", "contacts.view_matchingkey",
})  # fmt: skip

#: what left and on what ground, what was refused, and the exceptions for countries
GATE = frozenset({
    "gate.view_disclosure", "gate.view_gaterefusal", "gate.view_permit", "gate.view_crossing", "gate.view_countryexception",
    "gate.view_withdrawalnotice",
})  # fmt: skip

#: what people write to us; its words stay masked without communications.reveal_inquiry
INQUIRIES = frozenset({"communications.view_inquiry", "communications.view_receivedmail", "communications.view_mailbox"})

#: who reads and answers what people write to us
ANSWERING = INQUIRIES | {
    "communications.reveal_inquiry", "communications.work_inquiry", "communications.answer_inquiry", "communications.open_minor_case",
    "communications.settle_receivedmail",
}  # fmt: skip

#: what goes to many people, and to whom it went
CIRCULARS = frozenset({"communications.view_announcement", "communications.view_notice", "communications.view_delivery"})

#: what is to be done for a data request, step by step, what was left of an erasure, and which providers are to erase
ERASURES = frozenset({
    "data_requests.view_plan", "data_requests.view_step", "data_requests.view_attempt", "data_requests.view_remainder",
    "data_requests.view_erasurenotice", "data_requests.view_erasurehook",
})  # fmt: skip

#: what people asked about their data, with clocks, letters and their templates; what was asked stays masked without data_requests.reveal_datarequest
REQUESTS = ERASURES | {
    "data_requests.view_datarequest", "data_requests.view_clock", "data_requests.view_letter", "data_requests.view_lettertemplate",
    "data_requests.view_clientquestion", "data_requests.view_arrival", "data_requests.view_package",
    "data_requests.view_scan", "data_requests.view_evidence",
}  # fmt: skip

#: who takes requests in, works on them and writes letters
REQUESTING = REQUESTS | {
    "data_requests.see_person_page",
    "data_requests.add_datarequest", "data_requests.reveal_datarequest", "data_requests.work_datarequest", "data_requests.write_lettertemplate",
    "data_requests.answer_clientquestion",
}  # fmt: skip

#: backups, restores and drills
BACKUPS = frozenset({"backups.view_backup", "backups.view_restore", "backups.view_drill"})

PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.COMPLIANCE_OFFICER: EVERYBODY | PEOPLE | CONSENTS | CONTACTS | WORKINGS | HOLDS | BACKUPS | ARCHIVES | PROVIDERS | GATE | ANSWERING | CIRCULARS
    | REQUESTING | {
        "data_requests.work_datarequest", "data_requests.approve_datarequest",
        "data_requests.acknowledge_erasurenotice", "data_requests.add_erasurehook", "data_requests.change_erasurehook",
        "communications.approve_announcement", "communications.control_announcement",
        "contacts.retry_source", "contacts.finish_refusedfile", "contacts.rotate_matchingkey",
        "consents.publish_purposetext", "consents.close_consentpurpose", "consents.withdraw_standing",
        "consents.approve_signalswitch",
        "gate.approve_countryexception", "gate.withdraw_countryexception", "gate.confirm_withdrawalnotice",
        "providers.approve_provider", "providers.suspend_provider", "providers.approve_agreement", "providers.end_agreement",
        "providers.add_securityreview", "providers.approve_grant", "providers.withdraw_grant", "providers.approve_subprocessor",
        "providers.object_chainnotice", "providers.reveal_provider", "providers.export_register",
        "retention.approve_archivetarget", "retention.approve_archivereading",
        "holds.release_hold", "holds.reveal_hold", "retention.approve_matterexport",
        "accounts.reveal_person", "accounts.close_person", "accounts.reveal_linkedaccount", "accounts.revoke_linkedaccount", "accounts.view_servicetoken",
        "accounts.approve_representative", "accounts.end_representative", "accounts.reveal_representative",
        "accounts.open_minorcase", "accounts.close_minorcase", "accounts.remove_minorcase",
        "policies.add_policyversion", "policies.change_policyversion",
        "policies.add_clause", "policies.change_clause", "policies.delete_clause",
        "policies.publish_policyversion",
        "retention.approve_retentionrule", "retention.approve_personrule", "retention.confirm_clock", "retention.retry_destruction",
        "retention.approve_rescheduling",
        "assurance.run_promises",
        "audit.export_event",
    },
    Role.RECORDS_MANAGER: EVERYBODY | WORKINGS | HOLDS | BACKUPS | ARCHIVES | PROVIDERS | GATE | CIRCULARS | {
        "gate.add_countryexception",
        "retention.add_archivetarget", "retention.add_archivereading",
        "accounts.add_organization", "accounts.change_organization",
        "retention.add_retentionrule", "retention.add_conversationclass", "retention.change_conversationclass",
        "retention.approve_retentionrule", "retention.sweep_now", "retention.retry_destruction", "retention.add_personrule",
        "retention.delete_early", "retention.import_messages",
        "retention.add_reviewasked", "retention.end_reviewasked", "retention.decide_review", "retention.add_rescheduling",
        "mail.retry_outgoingmail",
        "assurance.run_promises",
    },
    Role.PRIVACY_ANALYST: EVERYBODY | PEOPLE | CONSENTS | CONTACTS | ARCHIVES | PROVIDERS | GATE | ANSWERING | CIRCULARS | REQUESTING | {
        "data_requests.work_datarequest", "data_requests.acknowledge_erasurenotice",
        "communications.add_announcement", "communications.change_announcement", "communications.control_announcement",
        "contacts.retry_source", "contacts.finish_refusedfile",
        "consents.add_consentpurpose", "consents.change_purposetext", "consents.withdraw_standing", "consents.add_signalswitch",
        "gate.add_countryexception", "gate.withdraw_countryexception", "gate.confirm_withdrawalnotice",
        "providers.add_provider", "providers.change_provider", "providers.suspend_provider", "providers.add_agreement", "providers.change_agreement",
        "providers.add_securityreview", "providers.add_grant", "providers.withdraw_grant", "providers.add_subprocessor",
        "providers.change_subprocessor", "providers.object_chainnotice", "providers.add_registerimport", "providers.reveal_provider",
        "providers.export_register",
        "retention.add_archivereading", "retention.add_personrule",
        "accounts.add_person", "accounts.change_person", "accounts.close_person",
        "accounts.reveal_person", "accounts.reveal_linkedaccount", "accounts.revoke_linkedaccount",
        "accounts.add_representative", "accounts.end_representative", "accounts.reveal_representative", "accounts.open_minorcase",
        "accounts.add_personemail", "accounts.change_personemail", "accounts.delete_personemail",
        "accounts.add_personphone", "accounts.change_personphone", "accounts.delete_personphone",
        "accounts.add_externalidentity", "accounts.change_externalidentity", "accounts.delete_externalidentity",
        "assurance.run_promises",
    },
    Role.COUNSEL: EVERYBODY | PEOPLE | CONSENTS | CONTACTS | WORKINGS | HOLDS | ARCHIVES | PROVIDERS | GATE | ANSWERING | CIRCULARS | REQUESTING | {
        "data_requests.work_datarequest", "data_requests.approve_datarequest",
        "data_requests.acknowledge_erasurenotice", "data_requests.add_erasurehook", "data_requests.change_erasurehook",
        "communications.approve_announcement",
        "consents.publish_purposetext", "consents.approve_signalswitch",
        "gate.add_countryexception", "gate.approve_countryexception", "gate.withdraw_countryexception",
        "providers.add_agreement", "providers.change_agreement", "providers.approve_agreement", "providers.end_agreement",
        "providers.reveal_provider",
        "retention.add_archivereading", "retention.approve_archivereading", "retention.approve_personrule",
        "holds.add_matter", "holds.close_matter", "holds.add_hold", "holds.ask_release", "holds.release_hold", "holds.reveal_hold",
        "retention.add_matterexport", "retention.approve_matterexport",
        "policies.publish_policyversion", "accounts.reveal_person", "audit.export_event",
        "accounts.approve_representative", "accounts.reveal_representative",
    },
    Role.AUDITOR: EVERYBODY | PEOPLE | CONSENTS | CONTACTS | WORKINGS | HOLDS | BACKUPS | ARCHIVES | PROVIDERS | GATE | INQUIRIES | CIRCULARS | REQUESTS | {
        "staff.view_staffmember", "accounts.view_servicetoken", "assurance.run_promises", "audit.export_event",
    },
    Role.ADMINISTRATOR: EVERYBODY | BACKUPS | {
        "contacts.view_matchingkey", "contacts.rotate_matchingkey",
        "backups.add_backup", "backups.mark_destroyed",
        "staff.view_staffmember", "staff.add_staffmember", "staff.change_staffmember", "staff.end_staffmember",
        "accounts.view_servicetoken", "accounts.add_servicetoken", "accounts.revoke_servicetoken",
        "audit.view_event", "audit.view_journalentry", "audit.view_ledgerseal",
        "retention.view_batch", "retention.view_destruction", "retention.view_clockdoubt", "retention.confirm_clock",
        "mail.view_outgoingmail", "mail.retry_outgoingmail",
    },
}  # fmt: skip
