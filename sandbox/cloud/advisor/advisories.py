"""The known problems, from a file that the user or a test gives: which version of which package mends which CVE.

[
  {
    "cve": "CVE-2024-0001",
    "package": "openssl",
    "fixed": "3.0.15-1~deb12u1",
    "notice": "DSA-5764-1",
    "summary": "A crafted certificate stops the program."
  }
]

`package` and `fixed` are Debian's names; every installed version before `fixed` has the problem. `notice`, the security
notice that brings the fix, and `summary` may be left out. One CVE may be in several packages, one notice mend several.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from sandbox.cloud.advisor.packages import is_older
from sandbox.cloud.core.watched import Watched


class Advisory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One problem in one package, mended by one version."""

    cve: str
    package: str
    fixed: str
    notice: str = ""
    summary: str = ""

    @property
    def notice_id(self) -> str:
        """The security notice; one is named after the CVE where the file names none."""
        return self.notice or f"NOTICE-{self.cve}"

    def applies(self, packages: Mapping[str, str]) -> bool:
        """Tell whether an image with these packages (name -> version) has the problem."""
        version = packages.get(self.package)
        return version is not None and is_older(version, self.fixed)


class Advisories(Watched[Advisory]):
    """The file, read again whenever it changes; no file means that nothing is known."""

    def __init__(self, path: Path | None = None) -> None:
        example = '[{"cve": "CVE-2024-0001", "package": "openssl", "fixed": "3.0.15-1"}]'
        super().__init__(path, Advisory, "known vulnerabilities", example)
