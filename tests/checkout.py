"""The files of a checkout, for those who copy it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def files_of(checkout: Path) -> list[str]:
    """Return the files that git has, or would take, whoever owns the checkout: in a container it is another user's."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if (checkout / name).is_file()]
