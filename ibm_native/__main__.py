"""Starts the plugin: `python -u <checkout>/ibm_native <engine's address>`, or `python -m ibm_native <address>`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Started by its folder's name: what can be imported then is the folder's inside, where this package isn't.
        sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from ibm_native.serving import main

    sys.exit(main())
