"""Reads an image's manifest with an API key as a container runtime would, and says why it can't.

The Docker token flow: the registry's challenge names a realm, the key is exchanged there for a token of one
repository, the token opens the manifest. A key is sent only to the registry's own host, or inside icr.io.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from ibm_native.cloud.errors import conceal
from ibm_native.cloud.regions import base_url, is_loopback, region_of_host

if TYPE_CHECKING:
    import requests

USER = "iamapikey"
"""The user name that IBM's registry takes for every API key (IBM's docs, "Accessing your namespaces")."""

MANIFESTS = (
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
)
_TIMEOUTS = (5.0, 15.0)
_PARAMETER = re.compile(r'([A-Za-z][\w-]*)\s*=\s*(?:"([^"]*)"|([^\s,"]+))')
_QUOTA = re.compile(r"exceeded its [\w ]*quota", re.IGNORECASE)


@dataclass(frozen=True)
class Pull:
    """What is to be read, where, and with which key."""

    host: str
    repository: str
    digest: str
    api_key: str

    @property
    def namespace(self) -> str:
        """Return the part of the repository that policies are about."""
        return self.repository.partition("/")[0]

    @property
    def place(self) -> str:
        """Return the host with its region, for a person."""
        region = region_of_host(self.host)
        return f"{self.host} (region {region})" if region else self.host


@dataclass(frozen=True)
class Proved:
    """The manifest was read."""


@dataclass(frozen=True)
class Refused:
    """Why the manifest couldn't be read; `final` if waiting can't help, `of_key` if it is the key that is refused."""

    why: str
    remedy: str
    final: bool = False
    of_key: bool = False


def challenge(header: str) -> tuple[str, Mapping[str, str]]:
    """Return scheme (lower case) and parameters of a WWW-Authenticate header; values may be unquoted."""
    scheme, _, rest = header.strip().partition(" ")
    return scheme.lower(), {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(rest)}


def trusted(realm: str, host: str) -> bool:
    """Tell whether a key may be sent to `realm`: same scheme and host as the registry, or inside icr.io over HTTPS."""
    wanted, found = urlsplit(base_url(host)), urlsplit(realm)
    if found.username is not None or found.password is not None:
        return False
    if (found.scheme, found.hostname, found.port) == (wanted.scheme, wanted.hostname, wanted.port):
        return True
    inside = all(_in_icr(each.hostname or "") for each in (wanted, found))
    return inside and found.scheme == "https" and found.port in {None, 443}


def _in_icr(host: str) -> bool:
    return host == "icr.io" or host.endswith(".icr.io")


def silent(pull: Pull) -> Refused:
    """Return what a registry that doesn't answer amounts to."""
    return Refused(
        f"the registry at {pull.host} doesn't answer", "Is it the right host, and does this machine reach it?"
    )


def attempt(pull: Pull) -> Proved | Refused:
    """Read the manifest once. Blocks; call it in a thread."""
    import requests  # noqa: PLC0415  # slow to load, and only the plugin process needs it

    try:
        with requests.Session() as session:
            # Neither ~/.netrc nor cookies may stand in for the key that is to be proved.
            session.auth = _no_login
            # A registry on this machine isn't reached through a proxy.
            session.trust_env = not is_loopback(pull.host)
            return _attempt(session, pull)
    except requests.exceptions.SSLError:
        return Refused(f"the certificate of {pull.host} isn't trusted", "Is it the registry's host?", final=True)
    except requests.exceptions.RequestException:
        return silent(pull)


def _attempt(http: requests.Session, pull: Pull) -> Proved | Refused:
    asked = {"scope": f"repository:{pull.repository}:pull"}
    realm = _realm(http, pull, asked)
    if isinstance(realm, Refused):
        return realm
    login = http.get(realm, params=asked, auth=(USER, pull.api_key), timeout=_TIMEOUTS, allow_redirects=False)
    if login.status_code != 200:
        return _login_refused(pull, login.status_code, login.text)
    read = _read(http, pull, login.text)
    if read.status_code != 200:
        return _manifest_refused(pull, read.status_code, read.text)
    nobody = http.get(realm, params=asked, timeout=_TIMEOUTS, allow_redirects=False)
    if nobody.status_code == 200 and _read(http, pull, nobody.text).status_code == 200:
        return _open(pull, "gives everybody a token for this image")
    return Proved()


def _realm(http: requests.Session, pull: Pull, asked: dict[str, str]) -> str | Refused:
    """Return where the registry sends logins, and put into `asked` the service that it names."""
    hello = http.get(f"{base_url(pull.host)}/v2/", timeout=_TIMEOUTS, allow_redirects=False)
    scheme, parameters = challenge(hello.headers.get("WWW-Authenticate", ""))
    if hello.status_code == 200:
        return _open(pull, "answers everybody")
    if hello.status_code != 401 or scheme != "bearer":
        return Refused(
            f"what answers at {pull.host} is no registry that logs in by token (HTTP {hello.status_code} for /v2/)",
            "Is it the registry's host?",
            final=hello.status_code < 500,
        )
    realm = parameters.get("realm", "")
    if not trusted(realm, pull.host):
        return Refused(
            f"the registry at {pull.host} sends logins to {realm or 'nowhere'}, another host",
            "The key was not sent there. Is it the registry's host?",
            final=True,
        )
    asked["service"] = parameters.get("service", "")
    return realm


def _read(http: requests.Session, pull: Pull, login: str) -> requests.Response:
    """Return the manifest's headers with the token of a login's answer; a refusal with its body, which says why."""
    token = _token(login)
    conceal(token)
    headers = {"Accept": MANIFESTS, "Authorization": f"Bearer {token}"}
    url = f"{base_url(pull.host)}/v2/{pull.repository}/manifests/{pull.digest}"
    head = http.head(url, headers=headers, timeout=_TIMEOUTS, allow_redirects=False)
    if head.status_code == 200:
        return head
    return http.get(url, headers=headers, timeout=_TIMEOUTS, allow_redirects=False)


def _no_login(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _token(text: str) -> str:
    """Return the token of a login's answer: the specification has `token`, and `access_token` for the same."""
    try:
        found = cast("Mapping[str, object]", json.loads(text))
    except ValueError:
        return ""
    return str(found.get("token") or found.get("access_token") or "")


def _login_refused(pull: Pull, status: int, text: str) -> Refused:
    if _QUOTA.search(text):
        return _over_quota(text)
    if status in {400, 401}:
        return Refused(
            f"the registry at {pull.place} doesn't know the API key (HTTP {status})",
            "The key is wrong, deleted, disabled or expired, or belongs to another IBM Cloud than this registry.",
            of_key=True,
        )
    if status == 403:
        return _no_right(pull, status)
    return Refused(f"the login of the registry at {pull.place} fails (HTTP {status})", "Try again in a moment.")


def _manifest_refused(pull: Pull, status: int, text: str) -> Refused:
    if _QUOTA.search(text):
        return _over_quota(text)
    if status in {401, 403}:
        return _no_right(pull, status)
    if status == 404:
        return Refused(
            f"{pull.place} has no image {pull.repository}@{pull.digest} (HTTP 404)",
            "Was it pushed to this host and namespace? Names are a region's own: another region has other images.",
        )
    return Refused(f"the registry at {pull.place} fails (HTTP {status})", "Try again in a moment.")


def _no_right(pull: Pull, status: int) -> Refused:
    return Refused(
        f"the API key is known, but may not pull {pull.repository} from {pull.place} (HTTP {status})",
        f"It needs the role Reader on container-registry for namespace {pull.namespace}, in this registry's region: "
        "check the policy's region and namespace.",
        of_key=True,
    )


def _open(pull: Pull, how: str) -> Refused:
    return Refused(
        f"the registry at {pull.host} {how}, without a login: that a key can pull there proves nothing",
        "Is it the registry's host? An open registry needs no key and no proof.",
        final=True,
    )


def _over_quota(text: str) -> Refused:
    return Refused(
        f"the account is over its registry quota: {_message(text)}",
        "Nothing else can pull either. See `ibmcloud cr quota`: raise quota or plan, or wait for the next month.",
        final=True,
    )


def _message(text: str) -> str:
    found = re.search(r'"message"\s*:\s*"([^"]*)"', text)
    return found[1] if found else text[:200]
