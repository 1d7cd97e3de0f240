"""The privacy policy of the demo's fictional company, Meridian Messaging, Inc., in two versions.

It makes every promise there is, P01 to P26, so that the demo shows each of them with its clause; the second version has a
few real differences, so that the page of changes has something to show. It is data, and no legal advice to anybody.
"""

from typing import Any


def _clause(code: str, heading: str, promises: str, text: str) -> dict[str, Any]:
    return {"code": code, "heading": heading, "text": text.strip() + "\n", "promises": promises.split()}


TITLE = "Privacy Policy"

INTRODUCTION = """
Meridian Messaging, Inc. ("Meridian", "we") runs a messaging service for organizations: hospitals, clinics and other
enterprises whose people have to reach each other quickly. This policy says which data we take, what we do with it, who else
gets to see it, and when it goes.

Three kinds of data appear below. **Personal Information** says who you are. **Usage Data** says how the service is used.
**Message Data** is what you send and receive, together with who, when and with whom.
"""

FIRST_CLAUSES: list[dict[str, Any]] = [
    _clause("registration", "What you tell us about yourself", "P01", """
When your organization or you register, we ask for names, postal and e-mail addresses, telephone numbers and similar details,
and you may add more to your profile later. You decide what to give.

Beside every field we say whether it is optional, and which part of the service you would miss without it.
"""),
    _clause("contacts", "Address books and calendars", "P02 P03", """
If you allow it, we read your contact lists, your address book or your calendar, to find colleagues who use the service, to put
you into the right groups and to help with scheduling. Those colleagues may then see that you use it too, just as you see them.

- We look for updates from time to time, so that what you see is current.
- You may withdraw your permission whenever you like. What we copied is then erased, and we stop looking.
"""),
    _clause("linked-accounts", "Accounts with other companies", "P04", """
You may sign in through another company's account, or link one. We take from it only what you authorized there, and from then
on this policy protects it like everything else we hold about you.
"""),
    _clause("usage-data", "How the service is used", "P05", """
Our servers and apps note technical facts: the kind of device and its identifier, browser and operating system, internet
provider and IP address, the pages that were opened, when and for how long, and reports of crashes. We use them to keep the
service running, to find faults and to see what should be improved. After a set time we take out whatever points to a person.
"""),
    _clause("message-data", "Your messages", "P06", """
We hold messages, and the records that belong to them, only for as long as your organization has set. When that time is over
they are destroyed for good: nobody can bring them back, and neither can we.

There are two exceptions, and your organization chooses them:

1. It may pay us to keep an archive of its messages.
2. It may have all of its messages delivered to an archive on its own servers.
"""),
    _clause("tags", "Tags on mobile devices", "P07", """
Our mobile apps may set tags that show which functions are used. We use them to provide the service and to make it better, and
for nothing else. Each tag is registered with its purpose before it is set.
"""),
    _clause("logs", "Logs", "P08", """
Each request to our servers leaves an entry in a log: what was asked for, when, and identifiers of the device. Nobody outside
Meridian is given Personal Information linked to an IP address or a device identifier.
"""),
    _clause("communications", "When you write to us", "P09", """
If you write to us, we may keep the letter and your address, in order to answer and to learn from it. We keep them no longer
than that takes.
"""),
    _clause("cookies", "Cookies and Do Not Track", "P10", """
Our web pages may set cookies, small entries that your browser stores. None of ours carries Personal Information. You can tell
your browser to refuse them; some parts of the site may then not work. We publish a list of the cookies that we set.

We do not act on the Do Not Track signal of browsers.
"""),
    _clause("use", "What we use data for", "P11", """
We use what we collect to run, support, protect and improve the service, and for our own internal purposes. We never sell it and
never rent it out. If another company takes over Meridian, it may receive the data; see "If Meridian changes hands".
"""),
    _clause("disclosure", "Who else gets data", "P12", """
Without your consent we give data to nobody else, except in the cases that this policy describes.
"""),
    _clause("news", "News about the service", "P13", """
We tell you about new versions and updates only if you have allowed it. Every such message shows how to end them.
"""),
    _clause("service-providers", "Companies that work for us", "P14", """
Some work is done for us by others, such as hosting and maintenance. We choose companies that treat privacy as we do, and give
them only what their work needs. They must:

- protect it by reasonable security, and where the law on health information (HIPAA) applies, as that law demands;
- use it for nothing but the work we gave them.
"""),
    _clause("analytics", "Statistics by other companies", "P15", """
We may let another company measure how our pages are used. Of all that could identify you it receives only your IP address. We
do not combine its results with your Personal Information.
"""),
    _clause("aggregates", "Numbers about many people", "P16", """
We may put together figures on how the service is used, and may publish them or share them with others. They describe groups and
never a single person, and they never break the law on health information.
"""),
    _clause("security", "How we protect data", "P17", """
We protect data against people who have no right to it: access is limited to those who need it, it is recorded, and the records
can be checked. No network is safe in every case, so we can't promise that nothing will ever go wrong; if something does, we
tell those whom it concerns.
"""),
    _clause("law", "When the law asks", "P18", """
We may have to disclose data where it is reasonably necessary:

1. to obey a law, a court or an authority that has a right to ask;
2. to enforce our terms;
3. to stop fraud, or to mend a fault of security;
4. to protect the rights, the property or the safety of people, of our clients or of Meridian.

We hand over what was rightly demanded and nothing beyond it.
"""),
    _clause("place", "Where data is kept", "P19", """
We store and process all data in the United States, and the law of the United States applies to it.
"""),
    _clause("deletion", "How to have your data deleted", "P20", """
You may ask us at any time to delete your Personal Information: write to privacy@meridian-messaging.example. If you cancel your
registration, your Personal Information leaves the active part of the service within 60 days.
"""),
    _clause("anonymous", "What we may keep", "P21", """
We may keep, for as long as we like, what does not tell who anybody is.
"""),
    _clause("backups", "Backups and archives", "P22", """
Copies may remain in backups and archives for some time after a deletion. Until they go, this policy protects them. If we ever
restore a backup, what had been deleted is deleted again.
"""),
    _clause("california", "For residents of California", "P23", """
If you live in California, you may ask us in writing which kinds of Personal Information we gave to other companies for their
advertising in the past calendar year, and to whom. We answer free of charge.
"""),
    _clause("children", "Children", "P24", """
The service is not meant for anybody under 18, unless an Authorized Individual Representative acts for them. If we learn that
a child has given us data without that, we promptly remove the account and the data.
"""),
    _clause("corporate-events", "If Meridian changes hands", "P25", """
If Meridian merges with another company, or all or part of it is sold, data may pass to the new owner. In a bankruptcy or a
similar proceeding we may not be able to decide what happens to it.
"""),
    _clause("changes", "Changes of this policy", "P26", """
We may change this policy. A new version counts from the moment it stands on this page, with its date under "Revised On". What
we collected before stays under the version that was in force when we collected it.
"""),
]  # fmt: skip

FIRST: dict[str, Any] = {"title": TITLE, "introduction": INTRODUCTION.strip() + "\n", "clauses": FIRST_CLAUSES}

_REVISED = {
    "usage-data": _clause("usage-data", "How the service is used", "P05", """
Our servers and apps note technical facts: the kind of device and its identifier, browser and operating system, internet
provider and IP address, the pages that were opened, when and for how long, and reports of crashes. We use them to keep the
service running, to find faults and to see what should be improved. After 90 days at the latest we take out whatever points to
a person.
"""),
    "message-data": _clause("message-data", "Your messages", "P06", """
We hold messages, and the records that belong to them, only for as long as your organization has set. When that time is over
they are destroyed for good: nobody can bring them back, and neither can we. For each destruction we sign a certificate, which
your organization can check without trusting us.

There are two exceptions, and your organization chooses them:

1. It may pay us to keep an archive of its messages.
2. It may have all of its messages delivered to an archive on its own servers.

What is owed to an archive is not destroyed before the archive has it.
"""),
    "cookies": _clause("cookies", "Cookies and Do Not Track", "P10", """
Our web pages may set cookies, small entries that your browser stores. None of ours carries Personal Information. You can tell
your browser to refuse them; some parts of the site may then not work. We publish a list of the cookies that we set. The pages
of this policy set none at all.

We do not act on the Do Not Track signal of browsers.
"""),
    "deletion": _clause("deletion", "How to have your data deleted", "P20", """
You may ask us at any time to delete your Personal Information: write to privacy@meridian-messaging.example. Before we act, we
make sure that it is you who asks. If you cancel your registration, your Personal Information leaves the active part of the
service within 60 days. We tell you when it is done.
"""),
}  # fmt: skip

_LEGAL_HOLDS = _clause("legal-holds", "When data must not be destroyed", "P06 P18", """
A court, or the law, may forbid us to destroy certain data. We then keep exactly that data, hidden from everyday use, until the
order ends; after that it is destroyed without delay.
""")


def _revised(clauses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    result = []
    for clause in clauses:
        result.append(_REVISED.get(clause["code"], clause))
        if clause["code"] == "law":
            result.append(_LEGAL_HOLDS)
    return result


SECOND: dict[str, Any] = {**FIRST, "clauses": _revised(FIRST_CLAUSES)}
