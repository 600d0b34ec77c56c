"""What is installed in an image, by its layers, and how Debian's versions compare: dpkg itself is the judge."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.cloud.advisor import packages
from sandbox.cloud.advisor.layers import UnreadableError, overlay
from tests.cloud.real_registry import layer

pytestmark = [pytest.mark.cloud, pytest.mark.sandbox_only]

VERSIONS = [
    "1", "1.0", "1.0-1", "1.0-1+deb12u1", "1.0-1~bpo12+1", "1.0~rc1-1", "1.0~~", "1.0~", "0:1.0", "1:0.9", "2:0",
    "1.10", "1.9", "1.0a", "1.0+dfsg-1", "1.0-1.1", "1.0.0", "01.0", "3.0.15-1~deb12u1", "3.0.9-1", "1.0-a-2", "1.",
    "10.2.1-6", "2023c-5+deb12u1", "1.2.3.dfsg-4", "1.0-1build1", "1.0-0ubuntu2",
]  # fmt: skip


def dpkg_says_older(one: str, other: str) -> bool:
    return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0


@pytest.mark.verified
def test_versions_compare_as_dpkg_does() -> None:
    pairs = list(product(VERSIONS, repeat=2))[::3]
    wrong = [pair for pair in pairs if packages.is_older(*pair) != dpkg_says_older(*pair)]
    assert wrong == []


PART = st.text("0123456789abzAZ.+~", min_size=0, max_size=6)


@given(PART, PART)
@settings(max_examples=60, deadline=None)
@pytest.mark.verified
def test_any_two_versions_compare_as_dpkg_does(one: str, other: str) -> None:
    one, other = f"1{one}-1", f"1{other}-1"
    assert packages.is_older(one, other) == dpkg_says_older(one, other)


STATUS = """Package: openssl
Status: install ok installed
Version: 3.0.9-1
Description: tools
 Package: not-a-field

Package: removed
Status: deinstall ok config-files
Version: 1.0

Package: no-version
Status: install ok installed
"""


def test_only_installed_packages_count() -> None:
    assert packages.installed({packages.STATUS: STATUS}) == {"openssl": "3.0.9-1"}


def test_a_distroless_images_parts_are_read() -> None:
    parts = {f"{packages.PARTS}base": "Package: base-files\nVersion: 12.4\n", f"{packages.PARTS}tz": "Package: tz\n"}
    assert packages.installed(parts) == {"base-files": "12.4"}
    assert packages.is_wanted(f"{packages.PARTS}base")
    assert not packages.is_wanted(f"{packages.PARTS}base.md5sums")


def test_an_image_without_a_list_is_told_from_one_with_an_empty_list() -> None:
    assert packages.installed({}) is None
    assert packages.installed({packages.STATUS: ""}) == {}


def test_the_release_in_etc_counts_before_the_one_in_usr() -> None:
    files = {"usr/lib/os-release": 'ID=debian\nVERSION_ID="12"\n', "etc/os-release": "VERSION_ID=13\n"}
    assert packages.release(files) == {"ID": "debian", "VERSION_ID": "13"}


def read(*layers: bytes) -> dict[str, str]:
    files: dict[str, str] = {}
    for each in layers:
        overlay(files, io.BytesIO(each), packages.is_wanted)
    return files


def test_upper_layers_cover_lower_ones_and_take_away() -> None:
    base = layer({"./var/lib/dpkg/status": "old", "etc/os-release": "x", "big": "y", f"{packages.PARTS}a": "a"})
    assert read(base, layer({"var/lib/dpkg/status": "new"}))[packages.STATUS] == "new"
    assert packages.STATUS not in read(base, layer({"var/lib/dpkg/.wh.status": ""}))
    assert read(base, layer({"var/lib/.wh.dpkg": ""})) == {"etc/os-release": "x"}
    opaque = layer({"var/lib/dpkg/status": "new", "var/lib/dpkg/.wh..wh..opq": ""})
    assert read(base, opaque) == {"etc/os-release": "x", packages.STATUS: "new"}
    assert "big" not in read(base)


def test_a_plain_tar_is_read_and_what_is_none_is_told() -> None:
    assert read(gzip.decompress(layer({packages.STATUS: "x"}))) == {packages.STATUS: "x"}
    with pytest.raises(UnreadableError):
        read(b"\x28\xb5\x2f\xfd zstd")
    with pytest.raises(UnreadableError):
        read(layer({packages.STATUS: "x" * 100_000})[:-40])


def test_a_link_is_not_followed() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        link = tarfile.TarInfo("etc/os-release")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/shadow"
        archive.addfile(link)
    assert read(packed.getvalue()) == {}
