"""Kills engine or plugin at random moments: `python -m bench.provider_kills [moments] [seed]`.

Each round starts `pulumi up` (a rotation of the key as well) or `pulumi destroy`, kills one of both processes with
SIGKILL somewhere in it, and runs the same command again: it must end well, and the account must hold exactly what the
state says.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.engine import Project, project

PROGRAM = """
import os
import ibm_native as ibm

epoch = int(os.environ.get("EPOCH", "1"))
space = ibm.Namespace("space", ibm.NamespaceArgs(name="my-images", region="jp-tok"))
ibm.RetentionPolicy("keep", ibm.RetentionPolicyArgs(namespace=space.name, region="jp-tok", images_per_repo=5))
ibm.Quota("quota", ibm.QuotaArgs(region="jp-tok", storage_megabytes=100))
identity = ibm.ServiceId("identity", ibm.ServiceIdArgs(name="puller"))
policy = ibm.AccessPolicy("policy", ibm.AccessPolicyArgs(
    iam_id=identity.iam_id, roles=["Reader"], region="jp-tok", namespace=space.name))
for number in range(max(1, epoch - 1), epoch + 1):
    key = ibm.ApiKey(f"key-{number}", ibm.ApiKeyArgs(name=f"key-{number}", iam_id=identity.iam_id))
ibm.Access("access", ibm.AccessArgs(registry_host=os.environ["REGISTRY_HOST"], repository="my-images/nginx",
    digest="sha256:" + "a" * 64, api_key=key.api_key, policy_id=policy.id))
"""


def children(pid: int) -> list[int]:
    """Return the processes below `pid`."""
    found: list[int] = []
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = each.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            child = int(each.parent.name)
            found += [child, *children(child)]
    return found


def plugin_of(engine: int) -> int | None:
    """Return the provider's process below an engine."""
    for pid in children(engine):
        try:
            command = (Path("/proc") / str(pid) / "cmdline").read_bytes()
        except OSError:
            continue
        if b"ibm_native" in command and b"python" in command:
            return pid
    return None


def interrupt(made: Project, words: list[str], epoch: int, moment: float, *, plugin: bool) -> str:
    """Start a command and kill it, or its provider, after `moment` seconds; return what was hit."""
    process = subprocess.Popen(
        made.command(*words),
        cwd=made.folder,
        env={**made.environ, "EPOCH": str(epoch)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    time.sleep(moment)
    target = plugin_of(process.pid) if plugin else process.pid
    hit = "nothing: it was over" if process.poll() is not None else "plugin" if plugin else "engine"
    below = children(process.pid)
    if target and process.poll() is None:
        os.kill(target, signal.SIGKILL)
    process.wait()
    # What an engine leaves behind when it is killed ends by itself; the next command comes after that.
    deadline = time.monotonic() + 15
    while any((Path("/proc") / str(pid)).exists() for pid in below) and time.monotonic() < deadline:
        time.sleep(0.05)
    return hit


def main(moments: int, seed: int) -> int:
    """Run the rounds; return how many went wrong."""
    chance = random.Random(seed)  # noqa: S311  # repeatable rounds, nothing to guard
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, project(Path(folder), PROGRAM) as made:
        epoch, usual = 0, {"up": 2.0, "destroy": 2.0}
        for number in range(moments):
            destroy = number % 3 == 2
            epoch = epoch if destroy else epoch + 1
            verb = "destroy" if destroy else "up"
            words = ["destroy", "--yes", "--skip-preview"] if destroy else ["up", "--yes", "--skip-preview"]
            moment = chance.uniform(0.4, usual[verb])
            hit = interrupt(made, words, epoch, moment, plugin=chance.random() < 0.5)
            made.pulumi("cancel", "--yes")
            started = time.monotonic()
            again = made.pulumi(*words, EPOCH=str(epoch))
            usual[verb] = 0.7 * usual[verb] + 0.25 * (time.monotonic() - started)
            there, held = made.account(), made.held()
            good = again.returncode == 0 and there == held
            wrong += not good
            print(f"{number + 1:>4} {verb:<8}{moment:5.2f} s  {hit:<22}{'well' if good else 'WRONG'}", flush=True)
            if not good:
                print(f"     account {there}\n     state   {held}\n{again.stdout}", flush=True)
        made.pulumi("destroy", "--yes", "--skip-preview")
        print(f"{moments - wrong} of {moments} ended well; left in the account: {made.account()}")
    return wrong


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    sys.exit(1 if main(given[0] if given else 100, given[1] if given[1:] else 1) else 0)
