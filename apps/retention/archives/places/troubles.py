"""What can go wrong with an object at a place, each kind under its own name, so that an alarm says what is the matter.

None of these carries an address, a path, a credential or a word that the place said: they end up on screens and in logs.
"""

from datetime import datetime

from apps.gate.client.troubles import PeerTrouble


class NotProven(PeerTrouble):
    """The place did not show that it has what it was given."""

    code = "place_not_proven"
    mend = "See what became of it at the place; until it is there and whole, nothing is destroyed."


class PlaceCorrupts(NotProven):
    """What the place gives back is not what it was given."""

    code = "place_corrupts"
    mend = "Have the place's storage checked, then remove what lies there under this name; it is sent again."


class PlaceLies(NotProven):
    """The place said that it has it, and does not."""

    code = "place_lies"
    mend = "Ask who runs the place why it confirms what it does not store; it is sent again."


class PlaceForgets(NotProven):
    """The place had it once, and has lost it."""

    code = "place_forgets"
    mend = "Ask who runs the place what removed it. If its messages are not destroyed yet, it is sent again."


class PlaceKeeps(PeerTrouble):
    """The place said that it removed it, and still has it."""

    code = "place_keeps"
    mend = "Remove it by hand at the place; until it is gone no certificate is given."


class NotThere(PeerTrouble):
    """The place has nothing under this name."""

    code = "place_not_there"
    mend = "Look whether the name is right, and whether it was removed."
    retryable = False


class NameTaken(PeerTrouble):
    """Something else lies at the place under this name, and it is not overwritten."""

    code = "place_name_taken"
    mend = "See what lies there and who put it there; move it away if it is not ours."
    retryable = False


class StillLocked(PeerTrouble):
    """It may not be removed yet: the place keeps it locked."""

    code = "place_still_locked"
    mend = "Wait until its lock ends; it is removed then."

    def __init__(self, until: datetime):
        super().__init__(f"It may not be removed before {until:%Y-%m-%d %H:%M} UTC: the place keeps it locked until then.")
        self.until = until


class SourceDiffers(PeerTrouble):
    """What was to be sent is not what was announced; the place did not get it."""

    code = "place_source_differs"
    mend = "Make the part anew; if that does not help, it is a defect."


class TooLarge(PeerTrouble):
    """It is larger than the place takes in one piece."""

    code = "place_too_large"
    mend = "Make smaller parts."
    retryable = False


class NameUnfit(PeerTrouble):
    """Names at a place are made of letters, digits, dots, hyphens and underscores, in folders, and lead nowhere else."""

    code = "place_name_unfit"
    mend = "Take the name that the archive's layout gives."
    retryable = False
