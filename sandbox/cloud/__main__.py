"""python -m sandbox.cloud: IBM Cloud's stand-in as a server of its own."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from base import files
from base.errors import SandboxError
from sandbox.cloud import BEGAN
from sandbox.cloud.advisor.advisories import Advisories
from sandbox.cloud.advisor.scanner import Advisor
from sandbox.cloud.api.registry.events import PATH as EVENTS
from sandbox.cloud.app import HEALTH, make_app, make_world
from sandbox.cloud.console.control_routes import CONSOLE
from sandbox.cloud.core import limits, token_keys
from sandbox.cloud.core.regions import DOMAINS
from sandbox.cloud.iam.accounts import Account, create_account, set_admin_key
from sandbox.cloud.serving.keeper import Registries
from sandbox.cloud.serving.world import World

KEY_VARIABLE = "SANDBOX_ADMIN_APIKEY"


def main(arguments: list[str] | None = None) -> int:
    """Run until a signal; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return _serve(options)
    except SandboxError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.cloud",
        allow_abbrev=False,
        description="IBM Cloud's IAM and Container Registry API on this machine. "
        f"GET {HEALTH} answers 200 when it is ready.",
        epilog=f"{KEY_VARIABLE} holds the account owner's API key. Without it, a fresh account's key is printed once.",
    )
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="where everything is kept")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--port", type=int, metavar="N", help="listen on 127.0.0.1, this port")
    where.add_argument(
        "--uds", metavar="PATH", help="listen on a Unix socket, behind a proxy that keeps the Host header"
    )
    parser.add_argument(
        "--region",
        action="append",
        required=True,
        type=_region,
        metavar="NAME=HOST:PORT",
        help="a region and the address that its users type, such as jp-tok=127.0.0.1:7001; may be repeated",
    )
    parser.add_argument(
        "--alias",
        action="append",
        default=[],
        type=_region,
        metavar="NAME=HOST:PORT",
        help="one more address of a region; who asks there gets images' names with it; may be repeated",
    )
    parser.add_argument(
        "--control-port",
        type=int,
        metavar="N",
        help="also serve the control API on 127.0.0.1, this port: clock, delays, faults, log of requests (no login)",
    )
    parser.add_argument(
        "--registry",
        action="append",
        default=[],
        type=_socket,
        metavar="NAME=PATH",
        help="the Unix socket of a region's real registry, such as jp-tok=/run/registry.sock; may be repeated",
    )
    parser.add_argument(
        "--registry-events-secret",
        type=Path,
        metavar="PATH",
        help=f"file with the secret that registries send to POST {EVENTS} as 'Authorization: Bearer ...'",
    )
    parser.add_argument(
        "--advisories",
        type=Path,
        metavar="PATH",
        help="JSON file of known vulnerabilities, read whenever it changes: [{cve, package, fixed, notice, summary}]",
    )
    parser.add_argument(
        "--clusters",
        type=Path,
        metavar="PATH",
        help="JSON file of clusters whose ServiceAccounts trusted profiles can trust, read whenever it changes: "
        "[{crn, issuer, keys}], keys as in `kubectl get --raw /openid/v1/jwks`",
    )
    parser.add_argument(
        "--scan-delay",
        type=float,
        default=Advisor.delay,
        metavar="SECONDS",
        help="how long after a push Vulnerability Advisor scans an image (default: %(default)s)",
    )
    parser.add_argument("--console", action="store_true", help=f"also serve the console page, {CONSOLE} (no login)")
    parser.add_argument(
        "--ready-file",
        type=Path,
        metavar="PATH",
        help="file that is there while the stand-in is ready: JSON with its addresses",
    )
    parser.add_argument("--registry-token-key", type=Path, metavar="PATH", help="EC key that signs registry tokens")
    parser.add_argument("--registry-token-cert", type=Path, metavar="PATH", help="the certificate for it")
    return parser


def _region(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=")
    if name not in DOMAINS or not address:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=HOST:PORT with NAME one of {', '.join(DOMAINS)}")
    return name, address


def _socket(text: str) -> tuple[str, Path]:
    name, _, path = text.partition("=")
    if name not in DOMAINS or not path:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=PATH with NAME one of {', '.join(DOMAINS)}")
    return name, Path(path)


def _serve(options: argparse.Namespace) -> int:
    folder: Path = options.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            world = _world(options, folder)
            listening = [_listen(options.uds, options.port)]
            control: int | None = options.control_port
            if control is not None:
                listening.append(_listen(None, control))
                control = int(listening[-1].getsockname()[1])
            key = _admin_key(world)
            app = make_app(world, control, console=options.console)
            config = uvicorn.Config(app, log_level="error", access_log=False, server_header=False, lifespan="on")
            server = _Server(config, lambda: _announce(options, listening[0], control, key), options.ready_file)
            with suppress(KeyboardInterrupt):
                server.run(listening)
            world.store.close()
    except Timeout as error:
        raise SandboxError(f"Another stand-in is using {folder}.", "Stop it, or give another --data.") from error
    except OSError as error:
        raise SandboxError(f"{folder} can't be used: {error.strerror}.", "Give another --data.") from error
    return 0


class _Server(uvicorn.Server):
    """uvicorn, which tells when it is ready; the file that says so goes first when it stops."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None], ready_file: Path | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._ready_file = ready_file

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._ready_file:
            self._ready_file.unlink(missing_ok=True)
        await super().shutdown(sockets)


def _announce(options: argparse.Namespace, listening: socket.socket, control: int | None, key: str | None) -> None:
    """Say what runs, in the first line; a made key in the second."""
    name = listening.getsockname()
    address = name if isinstance(name, str) else "{}:{}".format(*name)
    regions = dict(options.region)
    controlled = f"through 127.0.0.1:{control}" if control else "off"
    parts = (
        "every call needs a token and a policy that allows it",
        f"clock, faults and delays {controlled}",
        f"console {CONSOLE if options.console else 'off'}",
        f"data in {options.data}",
        f"on {address}",
        *(f"{region} is {host}" for region, host in regions.items()),
        f"ready in {(time.perf_counter() - BEGAN) * 1000:.0f} ms",
    )
    print(f"IBM Cloud stand-in: {'; '.join(parts)}", flush=True)
    if key is not None:
        print(f"API key of the account's owner, shown this once: {key}", flush=True)
    if options.ready_file:
        ready = {"address": address, "control": control and f"127.0.0.1:{control}", "regions": regions}
        files.write(options.ready_file, json.dumps(ready).encode(), 0o644)


def _listen(uds: str | None, port: int | None) -> socket.socket:
    """Open the socket; a Unix socket that an earlier run left behind is replaced."""
    where = uds or f"127.0.0.1:{port}"
    try:
        if uds is not None:
            Path(uds).unlink(missing_ok=True)
            found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            found.bind(uds)
        else:
            found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(("127.0.0.1", port or 0))
        found.listen(1024)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise SandboxError(f"Can't listen on {where}: {reason}.", "Give another --port or --uds.") from error
    return found


def _world(options: argparse.Namespace, folder: Path) -> World:
    key, certificate = options.registry_token_key, options.registry_token_cert
    if (key is None) != (certificate is None):
        raise SandboxError(
            "--registry-token-key and --registry-token-cert go together.", "Give both, or none: then they are made."
        )
    if key is None:
        key, certificate = token_keys.ensure(folder)
    advisor = Advisor(options.scan_delay, Advisories(options.advisories))
    registries = Registries(dict(options.registry), _secret(options.registry_events_secret), advisor)
    world = make_world(folder, dict(options.region), key, certificate, registries, options.clusters)
    for region, address in options.alias:
        world.regions.add_alias(region, address)
    return world


def _secret(path: Path | None) -> str | None:
    try:
        return path.read_text().strip() if path else None
    except (OSError, UnicodeDecodeError) as error:
        raise SandboxError(f"The registries' secret, {path}, can't be read.", "Give another file.") from error


def _admin_key(world: World) -> str | None:
    """See that the account is there, with the key of the environment; return a made key, which must be printed."""
    given = os.environ.get(KEY_VARIABLE)
    for meant in get_close_matches(KEY_VARIABLE, os.environ, cutoff=0.85) if given is None else ():
        raise SandboxError(
            f"The environment has {meant}, which nothing reads.", f"Rename it to {KEY_VARIABLE}, or unset {meant}."
        )
    if given is not None and len(given) < limits.OWN_KEY_LENGTH:
        raise SandboxError(
            f"{KEY_VARIABLE} has fewer than {limits.OWN_KEY_LENGTH} characters.",
            f"Set a longer one, or unset {KEY_VARIABLE}.",
        )
    with world.store.transaction() as session:
        account = session.first(Account, order="created_at")
        if account is None:
            _, value = create_account(session, world.clock, given)
            return None if given else value
        if given:
            set_admin_key(session, account, given, world.clock)
    return None


if __name__ == "__main__":
    sys.exit(main())
