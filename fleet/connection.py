"""How a stack's account is reached: with the endpoints and the key that its provider has."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

from base.errors import SandboxError
from config.model import PROVIDER
from fleet.stack import Stack
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import API_KEY_VARIABLE, IAM_ENDPOINT, Connection
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.pace import Pace

_T = TypeVar("_T")


def connection(stack: Stack) -> Connection:
    """Return where the stack's cloud is and who calls it, from its file and its environment.

    Raises SandboxError if the file's key can't be decrypted.
    """
    given = {
        name.removeprefix(f"{PROVIDER}:"): text
        for name, text in stack.file.config.items()
        if name.startswith(f"{PROVIDER}:")
    }
    key = stack.environ.get(API_KEY_VARIABLE)
    if "apiKey" in given:
        key = stack.ask("config", "get", f"{PROVIDER}:apiKey", "--stack", stack.name).strip()
    return Connection(
        api_key=key or None,
        account_id=given.get("accountId"),
        region=given.get("region"),
        iam_endpoint=given.get("iamEndpoint", IAM_ENDPOINT),
        registry_endpoint=given.get("registryEndpoint"),
        registry_endpoints=cast("dict[str, str]", json.loads(given.get("registryEndpoints") or "{}")),
    )


def asked(to: Connection, question: Callable[[Cloud], Awaitable[_T]], remedy: str) -> _T:
    """Return what `question` gives of the cloud; raises SandboxError with IBM's words, mended by `remedy`."""

    async def ask() -> _T:
        cloud = Cloud(to, Pace())
        try:
            return await question(cloud)
        finally:
            cloud.close()

    try:
        return asyncio.run(ask())
    except ProviderError as error:
        raise SandboxError(str(error), remedy) from None
