"""Calls to IBM Cloud: endpoints, token, retries and threads.

Only this, services.py and credentials.py load IBM's SDKs; nothing is loaded, read or called until the first request.
The SDKs block, so each request runs in one of a few threads. One authenticator serves every service, so that a process
fetches one token; after a failed token request it is replaced, since the SDK's own would block for a minute.
"""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import TypeVar, cast
from urllib.parse import parse_qs, urlsplit

from ibm_native.cloud import credentials, errors, refusals
from ibm_native.cloud.connection import Connection
from ibm_native.cloud.credentials import Authenticator
from ibm_native.cloud.pace import Pace, delays
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import AccessGroups, Advisor, Answer, ApiFailure, Groups, Identity, Json, Policies, Registry
from ibm_native.cloud.services import Services

_ATTEMPTS = 5
_ATTEMPTS_TO_CONNECT = 3
_LONGEST_RETRY_AFTER = 60.0
_THREADS = 8

PAGE = 100
"""Items a page of a list: the most that IAM allows."""

_T = TypeVar("_T")


@dataclass(frozen=True)
class Reply:
    """An answer with a JSON body."""

    status: int
    etag: str
    body: object

    @property
    def fields(self) -> Json:
        """Return the body as an object; anything else is empty."""
        return cast("Json", self.body) if isinstance(self.body, dict) else {}


class Cloud:
    """IBM Cloud as one account sees it with one credential.

    Every call raises a ProviderError that says what failed; LostAnswerError if a call that isn't repeatable may have
    had its effect.
    """

    def __init__(self, connection: Connection, pace: Pace) -> None:
        self.connection = connection
        self.pace = pace
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="ibm-cloud")
        self._lock = threading.Lock()
        self._authenticator: Authenticator | None = None
        self._services = Services()
        self._once: dict[str, asyncio.Lock] = {}
        self._kept: dict[str, object] = {}
        self._shared: dict[str, asyncio.Future[object]] = {}

    def close(self) -> None:
        """End the threads, and the connections that the SDKs keep open, once no thread needs them."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        # A thread may hold the lock until IAM answers, and the event loop waits for nobody.
        threading.Thread(target=self._sign_out, name="ibm-cloud-close", daemon=True).start()

    async def account(self, what: str) -> str:
        """Return the account's id: the configured one, or the one that the API key belongs to."""
        if self.connection.account_id:
            return self.connection.account_id
        job = Job(what, "an API key of the account")
        return await self._repeat(job, lambda: _account_of(self._signed_in(what)[1]))

    async def identity(self, job: Job, call: Callable[[Identity], Answer]) -> Reply:
        """Call IAM Identity."""
        return await self._call(job, self.connection.iam_endpoint, self._services.identity, call)

    async def policies(self, job: Job, call: Callable[[Policies], Answer]) -> Reply:
        """Call IAM Policy Management."""
        return await self._call(job, self.connection.iam_endpoint, self._services.policies, call)

    async def access_groups(self, job: Job, call: Callable[[AccessGroups], Answer]) -> Reply:
        """Call IAM Access Groups."""
        return await self._call(job, self.connection.iam_endpoint, self._services.access_groups, call)

    async def registry(self, region: str, job: Job, call: Callable[[Registry], Answer]) -> Reply:
        """Call the Container Registry of `region`."""
        endpoint = self.connection.registry_url(region, job.what)
        account = await self.account(job.what)
        return await self._call(job, endpoint, lambda auth, url: self._services.registry(auth, url, account), call)

    async def advisor(self, region: str, job: Job, call: Callable[[Advisor], Answer]) -> Reply:
        """Call the Vulnerability Advisor of `region`."""
        endpoint = self.connection.registry_url(region, job.what)
        account = await self.account(job.what)
        return await self._call(job, endpoint, lambda auth, url: self._services.advisor(auth, url, account), call)

    async def groups(self, job: Job, call: Callable[[Groups], Answer]) -> Reply:
        """Call the Resource Manager, which knows resource groups."""
        endpoint = self.connection.resource_manager_url
        return await self._call(job, endpoint, self._services.groups, call)

    async def once(self, key: str, fetch: Callable[[], Awaitable[_T]]) -> _T:
        """Return what `fetch` gives, asked for once a process: for what doesn't change while a program runs."""
        lock = self._once.setdefault(key, asyncio.Lock())
        async with lock:
            if key not in self._kept:
                self._kept[key] = await fetch()
            return cast("_T", self._kept[key])

    async def shared(self, key: str, fetch: Callable[[], Awaitable[_T]]) -> _T:
        """Return what `fetch` gives; callers at the same time share one call. For reads that follow no write."""
        under_way = cast("asyncio.Task[_T] | None", self._shared.get(key))
        if under_way is None:
            under_way = asyncio.ensure_future(fetch())
            self._shared[key] = cast("asyncio.Future[object]", under_way)
            under_way.add_done_callback(lambda _: self._shared.pop(key))
        return await asyncio.shield(under_way)

    async def pages(self, items: str, fetch: Callable[[str | None], Awaitable[Reply]]) -> AsyncIterator[Json]:
        """Yield the objects of a list, page by page; `fetch` takes the token of a page, None for the first."""
        token: str | None = None
        while True:
            reply = await fetch(token)
            for each in cast("list[Json]", reply.fields.get(items) or []):
                yield each
            token = _next_page(reply.fields.get("next"))
            if not token:
                return

    async def _call(
        self, job: Job, endpoint: str, service: Callable[[object, str], _T], call: Callable[[_T], Answer]
    ) -> Reply:
        def send() -> Reply:
            authenticator = self._signed_in(job.what)[0]
            with self._lock:
                ready = service(authenticator, endpoint)
            answer = _translated(
                job.what, endpoint, lambda: call(ready), lambda refusal: refusals.api_error(job, refusal)
            )
            return Reply(answer.get_status_code(), answer.get_headers().get("ETag") or "", answer.get_result())

        return await self._repeat(job, send)

    async def _repeat(self, job: Job, send: Callable[[], _T]) -> _T:
        """Run `send` in a thread, again where that is safe: it had no effect, or twice is the same as once."""
        renewed = False
        waits = delays(shortest=0.5, longest=8.0)
        for attempt in count(1):
            try:
                return await asyncio.get_running_loop().run_in_executor(self._pool, send)
            except errors.ProviderError as error:
                if isinstance(error, errors.ApiError) and error.status == 401 and not renewed:
                    # The token may have been withdrawn since; a refused call had no effect.
                    renewed = True
                    await asyncio.get_running_loop().run_in_executor(self._pool, self._sign_out)
                    continue
                last = _ATTEMPTS_TO_CONNECT if isinstance(error, errors.UnreachableError) else _ATTEMPTS
                allowed = error.repeat is errors.Repeat.SAFE or (
                    error.repeat is errors.Repeat.IF_SAME and job.repeatable
                )
                if attempt >= last or not allowed:
                    raise
                told = error.retry_after if isinstance(error, errors.ApiError) else None
            await self.pace.sleep(min(told or next(waits), _LONGEST_RETRY_AFTER), job.what)
        raise AssertionError  # the count has no end

    def _signed_in(self, what: str) -> tuple[object, str]:
        """Return an authenticator that holds a good token, and the token. Runs in a thread."""
        endpoint = self.connection.iam_endpoint
        with self._lock:
            if self._authenticator is None:
                self._authenticator = credentials.authenticator(self.connection, what)
            manager = self._authenticator.token_manager
            try:
                token = _translated(
                    what,
                    endpoint,
                    lambda: credentials.token(manager, what),
                    lambda refusal: refusals.token_error(what, endpoint, refusal),
                )
            except errors.LostAnswerError as error:
                self._forget()
                raise errors.TokenError(what, error.why, error.remedy, status=503) from None
            except errors.ProviderError:
                self._forget()
                raise
            return self._authenticator, token

    def _sign_out(self) -> None:
        """Forget the token and the clients that carry it. Runs in a thread."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._authenticator = None
        self._services.close()


def _translated(
    what: str, endpoint: str, call: Callable[[], _T], refused: Callable[[refusals.Refusal], errors.ProviderError]
) -> _T:
    """Return `call()`, with the SDK's exceptions turned into ours; theirs can hold a request's body."""
    import requests  # noqa: PLC0415  # slow to load
    from ibm_cloud_sdk_core import ApiException  # noqa: PLC0415

    try:
        return call()
    except requests.exceptions.RequestException as failure:
        raise refusals.connection_error(what, endpoint, failure) from None
    except ApiException as failure:
        raise refused(refusals.read(cast("ApiFailure", cast("object", failure)))) from None


def _account_of(token: str) -> str:
    """Return the account that a token is for; the token came straight from IAM, so its signature isn't checked."""
    payload = token.split(".")[1]
    claims = cast("Json", json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
    return str(cast("Json", claims["account"])["bss"])


def _next_page(following: object) -> str | None:
    """Return the token of the next page.

    Identity lists give a URL, policy lists an object with `start`, access groups an object with a URL in `href`.
    """
    if isinstance(following, dict):
        link = cast("Json", following)
        start = link.get("start")
        if isinstance(start, str):
            return start
        following = link.get("href")
    if not isinstance(following, str):
        return None
    query = parse_qs(urlsplit(following).query)
    return (query.get("pagetoken") or query.get("offset") or [None])[0]
