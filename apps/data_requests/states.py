"""Kinds, channels and states of requests and of what belongs to them, with their tables of moves. Every other move is refused, here and by the database."""

from django.db.models import TextChoices


class Kind(TextChoices):
    """What is asked for."""

    DELETION = "deletion", "deletion"
    ACCESS = "access", "a copy of what is held"
    CATEGORIES = "categories", "the categories of what is held"
    CORRECTION = "correction", "a correction"
    CLOSING = "closing", "closing an account"
    WITHDRAWAL = "withdrawal", "withdrawal of a consent"
    MARKETING_DISCLOSURES = "marketing_disclosures", "what went to third parties for their marketing (Shine the Light)"
    ACCOUNTING = "accounting", "an accounting of disclosures"
    MINOR = "minor", "a report of a minor"
    COMPLAINT = "complaint", "a complaint or question"


#: kinds after which a person's data is erased
ERASES = frozenset({Kind.DELETION, Kind.CLOSING, Kind.MINOR})
#: kinds that hand a person their data
HANDS_OVER = frozenset({Kind.ACCESS, Kind.CATEGORIES})
#: kinds for which nobody has to prove who they are: nothing about a person is said or changed on their strength
NEEDS_NO_PROOF = frozenset({Kind.MINOR, Kind.COMPLAINT})


class Channel(TextChoices):
    FORM = "form", "by the form"
    EMAIL = "email", "by e-mail"
    API = "api", "by the product"
    PHONE = "phone", "by phone"
    POST = "post", "by post"
    OWN = "own", "from another part of this system"


class Asker(TextChoices):
    """Who asks for the person."""

    SELF = "self", "the person"
    AGENT = "agent", "an authorised agent"
    ATTORNEY = "attorney", "somebody with a power of attorney"
    REPRESENTATIVE = "representative", "the representative of a minor"
    STAFF = "staff", "a member of staff"


class ArrivalState(TextChoices):
    """What came in by a channel, before anything was looked up."""

    WAITING = "waiting", "not looked at yet"
    PARKED = "parked", "part of a flood: looked at, no mail sent yet"
    TAKEN = "taken", "became a request or joined one"
    DROPPED = "dropped", "asks for nothing: an automatic answer, or sent twice"
    UNREADABLE = "unreadable", "could not be read; waits for staff"


ARRIVAL_MOVES = {
    ArrivalState.WAITING: {ArrivalState.PARKED, ArrivalState.TAKEN, ArrivalState.DROPPED, ArrivalState.UNREADABLE},
    ArrivalState.PARKED: {ArrivalState.TAKEN, ArrivalState.DROPPED, ArrivalState.UNREADABLE},
    ArrivalState.UNREADABLE: {ArrivalState.TAKEN, ArrivalState.DROPPED},
    ArrivalState.TAKEN: set(),
    ArrivalState.DROPPED: set(),
}


class State(TextChoices):
    """Where a request stands."""

    RECEIVED = "received", "received"
    IDENTIFYING = "identifying", "waits for proof of who asks"
    COOLING_OFF = "cooling_off", "proven; waits because a contact changed lately"
    IN_WORK = "in_work", "in work"
    AWAITING_APPROVAL = "awaiting_approval", "waits for a second person"
    ANNOUNCED = "announced", "approved and announced; may be called back"
    RUNNING = "running", "being carried out"
    SCANNING = "scanning", "done; being searched for what is left"
    ANSWERING = "answering", "the answer is on its way"
    COMPLETED = "completed", "completed"
    DENIED = "denied", "denied"
    CALLED_BACK = "called_back", "called back by the person"
    MERGED = "merged", "joined an earlier one"


MOVES: dict[str, set[str]] = {
    State.RECEIVED: {State.IDENTIFYING, State.IN_WORK, State.MERGED, State.DENIED, State.CALLED_BACK},
    State.IDENTIFYING: {State.COOLING_OFF, State.IN_WORK, State.MERGED, State.DENIED, State.CALLED_BACK},
    State.COOLING_OFF: {State.IN_WORK, State.MERGED, State.DENIED, State.CALLED_BACK},
    # back to proof where staff correct a kind that needed none
    State.IN_WORK: {State.IDENTIFYING, State.AWAITING_APPROVAL, State.ANSWERING, State.MERGED, State.DENIED, State.CALLED_BACK},
    State.AWAITING_APPROVAL: {State.ANNOUNCED, State.RUNNING, State.IN_WORK, State.DENIED, State.CALLED_BACK},
    State.ANNOUNCED: {State.RUNNING, State.IN_WORK, State.DENIED, State.CALLED_BACK},
    State.RUNNING: {State.SCANNING, State.ANSWERING},
    State.SCANNING: {State.RUNNING, State.ANSWERING},
    State.ANSWERING: {State.COMPLETED},
    State.COMPLETED: set(),
    State.DENIED: set(),
    State.CALLED_BACK: set(),
    State.MERGED: set(),
}
_ALL = frozenset(Kind)
#: moves that are not for every kind: an erasure is announced before it begins and searched before it is answered, what is handed over is approved
#: and never announced, and nothing else is carried out
NOT_FOR: dict[tuple[str, str], frozenset[str]] = {
    (State.IN_WORK, State.AWAITING_APPROVAL): _ALL - ERASES - HANDS_OVER,
    (State.IN_WORK, State.ANSWERING): ERASES | HANDS_OVER,
    (State.AWAITING_APPROVAL, State.ANNOUNCED): _ALL - ERASES,
    (State.AWAITING_APPROVAL, State.RUNNING): _ALL - HANDS_OVER,
    (State.RUNNING, State.SCANNING): _ALL - ERASES,
    (State.RUNNING, State.ANSWERING): _ALL - HANDS_OVER,
}
OVER = frozenset({State.COMPLETED, State.DENIED, State.CALLED_BACK, State.MERGED})
#: somebody does something about it: not before it was proven who asks, where that is needed
WORKED_ON = frozenset({State.IN_WORK, State.AWAITING_APPROVAL, State.ANNOUNCED, State.RUNNING, State.SCANNING, State.ANSWERING, State.COMPLETED})
#: whoever asks the same again while it stands so begins a request of its own: there is nothing more to join
TAKES_NOTHING_IN = frozenset({*OVER, State.ANSWERING})
#: a person may call back what has not begun
MAY_BE_CALLED_BACK = frozenset(state for state, after in MOVES.items() if State.CALLED_BACK in after)


class Outcome(TextChoices):
    WHOLE = "whole", "complied with in whole"
    PART = "part", "complied with in part"
    DENIED = "denied", "denied"
    CALLED_BACK = "called_back", "called back"
    MERGED = "merged", "joined an earlier one"


class DenialReason(TextChoices):
    """Why a request is denied; the basis stands beside it (11 CCR 7022(f), 7024)."""

    UNVERIFIED = "unverified", "Who asked could not be verified"
    NOT_HELD = "not_held", "Nothing is held about the person"
    AGENT_UNPROVEN = "agent_unproven", "The agent's authority was not shown"
    LAW = "law", "A law forbids it or requires the data to be kept"
    EXCESSIVE = "excessive", "It is manifestly unfounded or excessive"
    CLIENT_DECIDES = "client_decides", "The client decides on this data and said no"
    NOT_ELIGIBLE = "not_eligible", "The law that gives this right does not cover the person"


class Regime(TextChoices):
    """By which rule a clock runs; numbers and sources in `clocks.py`."""

    POLICY_DELETION = "policy_deletion", "our policy: deletion"
    POLICY_MINOR = "policy_minor", "our policy: minors"
    CCPA_ACKNOWLEDGE = "ccpa_acknowledge", "CCPA: acknowledgement"
    CCPA_ANSWER = "ccpa_answer", "CCPA: answer"
    CCPA_OPT_OUT = "ccpa_opt_out", "CCPA: opt-out"
    SHINE_THE_LIGHT = "shine_the_light", "Civ. 1798.83"
    HIPAA_ACCOUNTING = "hipaa_accounting", "HIPAA: accounting of disclosures"
    CLIENT_ANSWER = "client_answer", "the client's answer"


class PauseBasis(TextChoices):
    """On what an agency's suspension of the right to an accounting rests (45 CFR 164.528(a)(2))."""

    WRITTEN = "written", "a written statement"
    ORAL = "oral", "an oral statement: 30 days at most"


class LinkPurpose(TextChoices):
    """What a link in a mail is for; its token opens no other door."""

    PROVE = "prove", "to prove control of a contact on file"
    CONFIRM_AGENT = "confirm_agent", "to confirm that an agent may ask"
    CALL_BACK = "call_back", "to call an erasure back"
    DELIVERY = "delivery", "to hear what waits, and have a fresh link sent"
    FETCH = "fetch", "to fetch what was asked for"


class StepKind(TextChoices):
    COLLECT = "collect", "collect"
    ERASE = "erase", "erase or anonymise"
    ASK_CLIENT = "ask_client", "ask the client, who decides"
    TELL_PROVIDER = "tell_provider", "have a provider erase"
    SURVIVES = "survives", "stays by law, as a reference"


class StepState(TextChoices):
    PLANNED = "planned", "planned"
    RUNNING = "running", "running"
    WAITING = "waiting", "waits for somebody else"
    DONE = "done", "done"
    PARKED = "parked", "stopped after five attempts"


STEP_MOVES = {
    StepState.PLANNED: {StepState.RUNNING, StepState.DONE},
    StepState.RUNNING: {StepState.WAITING, StepState.DONE, StepState.PARKED},
    StepState.WAITING: {StepState.RUNNING, StepState.DONE},
    StepState.PARKED: {StepState.RUNNING},
    StepState.DONE: {StepState.RUNNING},  # what a search finds afterwards is done again
}


class AttemptEnd(TextChoices):
    RUNNING = "running", "began"
    WELL = "well", "went well"
    REFUSED = "refused", "refused"
    FAILED = "failed", "failed"
    KILLED = "killed", "ended without a word"


class ClientAnswer(TextChoices):
    """What a client decides about Message Data of a person."""

    ERASE = "erase", "delete their messages early"
    PSEUDONYMISE = "pseudonymise", "replace the sender by a pseudonym"
    KEEP = "keep", "keep until their day"
    RELEASE = "release", "release to the person"
    WITHHOLD = "withhold", "do not release"
