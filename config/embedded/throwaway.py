"""Servers for one test run, in a folder of their own that is gone afterwards, however the test run ended.

Started as `python -m config.embedded.throwaway`; says its URLs as one line of JSON, then waits for the end of its
standard input, which the kernel closes even when the test run is killed. Must never be pointed at data anybody wants
to keep.
"""

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

from config.embedded.home import Home
from config.embedded.services import Services
from config.embedded.trouble import Trouble


def main():
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    folder = Path(tempfile.mkdtemp(prefix="covenant-test-"))
    services = Services(Home(folder), {}, throwaway=True)
    services.home.make()
    try:
        urls = services.start()
        print(json.dumps({"urls": urls, "folder": str(folder)}), flush=True)
        sys.stdin.read()
    except Trouble as trouble:
        print(json.dumps({"trouble": str(trouble)}), flush=True)
    finally:
        with contextlib.suppress(Exception):
            services.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
