"""Who calls: an API key, or whatever the SDK finds under its own names; nothing is read until a call needs it.

In this order: `ibm-native:apiKey`, the environment's IBMCLOUD_API_KEY, and the SDK's own configuration of its service
`iam_identity` (IAM_IDENTITY_AUTH_TYPE and so on, in the environment or in the file that IBM_CREDENTIALS_FILE names): an
API key, a trusted profile by compute-resource token (`container`), by VPC instance (`vpc`) or by API key (`iamAssume`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol, cast

from ibm_native.cloud.connection import API_KEY_VARIABLE, Connection
from ibm_native.cloud.errors import ConfigurationError, ProviderError, conceal
from ibm_native.cloud.sdk import Tokens
from ibm_native.version import PACKAGE

SDK_SERVICE = "iam_identity"
"""The SDK's name of the service whose configuration is read."""

_REMEDY = (
    f"Set one: `pulumi config set --secret {PACKAGE}:apiKey`, the environment variable {API_KEY_VARIABLE}, or the "
    "SDK's own, such as IAM_IDENTITY_AUTH_TYPE=container and IAM_IDENTITY_IAM_PROFILE_ID for a trusted profile."
)


class Authenticator(Protocol):
    """An authenticator of the SDK that gets its tokens from IAM."""

    @property
    def token_manager(self) -> Tokens: ...  # noqa: D102  # the SDK's


def authenticator(connection: Connection, what: str) -> Authenticator:
    """Return a new authenticator; raises ConfigurationError if there is no credential, or none for IAM."""
    key = connection.api_key or os.environ.get(API_KEY_VARIABLE)
    if key:
        from ibm_cloud_sdk_core.authenticators import IAMAuthenticator  # noqa: PLC0415  # slow to load

        conceal(key)
        return cast("Authenticator", IAMAuthenticator(key, url=connection.iam_endpoint))
    return _from_sdk(connection, what)


def _from_sdk(connection: Connection, what: str) -> Authenticator:
    import ibm_cloud_sdk_core as core  # noqa: PLC0415  # slow to load

    read = cast("Callable[[str], dict[str, str]]", getattr(core, "read_external_sources"))  # noqa: B009  # untyped
    settings = read(SDK_SERVICE)
    for name in ("APIKEY", "CLIENT_SECRET", "BEARER_TOKEN", "PASSWORD"):
        conceal(settings.get(name, ""))
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
