"""What a person's server can come to, each under its own name and with what the person can do: they read it on their own page.

`retryable` says whether trying again by itself can help. None carries an address, a path, a credential or a word of the server's.
"""

from apps.gate.client.troubles import PeerTrouble


class SourceTrouble(PeerTrouble):
    """The server could not be read."""

    code = "source_trouble"
    mend = "Check the address, or remove it."


class SourceUnreachable(SourceTrouble):
    """The server can't be reached, or broke off."""

    code = "source_unreachable"
    mend = "Nothing, if it comes back by itself: it is tried again with growing pauses. Else check the address."


class SourceSlow(SourceUnreachable):
    """The server took longer than it may."""

    code = "source_slow"
    mend = "Nothing, if it gets faster by itself: it is tried again with growing pauses."


class PasswordRefused(SourceTrouble):
    """The server does not let us in with this name and password."""

    code = "source_password_refused"
    mend = "Give the name and password anew; many providers want a password made for one app."
    retryable = False


class NotACollection(SourceTrouble):
    """No address book or calendar was found at the address."""

    code = "source_not_a_collection"
    mend = "Give the address of the address book or calendar itself; the provider's help names it."
    retryable = False


class SourceGone(SourceTrouble):
    """What was at the address is not there any more."""

    code = "source_gone"
    mend = "Give the address where it is now, or remove the source."
    retryable = False


class SourceTooLarge(SourceTrouble):
    """The server holds or answers more than may be read."""

    code = "source_too_large"
    mend = "Share a smaller address book or calendar."
    retryable = False


class PointsElsewhere(SourceTrouble):
    """The server points to another host, where nobody follows with a password."""

    code = "source_points_elsewhere"
    mend = "Give the address of the host where the address book or calendar really is."
    retryable = False


class SourceAddressUnsafe(SourceTrouble):
    """The address can't be used: it can't be read, is not https, or does not lead to the Internet."""

    code = "source_address_unsafe"
    mend = "Give an address like https://dav.example.com/addressbooks/me/ of a server on the Internet."
    retryable = False


class SourceUnsafe(SourceTrouble):
    """The server's certificate is not valid for its name, or nobody trusted vouches for it."""

    code = "source_unsafe"
    mend = "Ask who runs the server to mend its certificate."
    retryable = False


class SourceMisbehaves(SourceTrouble):
    """The server's answers are not those of an address book or a calendar."""

    code = "source_misbehaves"
    mend = "Check the address; if it is right, ask who runs the server what it runs."
    retryable = False
