"""The search for what is left of a person, everywhere: it decides whether an erasure may be called complete.

| where | how |
|---|---|
| every table of the database, partitions and histories too | each column of text, JSON, bytes, lists, addresses, by the catalogue of the database itself |
| what the database keeps besides | large objects, sessions (unpacked), the planner's samples of values |
| files below the installation's folder | names and bytes; archives of gzip, zip and zstandard unpacked |
| the broker and the cache | every key and its value |

It knows nothing of holdings' code and shares none with it: only their declarations say whose a table is. It must never log, store or
say what it searched for or what it found: a place, a kind and a number are all that leaves.

**When something counts.** An e-mail address, a phone, a reference, a row's number, a hash or a telling id from elsewhere counts wherever it
stands, in each of its spellings. A name counts where both its parts stand together, or apart in one row within columns declared personal;
not in a row that belongs to another person, or in tables about staff and contacts of clients. A name that is short (below seven letters) or
borne by another person here counts only together with something else of the person in the same row. A short id from elsewhere
likewise counts in a column declared personal, as the whole value, or together with a name.
"""
