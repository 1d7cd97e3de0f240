"""Where archives lie: a folder, S3, a client's own SFTP or HTTPS server, all behind one contract (base).

A place is handed encrypted bytes under a name and must show that it has them. It knows nothing of messages, keys or models,
and nothing here believes a place: what it says is compared with what it gives back.
"""
