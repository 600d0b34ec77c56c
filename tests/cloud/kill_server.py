"""Starts stand-ins by forking, each in a few milliseconds: for tests that kill many of them. Run as a script.

Reads lines `DATA PORT` and answers each with the process id of a new stand-in.
"""

from __future__ import annotations

import os
import signal
import sys

from sandbox.cloud.__main__ import main as serve
from sandbox.cloud.testing import StandIn


def main() -> None:
    """Serve until the input ends."""
    StandIn().stop()  # loads and prepares, once, what every stand-in needs
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        data, port = line.split()
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the output is for process numbers alone
            os._exit(serve(["--data", data, "--port", port, "--region", f"jp-tok=127.0.0.1:{port}"]))
        print(pid, flush=True)


if __name__ == "__main__":
    main()
