"""Who calls: an API key, or whatever the SDK finds under its own names; nothing is read until a call needs it.

In this order: `ibm-native:apiKey`, the environment's IBMCLOUD_API_KEY, and the SDK's own configuration of its service
`iam_identity` (IAM_IDENTITY_AUTH_TYPE and so on, in the environment or in the file that IBM_CREDENTIALS_FILE names): an
API key, a trusted profile by compute-resource token (`container`), by VPC instance (`vpc`) or by API key (`iamAssume`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Protocol, cast

from ibm_native.cloud.connection import API_KEY_VARIABLE, Connection
from ibm_native.cloud.errors import ConfigurationError, ProviderError, conceal
from ibm_native.cloud.regions import proxies
from ibm_native.cloud.sdk import Tokens
from ibm_native.version import PACKAGE

SDK_SERVICE = "iam_identity"
"""The SDK's name of the service whose configuration is read."""

_REMEDY = (
    f"Set one: `pulumi config set --secret {PACKAGE}:apiKey`, the environment variable {API_KEY_VARIABLE}, or the "
    "SDK's own, such as IAM_IDENTITY_AUTH_TYPE=container and IAM_IDENTITY_IAM_PROFILE_ID for a trusted profile."
)


_KEY = re.compile(r"[!#-&(-z|~]+")
_KEYS_LACK = "a blank, a line end, a quote, a brace or a letter beyond ASCII"
"""What is in no API key, and what the SDK or HTTP would stumble over."""


class Authenticator(Protocol):
    """An authenticator of the SDK that gets its tokens from IAM."""

    @property
    def token_manager(self) -> Tokens: ...  # noqa: D102  # the SDK's


def authenticator(connection: Connection, what: str) -> Authenticator:
    """Return a new authenticator; raises ConfigurationError if there is no credential, or none for IAM."""
    found = _from_key(connection, what) or _from_sdk(connection, what)
    manager = found.token_manager
    manager.http_config = {"proxies": proxies(manager.url)}
    return found


def _from_key(connection: Connection, what: str) -> Authenticator | None:
    given = {f"{PACKAGE}:apiKey": connection.api_key, API_KEY_VARIABLE: os.environ.get(API_KEY_VARIABLE)}
    source, key = next(((name, _pasted(value)) for name, value in given.items() if value and _pasted(value)), ("", ""))
    if not key:
        return None
    if not _KEY.fullmatch(key):
        raise ConfigurationError(what, f"{source} is no API key: it has {_KEYS_LACK} in it", _REMEDY)
    from ibm_cloud_sdk_core.authenticators import IAMAuthenticator  # noqa: PLC0415  # slow to load

    return cast("Authenticator", IAMAuthenticator(key, url=connection.iam_endpoint))


def _pasted(value: str) -> str:
    """Return an API key without the blanks, line ends and quotes that came along with it."""
    conceal(value)
    key = value.strip()
    if len(key) > 1 and key[0] == key[-1] and key[0] in "\"'":
        key = key[1:-1].strip()
    conceal(key)
    return key


def _from_sdk(connection: Connection, what: str) -> Authenticator:
    import ibm_cloud_sdk_core as core  # noqa: PLC0415  # slow to load

    read = cast("Callable[[str], dict[str, str]]", getattr(core, "read_external_sources"))  # noqa: B009  # untyped
    settings = read(SDK_SERVICE)
    for name in ("APIKEY", "CLIENT_SECRET", "BEARER_TOKEN", "PASSWORD"):
        conceal(settings.get(name, ""))
    key = settings.get("APIKEY")
    if key and not _KEY.fullmatch(key):
        source = f"{SDK_SERVICE.upper()}_APIKEY"
        raise ConfigurationError(what, f"{source} is no API key: it has {_KEYS_LACK} in it", _REMEDY)
    try:
        found = core.get_authenticator_from_environment(SDK_SERVICE) if settings else None
    except ValueError as error:
        raise ConfigurationError(what, f"the SDK refuses its configuration: {error}", _REMEDY) from None
    if found is None:
        raise ConfigurationError(what, "no IBM Cloud credential (API key or trusted profile) is set", _REMEDY)
    manager = getattr(found, "token_manager", None)
    if manager is None:
        kind = found.authentication_type()
        raise ConfigurationError(what, f"the SDK's configuration gives {kind}, which gets no token from IAM", _REMEDY)
    if "AUTH_URL" not in settings and found.authentication_type() != "vpc":
        # The SDK's default is IBM's own address; the stack's is what counts.
        manager.url = connection.iam_endpoint
    return cast("Authenticator", found)


def token(manager: Tokens, what: str) -> str:
    """Return a token; raises ConfigurationError if what the credential is made of can't be read on this machine."""
    from ibm_cloud_sdk_core import ApiException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        return manager.get_token()
    except (ApiException, RequestException, ProviderError):
        raise
    except Exception as error:  # noqa: BLE001  # the SDK raises bare Exception for a missing token file
        raise ConfigurationError(what, f"the credential can't be used here: {error}", _REMEDY) from None
