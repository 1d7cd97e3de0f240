"""An examiner of a quiet installation: rows, keys, journal, certificates and archives, each held against the others.

It shares no code with the services. It asks the database in SQL, reads the keystore's and the journal's files by itself,
and has its own way to check a signature, a seal, a proof, a tag and the scope of a hold. Only what unwraps a secret is
the foundation's: without the master key nobody can do that another way.

| module | looks at |
|---|---|
| looking | the database as of one moment; the folder of this installation |
| secrets | the keystore's files |
| lines | the journal's file, line by line, against its rows and what they tell of |
| opened | one message: does it open, does its proof fit, is it found by its tags |
| cohorts | accounts, leaves, states, seals, events |
| asides | what stands aside: its key, its ground, its place; and that no hold was passed over |
| destructions | intent before key before certificate, each once |
| archives | parts and manifests at their place, what is owed, the spool |

While something is at work its findings may be steps half done: stop the workers, or look twice. It must never write, nor
say what a message says: findings name references and numbers only.
"""
