"""The stand-in for tests: real HTTP on a free loopback port, in this process, with a fresh account of its own.

with StandIn() as cloud:
    service = IamIdentityV1(IAMAuthenticator(cloud.api_key, url=cloud.url))
    service.set_service_url(cloud.url)
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import uvicorn
from starlette.types import ASGIApp

from sandbox.cloud.app import make_app
from sandbox.cloud.controls.faults import Effects, Fault
from sandbox.cloud.controls.request_log import Record
from sandbox.cloud.core import token_keys
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.accounts import create_account
from sandbox.cloud.iam.tokens import IamTokens
from sandbox.cloud.registry.tokens import RegistryTokens
from sandbox.cloud.serving.keeper import Registries
from sandbox.cloud.serving.world import World


@dataclass(frozen=True)
class Owned:
    """An account, with its owner's IAM ID and API key."""

    account_id: str
    owner_iam_id: str
    api_key: str = field(repr=False)


class StandIn:
    """IBM Cloud on a loopback port. Each one is a cloud of its own: nothing is shared with another.

    `url` is IAM's address and the first region's; `registry_urls` has one address a region. `api_key` belongs to the
    owner of `account_id`, whose IAM ID is `owner_iam_id`; `accounts` has these of all accounts that were asked for.
    `clock` can be moved; `store` is the database, for what no API can make. `control_url` is the control API's address,
    where `control` asked for it; real registries are there only where `registries` names their sockets, and clusters
    whose ServiceAccounts can assume trusted profiles where the file `clusters` does. Everything is in memory, and gone
    after `stop`.

    Time and faults, for tests of what goes wrong at IBM; times are seconds, of `clock` unless said otherwise:

    cloud.clock.advance(3600)                                     # tokens and keys expire
    cloud.visibility_delay = 30                                   # what is made from now on is 404 for 30 s
    cloud.authorization_delay = 30                                # new keys and policies do nothing for 30 s
    cloud.removal_delay = 600                                     # deleted policies go on for 600 s
    cloud.fault("POST", "/v1/apikeys", reset="after")             # once: the key is made, the answer is lost
    cloud.fault("GET", "/v2/policies/*", count=2, status=429, retry_after=1)
    cloud.fault(path="/identity/token", count=None, delay=0.5)    # every time, half a real second late
    cloud.fault("PUT", "/v1/serviceids/*", malformed=True)        # done, but the answer is broken JSON
    cloud.fault("GET", "/v1/serviceids/*", slow=2)                # the answer's body takes two real seconds
    cloud.clear_faults()                                          # no more faults, no more delays
    [(each.method, each.path, each.status, each.policy) for each in cloud.requests]

    See `Fault`, `Delays` and `Record` for what each of them means precisely.
    """

    def __init__(
        self,
        regions: Sequence[str] = ("jp-tok",),
        *,
        accounts: int = 1,
        control: bool = False,
        registries: Registries | None = None,
        clusters: Path | None = None,
    ) -> None:
        sockets = {region: _listen() for region in regions}
        addresses = {region: "127.0.0.1:{1}".format(*open_.getsockname()) for region, open_ in sockets.items()}
        self.region = regions[0]
        self.registry_urls = {region: f"http://{address}" for region, address in addresses.items()}
        self.url = self.registry_urls[self.region]
        self.store = Store(None)
        self.world = World.of(self.store, addresses, *_signers(), registries=registries, clusters=clusters)
        self.clock = self.world.clock
        self._controls = self.world.controls
        with self.store.transaction() as session:
            made = [create_account(session, self.clock) for _ in range(accounts)]
        self.accounts = [Owned(account.id, account.owner_iam_id, key) for account, key in made]
        self.account_id, self.owner_iam_id, self.api_key = astuple(self.accounts[0])
        control_socket = _listen() if control else None
        control_port = int(control_socket.getsockname()[1]) if control_socket else None
        self.control_url = f"http://127.0.0.1:{control_port}" if control_port else None
        listening = [*sockets.values(), *([control_socket] if control_socket else [])]
        self._server = _Server(make_app(self.world, control_port), listening)

    def fault(self, method: str | None = None, path: str = "*", **effects: Unpack[Effects]) -> Fault:
        """Let requests of this method and raw path (`*` fits any text) go wrong; the next one, unless told otherwise.

        Raises:
            SandboxError: an effect has no legal value.

        """
        return self._controls.faults.add(Fault(method=method, path=path, **effects))

    def clear_faults(self) -> None:
        """Take back all faults and delays."""
        self._controls.faults.clear()
        self._controls.delays.clear()

    def reset(self) -> None:
        """Take back everything but the account, the owner's key and the default groups; addresses stay."""
        self.world.reset()

    @property
    def requests(self) -> list[Record]:
        """The requests so far, oldest first; each is there before its caller gets the answer."""
        return self._controls.requests.records()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._controls.requests.clear()

    @property
    def visibility_delay(self) -> float:
        """For how long nothing finds what is made."""
        return self._controls.delays.visibility

    @visibility_delay.setter
    def visibility_delay(self, seconds: float) -> None:
        self._controls.delays.visibility = seconds

    @property
    def authorization_delay(self) -> float:
        """For how long new keys and policies have no effect."""
        return self._controls.delays.authorization

    @authorization_delay.setter
    def authorization_delay(self, seconds: float) -> None:
        self._controls.delays.authorization = seconds

    @property
    def removal_delay(self) -> float:
        """For how long deleted policies keep their effect."""
        return self._controls.delays.removal

    @removal_delay.setter
    def removal_delay(self, seconds: float) -> None:
        self._controls.delays.removal = seconds

    def stop(self) -> None:
        """Close all connections and forget everything; a second call does nothing."""
        self._server.stop()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(uvicorn.Server):
    """uvicorn in a thread, which starts and stops at once: no polling on either side."""

    def __init__(self, app: ASGIApp, sockets: list[socket.socket]) -> None:
        super().__init__(uvicorn.Config(app, log_level="error", access_log=False, lifespan="on", date_header=False))
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(sockets,), name="sandbox.cloud", daemon=True)
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Stop serving, and wait for the thread's end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def _run(self, sockets: list[socket.socket]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self.serve(sockets))

    async def main_loop(self) -> None:
        self._ready.set()
        await self._stopping.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for open_ in sockets or []:
            open_.close()
        # A connection that was accepted a moment ago reaches uvicorn's list a few turns of the loop later.
        for _ in range(_ACCEPT_TURNS):
            await asyncio.sleep(0)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        # uvicorn tells nobody when a connection is gone; it is a turn or two of the loop away.
        while self.server_state.connections:  # noqa: ASYNC110 (there is no event to wait for)
            await asyncio.sleep(0)
        await self.lifespan.shutdown()


_ACCEPT_TURNS = 5
"""asyncio takes three turns from accepting to telling the protocol; two to spare."""


def _listen() -> socket.socket:
    # The protocol must be named: asyncio turns off Nagle's delay only on sockets that name it.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.bind(("127.0.0.1", 0))
    found.listen(128)
    found.setblocking(False)
    return found


@cache
def _signers() -> tuple[IamTokens, RegistryTokens]:
    """Make the keys once a process: they take longer than everything else."""
    with tempfile.TemporaryDirectory() as folder:
        return IamTokens(token_keys.ensure_iam_key(None)), RegistryTokens(*token_keys.ensure(Path(folder)))
