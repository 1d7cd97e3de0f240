"""The certificate of a destruction: what it says (document), how it looks (pdf), and how anybody checks it (verify).

No database here: facts come in, a signed document comes out. `verify` is one file that needs nothing of this project.
"""
