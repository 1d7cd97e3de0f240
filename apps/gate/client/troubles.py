"""What can go wrong with whoever is at the other end, each kind under its own name, so that an alarm says what is the matter.

None of these carries an address, a path, a credential or a word that the other end said: they end up on screens and in logs.
"""

from apps.foundation.refusals import Refusal


class PeerTrouble(Refusal):
    """The place did not do what it must. Nothing that is owed to it may be destroyed."""

    code = "place_trouble"
    mend = "See to the place; what is owed to it stays and is tried again."
    #: whether trying again later can help without a person having mended anything
    retryable = True


class PeerDown(PeerTrouble):
    """The place can't be reached, or broke off."""

    code = "place_down"
    mend = "Nothing, if it comes back by itself; else ask who runs the place. It is tried again with growing pauses."


class PeerSlow(PeerDown):
    """The place took longer than it may."""

    code = "place_slow"
    mend = "Ask who runs the place why it is slow. It is tried again with growing pauses."


class PeerFull(PeerTrouble):
    """The place has no room left."""

    code = "place_full"
    mend = "Make room at the place. It is tried again with growing pauses."


class PeerRefuses(PeerTrouble):
    """The place does not let us in, or does not let us do this."""

    code = "place_refuses"
    mend = "Give the place's account the rights it needs, or this target its new credentials."
    retryable = False


class PeerUnsafe(PeerTrouble):
    """The place must not be used as it is."""

    code = "place_unsafe"
    mend = "Register a target that is safe, or mend the place."
    retryable = False


class PeerMisbehaves(PeerTrouble):
    """The place answers what no place may answer."""

    code = "place_misbehaves"
    mend = "Ask who runs the place what it runs; its answers are not those of such a place."
    retryable = False


class PeerSettingsUnfit(PeerTrouble):
    """What was given about the place does not describe one."""

    code = "place_settings_unfit"
    mend = "Fill in what is missing, and correct what is wrong, at the target."
    retryable = False
