"""Archives of messages: a format that anybody can read for as long as age and zstandard exist, and the places it is put.

One archive is what one organization is owed of one expiry day, a folder ORG-…/2026-03-15/ARC-…/ of
`part-00001.jsonl.zst.age` and so on, and at the end `manifest.json`. A part is JSON lines, packed by zstandard, encrypted by
age: `age -d -i identity part | zstd -d` shows it without any software of ours.

| what tells | of what |
|---|---|
| age | that bytes were changed or cut; not who wrote them: the key to write a part is public |
| a part's header, its first line | whose part it is, which one, and behind which other |
| a line's proof | that its message is the one that was taken in (DESIGN, "Proof hash") |
| the signed manifest | which parts, lines and messages belong to the archive: all of them, and nothing else |

`container` writes parts, `manifest` signs what they are, `reading` reads them back, `verify_archive` is one file that
needs nothing of this project and checks all of it. No models and no settings here: a format outlives both.
"""
