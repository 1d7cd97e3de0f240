"""The first version of each letter; staff write further ones in the admin."""

from datetime import UTC, datetime

from django.db import migrations

WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)

LETTERS = (
    (
        "acknowledgement", "Your request has arrived", "We have your request {reference}",
        """Hello,

we have your request of {received_on}: {kind}. Its reference is {reference}.

What happens next: we find what is held about you, a second person looks at what is to be done before anything is deleted or handed over, and you
hear from us by {due_on}. If it takes longer, you hear before that day why, and until when. A deletion is announced to every contact that we have
on file, and can be called back for some days.

What a client of ours decides about, such as messages sent through its account, is asked of that client; you hear who it is.

To add something, reply to this mail and leave {reference} in its subject.""",
    ),
    (
        "extension", "It takes longer", "Your request {reference} takes until {due_on}",
        """Hello,

your request of {received_on} ({kind}, {reference}) takes longer than we said. The reason:

{reason}

You have our answer by {due_on}. The law lets us take more time once, and only with this notice.""",
    ),
    (
        "denial", "A request is denied", "We can't do what request {reference} asks for",
        """Hello,

a request of {received_on} that gave this address ({kind}, {reference}) is denied. The reason:

{reason}.

What that rests on: {basis}

If you think that this is wrong, reply to this mail within 30 days and say why, and leave {reference} in the subject. Somebody who did not decide on it
looks at it anew. You may also ask again, at {address}/requests/, or complain to the attorney general of your state, or to the California Privacy
Protection Agency if you live in California. Nobody is treated worse for asking.""",
    ),
    (
        "erased", "All of it is erased", "It is done: your data is erased ({reference})",
        """Hello,

what you asked for on {received_on} ({kind}, {reference}) is done. Erased or made anonymous, and searched for afterwards without a finding:

{holdings}

What remains, and names nobody: the record of this request, for 24 months, as the law asks (11 CCR 7101), by its reference and keyed hashes. Backups are
never used to bring any of it back: what they hold can't be read without keys that we destroyed, or goes with the last of them, and whatever a restored backup
would bring back is erased again before anything is served.

What other people hold of you, such as messages that they got from you outside of our service, is theirs. This is our last mail about it: the
address that it went to is erased as well.""",
    ),
    (
        "erased_in_part", "Erased, but for what has to stay", "It is done, but for a part that has to stay ({reference})",
        """Hello,

what you asked for on {received_on} ({kind}, {reference}) is done as far as the law lets us. Erased or made anonymous:

{holdings}

What stays for a time, apart and unused, and why:

{kept}

It is erased by itself as soon as its ground ends; you need not ask again. The record of this request is kept for 24 months (11 CCR 7101), by its
reference and keyed hashes.

If you think that nothing of it should stay, reply within 30 days and say why, and leave {reference} in the subject.""",
    ),
    (
        "rest_erased", "What had stayed is erased too", "What had to stay is erased now ({reference})",
        """Hello,

when we did what you asked for on {received_on} ({kind}, {reference}), a part had to stay. Its ground has ended, and it is erased now:

{holdings}

Nothing about you is held any more but the record of your request.""",
    ),
    (
        "client_decides", "A client decides on a part", "Who decides about a part of your request {reference}",
        """Hello,

a part of what you asked for on {received_on} ({kind}, {reference}) is about messages that went through the account of {organization}. That
organization decides about them; we hold them on its behalf. We do what it says: it has told us once for all, or we have asked it now. You need
not write to it yourself, but may.

Everything else we do without waiting for it.""",
    ),
    (
        "delivery", "It can be fetched", "What you asked for is ready ({reference})",
        """Hello,

what you asked for on {received_on} ({kind}, {reference}) is ready. Open this link, and confirm once more that this mailbox is yours:

{url}

It waits {days} days; then it is destroyed. Each link that we send you for it works once. It is one file with everything in it, for people to read and for programs.
Whoever has this link can ask for your data, so pass it on to nobody.""",
    ),
    (
        "corrected", "It is corrected", "It is corrected ({reference})",
        """Hello,

what you asked for on {received_on} ({kind}, {reference}) is done.

{text}

If anything is still wrong, reply to this mail and leave {reference} in its subject.""",
    ),
    (
        "withdrawn", "The consent is withdrawn", "Your consent is withdrawn ({reference})",
        """Hello,

what you asked for on {received_on} ({kind}, {reference}) is done. What was collected on that consent is erased, and who got something on it is told.

{text}

We don't ask you for it again within a year.""",
    ),
    (
        "answer", "The answer", "About your request {reference}",
        """Hello,

you wrote to us on {received_on} ({kind}, {reference}).

{text}

If that does not settle it, reply to this mail and leave {reference} in its subject.""",
    ),
    (
        "question", "A question", "A question about your request {reference}",
        """Hello,

to go on with your request of {received_on} ({kind}, {reference}), we need to ask you something.

{text}

Please reply to this mail and leave {reference} in its subject. Its days go on meanwhile, so the sooner the better.""",
    ),
)  # fmt: skip


def write(apps, editor):
    template = apps.get_model("data_requests", "LetterTemplate")
    for code, title, subject, body in LETTERS:
        template.objects.create(code=code, number=1, title=title, subject=subject, body=body, made_by="system:covenant", made_at=WRITTEN)


def remove(apps, editor):
    editor.execute("ALTER TABLE data_requests_lettertemplate DISABLE TRIGGER a_template_stays")
    apps.get_model("data_requests", "LetterTemplate").objects.filter(number=1, made_by="system:covenant").delete()
    editor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")  # what waits to be checked would keep the table from changing
    editor.execute("ALTER TABLE data_requests_lettertemplate ENABLE TRIGGER a_template_stays")


class Migration(migrations.Migration):
    dependencies = [("data_requests", "0009_what_was_approved_stays")]

    operations = [migrations.RunPython(write, remove)]
