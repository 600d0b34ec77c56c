"""The sandbox's own building blocks: order of steps, certificates, settings, kernel settings, mounts, engines."""

from __future__ import annotations

import json
import platform
import socket
import stat
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from base import files, mounts
from sandbox import machine, status
from sandbox.__main__ import main as sandbox_main
from sandbox.host import modules, sysctls, tasks
from sandbox.host.layout import Layout, current
from sandbox.host.tasks import Task
from sandbox.images import docker_engine
from sandbox.kubernetes import pki

pytestmark = pytest.mark.unit


def test_another_region_that_runs_is_told_with_what_makes_a_stack_there(capsys: pytest.CaptureFixture[str]) -> None:
    status.tell_regions(["jp-tok", "us-south"])
    said = capsys.readouterr().out
    assert "us-south answers at 127.0.0.1:7013" in said
    assert "make stack NAME=... REGION=us-south" in said
    status.tell_regions(["jp-tok"])
    assert not capsys.readouterr().out


def _never() -> None:
    pytest.fail("nothing was to be cancelled")


def test_a_step_runs_after_those_that_it_depends_on_and_beside_all_others() -> None:
    done: list[str] = []
    together = threading.Barrier(2, timeout=60)

    def beside(name: str) -> None:
        together.wait()
        done.append(name)

    steps = {
        "last": Task(lambda: done.append("last"), ("left", "right")),
        "left": Task(lambda: beside("left")),
        "right": Task(lambda: beside("right")),
    }
    tasks.run(steps, _never)
    assert (set(done[:2]), done[2]) == ({"left", "right"}, "last")


def test_when_a_step_fails_the_others_are_cancelled_and_its_error_is_raised() -> None:
    cancelled = threading.Event()

    def fails() -> None:
        msg = "disk on fire"
        raise OSError(msg)

    ended: list[bool] = []
    steps = {
        "fails": Task(fails),
        "waits": Task(lambda: ended.append(cancelled.wait(60))),
        "never": Task(_never, ("fails",)),
    }
    with pytest.raises(OSError, match="disk on fire"):
        tasks.run(steps, cancelled.set)
    assert ended == [True]


def test_certificates_are_signed_by_the_authority_and_say_who_and_what_for(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "sandbox")
    authority = x509.load_pem_x509_certificate((tmp_path / "ca.crt").read_bytes())
    for identity in pki.identities("sandbox"):
        certificate = x509.load_pem_x509_certificate((tmp_path / f"{identity.file}.crt").read_bytes())
        certificate.verify_directly_issued_by(authority)
        assert f"CN={identity.name}" in certificate.subject.rfc4514_string().split(",")
        assert (f"O={identity.group}" in certificate.subject.rfc4514_string()) == bool(identity.group)
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        wanted = ExtendedKeyUsageOID.SERVER_AUTH if identity.serves else ExtendedKeyUsageOID.CLIENT_AUTH
        assert list(usage) == [wanted]
        names = [extension.oid for extension in certificate.extensions]
        assert (ExtensionOID.SUBJECT_ALTERNATIVE_NAME in names) == identity.serves
    assert all(stat.S_IMODE(key.stat().st_mode) == 0o600 for key in tmp_path.glob("*.key"))


def test_certificates_stay_until_one_is_missing(tmp_path: Path) -> None:
    pki.ensure(tmp_path, "sandbox")
    first = (tmp_path / "ca.crt").read_bytes()
    pki.ensure(tmp_path, "sandbox")
    assert (tmp_path / "ca.crt").read_bytes() == first
    (tmp_path / "admin.crt").unlink()
    pki.ensure(tmp_path, "sandbox")
    assert (tmp_path / "ca.crt").read_bytes() != first
    assert (tmp_path / "admin.crt").exists()


def test_a_private_file_is_for_its_owner_also_where_an_open_one_was(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    files.write(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_two_data_folders_have_names_of_their_own(tmp_path: Path) -> None:
    one, other = Layout(tmp_path / "one"), Layout(tmp_path / "other")
    assert one.name != other.name
    assert one.name == Layout(tmp_path / "one").name


def test_kernel_settings_that_were_changed_are_put_back_and_others_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = tmp_path / "sys"
    (kernel / "vm").mkdir(parents=True)
    (kernel / "kernel").mkdir()
    changed, same = kernel / "vm/overcommit_memory", kernel / "kernel/panic"
    changed.write_text("0\n")
    same.write_text("5\n")
    monkeypatch.setattr(sysctls, "_ROOT", kernel)
    layout = Layout(tmp_path / "home")
    layout.make()
    sysctls.note(layout)
    changed.write_text("1\n")
    sysctls.note(layout)  # a second `up` must not take the changed value for the machine's own
    same.chmod(0o444)
    sysctls.restore(layout)
    assert (changed.read_text(), same.read_text()) == ("0\n", "5\n")
    assert sysctls.noted(layout) is None


def test_mounts_with_blanks_in_their_names_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "22 1 8:1 / / rw - ext4 /dev/sda rw\n29 22 0:5 / /srv/a\\040b/one rw,x shared:3 - tmpfs tmpfs rw\n"
    (tmp_path / "mountinfo").write_text(table)
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "mountinfo")
    assert mounts.read() == [mounts.Mount(Path("/"), "ext4"), mounts.Mount(Path("/srv/a b/one"), "tmpfs")]
    assert mounts.below(Path("/srv/a b")) == [Path("/srv/a b/one")]
    assert mounts.below(tmp_path) == []


_USABLE = {
    "OSType": "linux",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "Name": platform.node(),
    "KernelVersion": platform.release(),
    "SecurityOptions": ["name=seccomp,profile=default"],
}


@contextmanager
def _engine(path: Path, info: dict[str, object]) -> Generator[str]:
    """Answer /info on a unix socket as a Docker Engine would."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(info).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "unix"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with ThreadingUnixStreamServer(str(path), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{path}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("change", "usable"),
    [
        ({}, True),
        ({"OSType": "windows"}, False),
        ({"OperatingSystem": "Docker Desktop"}, False),
        ({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, False),
        ({"SecurityOptions": None}, True),
        ({"Name": "another-machine"}, False),
        ({"KernelVersion": "6.6.0-a-virtual-machine"}, False),
    ],
)
def test_only_an_engine_that_shares_this_machines_loopback_is_used(
    tmp_path: Path, change: dict[str, object], usable: bool
) -> None:
    with _engine(tmp_path / "docker.sock", _USABLE | change) as address:
        assert docker_engine.usable(address) is usable


def test_an_engine_elsewhere_or_none_is_not_used(tmp_path: Path) -> None:
    began = time.monotonic()
    assert not docker_engine.usable("tcp://192.0.2.1:2375")
    assert not docker_engine.usable("ssh://user@example.org")
    assert not docker_engine.usable(f"unix://{tmp_path}/none.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    assert not docker_engine.usable(f"unix://{tmp_path}/dead.sock")
    assert time.monotonic() - began < 60, "nothing elsewhere was waited for"


def test_the_engine_that_was_chosen_stays_chosen_while_it_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = Layout(tmp_path / "home")
    layout.make()
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(docker_engine, "_USUAL", f"unix://{tmp_path}/usual.sock")
    with _engine(tmp_path / "mine.sock", dict(_USABLE)) as mine:
        monkeypatch.setenv("DOCKER_HOST", mine)
        assert docker_engine.choose(layout) is False
        assert docker_engine.chosen(layout) == mine
        monkeypatch.delenv("DOCKER_HOST")
        assert docker_engine.choose(layout) is False
    assert docker_engine.choose(layout) is True
    assert docker_engine.chosen(layout) == f"unix://{layout.socket('docker')}"
    with _engine(tmp_path / "usual.sock", dict(_USABLE)):
        assert docker_engine.choose(layout) is True, "images are in the sandbox's own engine by now"


def test_kernel_modules_that_came_with_the_sandbox_are_named_until_the_machine_restarts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = tmp_path / "modules"
    monkeypatch.setattr(modules, "_LOADED", kernel)
    monkeypatch.setenv("ICR_SANDBOX_HOME", str(tmp_path / "home"))
    layout = current()
    kernel.write_text("ext4 1007616 1 - Live 0x0\n")
    modules.note(layout)
    kernel.write_text("veth 40960 0 - Live 0x0\nbridge 303104 0 - Live 0x0\next4 1007616 1 - Live 0x0\n")
    modules.note(layout)  # a second `up` must not take them for the machine's own
    assert modules.since(layout) == ["bridge", "veth"]

    assert sandbox_main(["status"]) == 3
    assert "until the machine restarts: bridge, veth\n" in capsys.readouterr().out

    monkeypatch.setattr(files, "boot", lambda: "another run of the machine")
    assert modules.since(layout) == []
    kernel.unlink()
    modules.note(layout)
    assert modules.since(layout) == []


def test_a_sandbox_that_an_earlier_release_brought_up_is_not_taken_for_one_before_a_restart(tmp_path: Path) -> None:
    here = Layout(tmp_path)
    here.run.mkdir()
    here.boot_id.write_text(f"{files.boot()}\n")
    machine.forget_earlier_boot(here)
    assert here.boot_id.exists(), "what runs was removed from under it"
    here.boot_id.write_text("another")
    machine.forget_earlier_boot(here)
    assert not here.run.exists()
