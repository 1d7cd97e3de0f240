"""How what is owed gets to its archive: what came since leaves daily in a part, and the manifest closes it behind the seal.

`rows` reads exactly what is there, `spool` keeps a part until it is proven, `parts` writes and delivers them, `closing` checks
the whole and signs it, `places` opens the place of a target, `ends` ends hosted archives, `lag` says who waits for what.
`services/archiving.py` drives them, one target at a time.
"""
