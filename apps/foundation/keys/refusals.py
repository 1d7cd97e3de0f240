"""What can be wrong with the keystore, each by its name and with its mend. None names a secret's bytes, or a person.

Whatever is wrong, nothing was overwritten; and a secret can still be destroyed, because destroying reads nothing.
"""

from apps.foundation.refusals import Refusal


class KeyMissing(Refusal):
    """A secret that should be in the keystore is not there."""

    code = "key_missing"
    mend = "Restore the keystore folder from where it is kept; nothing was overwritten. Without it the data stays unreadable."


class KeyDestroyed(Refusal):
    """The secret was destroyed; what it encrypted can't be had back."""

    code = "key_destroyed"
    mend = "Nothing can mend this: it is the purpose of a destruction. Ask for its certificate."


class KeyDamaged(Refusal):
    """A secret's file is not what was written."""

    code = "key_damaged"
    mend = "Restore the file, mode 0600, from where it is kept: both copies are damaged. Nothing was overwritten."


class KeyUnsafe(Refusal):
    """A secret's file can be read by others."""

    code = "key_unsafe"
    mend = "Find out who could read it, then chmod 600 the file. If in doubt, run `manage.py rotate_master_key`."


class KeyWrong(Refusal):
    """The file under that name is whole, but holds no secret of that name."""

    code = "key_wrong"
    mend = (
        "Somebody put another file there. Put back the right one, or move this one away and run "
        "`manage.py check_keystore --mend`, which takes the secret from the other copy. Nothing was overwritten."
    )


class KeyCopiesDiffer(Refusal):
    """The two copies hold two different secrets under one name, and both are sound."""

    code = "key_copies_differ"
    mend = (
        "Find out which copy was restored or replaced, move its file away, and run `manage.py check_keystore --mend`. "
        "Nothing was overwritten."
    )


class KeyNotMade(Refusal):
    """A secret can't be made, because it can't be written to both copies."""

    code = "key_not_made"
    mend = "Make room, or make both folders of the keystore writable for the service; then try again. Nothing half made is left."


class KeyCopyLeft(Refusal):
    """The secret is destroyed wherever it can be reached, but one copy can't be."""

    code = "key_copy_left"
    mend = (
        "Bring that folder back, writable, and destroy again: that is done by itself at the next try. If it is lost for good, run "
        "`manage.py check_keystore --mend`, then `manage.py rotate_master_key`, so that what lay there opens with nothing."
    )


class CopyOutOfReach(Refusal):
    """One of the two folders of the keystore can't be reached."""

    code = "key_copy_out_of_reach"
    mend = (
        "Mount it again, or give it back to the account the service runs under (mode 0700). If it is lost for good, run "
        "`manage.py check_keystore --mend`, which makes it anew from the other, then `manage.py rotate_master_key`."
    )


class CopyForeign(Refusal):
    """One of the two folders belongs to another keystore, or the two have changed places."""

    code = "key_copy_foreign"
    mend = "Name the right folders in KEYSTORE_DIRECTORIES, in the order that they had. Nothing was overwritten."


class KeystoreNotSetUp(Refusal):
    """There is no keystore yet."""

    code = "keystore_not_set_up"
    mend = "Run `manage.py prepare`."


class KeystoreLost(Refusal):
    """The database has messages, but there is no keystore."""

    code = "keystore_lost"
    mend = (
        "Mount or restore the folders named in KEYSTORE_DIRECTORIES and the master key. No new keystore is made over a lost one: "
        "what is stored would stay unreadable."
    )


class KeystoreMisplaced(Refusal):
    """The keystore's folders and its master key must lie in three places."""

    code = "keystore_misplaced"
    mend = "Name two different folders in KEYSTORE_DIRECTORIES, neither in the other, and a KEYSTORE_MASTER_KEY_FILE outside of both."


class KeystoreBusy(Refusal):
    """Another process has the keystore's lock for too long."""

    code = "keystore_busy"
    mend = "Look for a process of Covenant that hangs, on every host, and end it; then try again."


class MasterKeyMissing(Refusal):
    """The master key that wraps the secrets is not there."""

    code = "master_key_missing"
    mend = "Put the file back from where you keep it, mode 0600. Nothing was overwritten; no new one is made over a lost one."


class MasterKeyDamaged(Refusal):
    """The master key's file is not what was written."""

    code = "master_key_damaged"
    mend = "Put the file back from where you keep it, mode 0600. Nothing was overwritten."


class MasterKeyUnsafe(Refusal):
    """The master key can be read by others."""

    code = "master_key_unsafe"
    mend = "Find out who could read it, chmod 600 the file, then run `manage.py rotate_master_key`."


class MasterKeyWrong(Refusal):
    """The master key that is there is not the one that wraps the secrets."""

    code = "master_key_wrong"
    mend = "Put the right file back from where you keep it, beside this one or in its place. Nothing was overwritten."


class MasterKeyNotMade(Refusal):
    """A new master key can't be written."""

    code = "master_key_not_made"
    mend = "Make the folder of KEYSTORE_MASTER_KEY_FILE writable for the service, with room for one small file; then try again."


class RotationRuns(Refusal):
    """The master key is being rotated by another process."""

    code = "rotation_runs"
    mend = "Wait for it to end, or look for it on the other hosts. A killed one is gone on with by the next."


class RotationUnfinished(Refusal):
    """Some secrets could not be wrapped by the new master key, so the old one is kept."""

    code = "rotation_unfinished"
    mend = "Run `manage.py check_keystore`, mend what it names, and run `manage.py rotate_master_key` again: it goes on."
