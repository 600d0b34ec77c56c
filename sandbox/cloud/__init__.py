"""IBM Cloud's stand-in: IAM, Container Registry's API and the registry's login, over HTTP, in one process.

Strict: every call is authenticated and authorised, nothing is invented, and what is missing answers 501.
`core/unverified.py` lists every answer that no public source settles.
"""

import time

BEGAN = time.perf_counter()
"""When this process began to load the stand-in: a start is measured from here."""
