"""Debian's headless Chromium on one page: how it looks on a phone and in the dark, and what it asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from selenium import webdriver

from sandbox.toolchain import debian

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # root has no user namespace to drop into
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def chromium(profile: Path) -> Generator[webdriver.Chrome]:
    """Yield a browser with a new profile; it keeps what pages ask for and what they complain about."""
    tree = debian.ensure(debian.BROWSER)
    environ = tree.environ() | {"FONTCONFIG_SYSROOT": str(tree.root)}
    libraries = [environ["LD_LIBRARY_PATH"], str(tree.path(f"usr/lib/{tree.multiarch}/pulseaudio"))]
    environ["LD_LIBRARY_PATH"] = os.pathsep.join(libraries)
    options = webdriver.ChromeOptions()
    options.binary_location = str(tree.path("usr/lib/chromium/chromium"))
    for argument in (*_ARGUMENTS, f"--user-data-dir={profile}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(str(tree.binary("chromedriver")), env=environ))
    try:
        yield driver
    finally:
        driver.quit()


def look(driver: webdriver.Chrome, page: Path, width: int, *, dark: bool = False) -> None:
    """Open a page on a screen of this width, in CSS pixels."""
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    settings = {"setEmulatedMedia": {"features": scheme}, "setDeviceMetricsOverride": screen}
    for name, values in settings.items():
        driver.execute_cdp_cmd(f"Emulation.{name}", values)  # pyright: ignore[reportUnknownMemberType]
    driver.get(page.as_uri())


def asked_for(driver: webdriver.Chrome) -> set[str]:
    """Return the addresses that pages have asked for since this was called last; the browser's own parts are none."""
    events = [json.loads(each["message"])["message"] for each in _log(driver, "performance")]
    urls = {each["params"]["request"]["url"] for each in events if each["method"] == "Network.requestWillBeSent"}
    return {url for url in urls if not url.startswith(("chrome://", "data:"))}


def complaints(driver: webdriver.Chrome) -> list[str]:
    """Return what the browser found wrong with pages since this was called last."""
    return [each["message"] for each in _log(driver, "browser") if each["level"] == "SEVERE"]


def _log(driver: webdriver.Chrome, kind: str) -> list[dict[str, str]]:
    return cast("list[dict[str, str]]", driver.get_log(kind))  # pyright: ignore[reportUnknownMemberType]
