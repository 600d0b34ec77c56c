"""The journey of stack dev, from nothing to a verified Pod and back, and what keeps the project itself right."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pulumi.automation import CommandError

from base import files, mounts, paths
from base.errors import SandboxError
from base.progress import say, step
from commands import lock, report, testing, workspace_image
from fleet.engine import VERSION
from fleet.recovery import recover
from fleet.stack import SANDBOX_STACK, Stack
from fleet.verify import show_checks, verify
from sandbox import addresses, machine, toolchain
from sandbox.host.layout import current
from sandbox.images import docker_engine
from sandbox.toolchain import environment, first_up, launchers, plugins, pulumi_cli


def dev() -> Stack:
    """Return stack dev, in the sandbox's environment."""
    return Stack(SANDBOX_STACK, environment.process_environment())


def _recovered() -> Stack:
    """Return stack dev, made if it wasn't, and cleared up after an update that was killed."""
    toolchain.ensure()
    stack = dev()
    stack.ensure()
    recover(stack)
    return stack


def up(_: argparse.Namespace) -> int:
    """From nothing to the verified end state on stack dev; what is there already is left as it is."""
    is_first = first_up.is_due()
    machine.up()
    stack = _recovered()
    try:
        stack.up()
    except CommandError:
        say("pulumi up didn't finish. What it made is kept in the stack; `make up` goes on from there.")
        return 1
    with step("verify", usually=4):
        checks = verify(stack)
    if not show_checks(checks):
        say("The stack is up, but isn't right. `kubectl describe pods` in its environment shows more: make env")
        return 1
    files.sync(paths.home())  # what the table shows outlives a power cut from here on
    report.show_table(stack, checks, f"http://{addresses.IAM_ADDRESS}/sandbox/console")
    if is_first:
        first_up.note()
    return 0


def down(_: argparse.Namespace) -> int:
    """Destroy stack dev, then stop the sandbox."""
    status = 0
    if machine.is_up():
        stack = _recovered()
        try:
            stack.destroy()
        except CommandError:
            status = 1
            say("pulumi destroy didn't finish: what is left is in the stack, and `make up`, then `make down` goes on.")
    machine.down()
    return status


def env(_: argparse.Namespace) -> int:
    """Print shell lines for the sandbox."""
    if not launchers.FOLDER.is_dir():
        say(f"nothing to set: {launchers.FOLDER} isn't there yet. `make up` makes it and starts the sandbox")
        return 1
    if not machine.is_started():
        say("the sandbox is down; `make up` starts it")
    for line in environment.shell_lines():
        print(line)
    return 0


def test(arguments: argparse.Namespace) -> int:
    """Run every test, the unit tests on the system's own Python too; words that aren't ours are handed to pytest."""
    toolchain.ensure()
    if not arguments.words:
        return testing.everything()
    command = [sys.executable, "-m", "pytest", *arguments.words]
    return subprocess.run(command, cwd=paths.CHECKOUT, check=False).returncode


def bench(arguments: argparse.Namespace) -> int:
    """Measure what the project costs, on the sandbox; words that aren't ours are handed to `python -m bench`."""
    machine.up()
    toolchain.ensure()
    quick = ["--quick"] if arguments.command == "bench-quick" else []
    command = [sys.executable, "-m", "bench", *quick, *arguments.words]
    return subprocess.run(command, cwd=paths.CHECKOUT, env=environment.process_environment(), check=False).returncode


def machine_test(arguments: argparse.Namespace) -> int:
    """Try the two commands on plain machines of their own; words that aren't ours are handed on."""
    return subprocess.run(
        [sys.executable, "-m", "tests.machines", *arguments.words], cwd=paths.CHECKOUT, check=False
    ).returncode


def lint(_: argparse.Namespace) -> int:
    """Check style, format, types, who imports whom, that the oldest Python will do, and that the lock isn't stale."""
    checks = (
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["basedpyright"],
        ["lint-imports", "--no-logo", "--no-cache"],
        # Annotations count, since declarations read them; bytes.decode is taken for the old str.decode.
        [
            *("vermin", "--quiet", "--violations", "--target=3.11-", "--eval-annotations"),
            *("--exclude", "str.decode", "--exclude", "str.decode(errors)", "."),
        ],
        ["pytest", "--quiet", "tests/unit/test_oldest_python.py"],
        ["zizmor", "--offline", "--no-progress", "--quiet", "--min-severity=medium", ".github"],
    )
    workflows = sorted(paths.CHECKOUT.glob(".github/workflows/*.yml"))
    programs = Path(sys.executable).parent
    statuses = [
        subprocess.run([programs / name, *words], cwd=paths.CHECKOUT, check=False).returncode for name, *words in checks
    ]
    if not shutil.which("go"):
        raise SandboxError("actionlint is built by Go, and there is no `go` on PATH", "install it: https://go.dev/dl/")
    actionlint = ["go", "-C", "commands/actionlint", "tool", "actionlint", *(str(path) for path in workflows)]
    statuses.append(subprocess.run(actionlint, cwd=paths.CHECKOUT, check=False).returncode)
    stale = list(lock.stale())
    for line in stale:
        say(line)
    return max(*statuses, bool(stale))


def tools(_: argparse.Namespace) -> int:
    """Get what a stack needs that isn't the sandbox's: CLI and plugins; prints the folder that belongs on PATH."""
    plugins.ensure(pulumi_cli.ensure())
    launchers.python_module(launchers.FOLDER / "fleet", "fleet")
    print(launchers.FOLDER)
    return 0


def packages(_: argparse.Namespace) -> int:
    """Build the two packages, the provider and IBM Cloud's stand-in, into dist/."""
    uv = Path(sys.executable).with_name("uv")
    folders = ("ibm_native", "sandbox/cloud")
    builds = [[str(uv), "build", "--out-dir", "dist", folder] for folder in folders]
    return max(subprocess.run(words, cwd=paths.CHECKOUT, check=False).returncode for words in builds)


def make_workspace_image(_: argparse.Namespace) -> int:
    """Build the image that runs stacks in Pods, push it beside stack dev's, and print its reference by digest."""
    if not machine.is_up():
        raise SandboxError("the sandbox is down, and the image is built and kept there", "make up")
    layout, made = current(), dev().outputs().get("registryNamespace")
    if not made:
        raise SandboxError("stack dev has no registry namespace, and the image is kept there", "make up")
    engine = docker_engine.engine(layout)
    image = workspace_image.make(engine, toolchain.ensure())
    target = f"{addresses.REGISTRY_ADDRESSES[addresses.REGION]}/{made}/{workspace_image.NAME}:{VERSION}"
    print(workspace_image.push(engine, image, target, layout.deployer_key.read_text().strip()))
    return 0


def operator(arguments: argparse.Namespace) -> int:
    """Run three stacks under the real Pulumi Kubernetes Operator, where that can be had."""
    from commands import operator  # noqa: PLC0415 - what it needs takes half a second to import

    return operator.run(arguments.words)


def renew_lock(arguments: argparse.Namespace) -> int:
    """Compile the requirements; words that aren't ours are handed to uv."""
    lock.compile_all(arguments.words)
    return 0


def reset(_: argparse.Namespace) -> int:
    """Stop the sandbox and remove its data, stack dev's state with it; the tools stay."""
    machine.reset()
    return 0


def clean(_: argparse.Namespace) -> int:
    """Stop the sandbox and remove its data, the tools' cache and what this checkout made."""
    machine.reset()
    for folder in (paths.cache(), paths.LOCAL, paths.CHECKOUT / ".venv"):
        say(f"removing {folder}")
        mounts.remove_tree(folder)
    return 0


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": up,
    "down": down,
    "env": env,
    "test": test,
    "bench": bench,
    "bench-quick": bench,
    "machine-test": machine_test,
    "lint": lint,
    "tools": tools,
    "packages": packages,
    "workspace-image": make_workspace_image,
    "operator": operator,
    "lock": renew_lock,
    "reset": reset,
    "clean": clean,
}
