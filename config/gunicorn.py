"""How the web is served: two processes with threads, on the loopback only; a proxy in front brings TLS and the outside
world.

No access log, because addresses and paths of visitors are personal data; no control socket, because nobody needs a
second door.
"""

import os

bind = os.environ.get("BIND") or f"127.0.0.1:{os.environ.get('PORT') or 8000}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES") or 2)
threads = int(os.environ.get("WEB_THREADS") or 6)
preload_app = True  # Django is imported once, not once per process
timeout = 120  # a streaming import of a large file
graceful_timeout = 10
keepalive = 5
accesslog = None
errorlog = "-"
logger_class = "config.gunicorn_log.ImpersonalLog"
loglevel = os.environ.get("WEB_LOG_LEVEL") or "warning"
control_socket_disable = True
# A heartbeat without content; on a disk it could make a worker wait for the disk.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
