"""Starts the plugin: `python -u <checkout>/ibm_native <engine's address>`, or `python -m ibm_native <address>`."""

import gc
import sys
from pathlib import Path

if __name__ == "__main__":
    if not __package__:
        # Started by its folder's name: what can be imported then is the folder's inside, where this package isn't.
        sys.path[0] = str(Path(__file__).resolve().parent.parent)
    gc.disable()  # a search for garbage among all that is imported takes an eighth of the start, and finds none
    from ibm_native.serving import main

    gc.freeze()
    gc.enable()
    sys.exit(main())
