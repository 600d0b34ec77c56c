"""The life of 20 stacks over four regions on the sandbox, one command each: up, preview, drift, rotate, destroy.

`python -m bench.fleet_life FOLDER` makes a project of this checkout's program in FOLDER. Between preview and drift, six
kinds of outside change are made; drift must find each, on its stack, and nothing else. The sandbox must run, with the
four regions: `python -m sandbox up --region us-south --region eu-de --region jp-osa`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from base import paths
from base.errors import SandboxError
from base.progress import say
from fleet import new_stack
from fleet.inventory import read
from fleet.stack import Stack, resources_of
from ibm_native.model.marker import Mark
from sandbox import addresses
from sandbox.cloud.testing import StandIn
from sandbox.toolchain import environment
from tests.cloud.clients import Clients

REGIONS = ("jp-tok", "us-south", "eu-de", "jp-osa")
EACH = 5
_KEPT = ("__main__.py", "Pulumi.yaml", "app", "components", "config", "ibm_native", "policy", ".venv")


class Fleet:
    """The project in a folder, and the commands on all of its stacks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = environment.process_environment()
        folder.mkdir(parents=True, exist_ok=True)
        for name in _KEPT:
            if not (folder / name).exists():
                (folder / name).symlink_to(paths.CHECKOUT / name)
        for region in REGIONS:
            for number in range(1, EACH + 1):
                name = f"{region}-{number}"
                if not (folder / f"Pulumi.{name}.yaml").exists():
                    new_stack.write(folder, name, new_stack.new_config(folder, name, region))

    def run(self, *words: str, expected: int) -> dict[str, Any]:
        """Run one command on all stacks, tell how long it took, and return what it printed."""
        began = time.monotonic()
        ran = subprocess.run(
            [sys.executable, "-m", "fleet", *words, "--all", "--json", "-C", str(self.folder)],
            cwd=paths.CHECKOUT,
            env=self.environ,
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        told = json.loads(ran.stdout or "{}")
        became: dict[str, int] = {}
        for each in told.get("stacks", []):
            became[each["status"]] = became.get(each["status"], 0) + 1
        say(f"{' '.join(words)}: {time.monotonic() - began:.0f} s, exit {ran.returncode}, {became}")
        if ran.returncode != expected:
            raise SandboxError(f"fleet {words[0]} ended with {ran.returncode}, expected {expected}", "read its table")
        return told

    def resource(self, name: str, kind: str) -> dict[str, Any]:
        """Return a stack's resource of a type."""
        stack = Stack(name, self.environ, self.folder)
        return next(each for each in resources_of(stack.export()) if each["type"].endswith(f":{kind}"))

    def change_outside(self) -> set[tuple[str, str]]:
        """Change six stacks by hand, each in another way; returns stack and what drift must name."""
        key = self.environ["IBMCLOUD_API_KEY"]
        account = str(self.resource("jp-tok-1", "ServiceId")["outputs"]["crn"]).split(":a/")[1].split(":")[0]
        urls = {region: f"http://{address}" for region, address in addresses.REGISTRY_ADDRESSES.items()}
        sandbox = SimpleNamespace(url=f"http://{addresses.IAM_ADDRESS}", registry_urls=urls)
        cloud = Clients(cast("StandIn", sandbox), key, "jp-tok", account)
        kubectl = ["kubectl", "--context", "sandbox"]
        identity = self.resource("jp-tok-1", "ServiceId")
        tag = cloud.identity.get_service_id(identity["id"]).get_headers()["ETag"]
        cloud.identity.update_service_id(identity["id"], tag, description="changed by hand")
        cloud.identity.delete_api_key(self.resource("us-south-1", "ApiKey")["id"])
        pod = read(self.folder, "eu-de-1").config["podName"]
        account_name = read(self.folder, "jp-osa-1").config["serviceAccountName"]
        for words in (
            ["delete", "pod", pod, "--now"],
            ["patch", "serviceaccount", account_name, "--patch", '{"imagePullSecrets": []}', "--type=merge"],
        ):
            subprocess.run([*kubectl, *words], env=self.environ, check=True, stdout=subprocess.DEVNULL)
        owner = self.resource("jp-tok-2", "ServiceId")
        made = cloud.identity.create_api_key("by hand", owner["outputs"]["iamId"], account_id=account).get_result()
        lost = Mark.new(self.resource("jp-tok-3", "ApiKey")["urn"]).on(None)
        other = self.resource("jp-tok-3", "ServiceId")["outputs"]["iamId"]
        orphan = cloud.identity.create_api_key("lost", other, account_id=account, description=lost).get_result()
        return {
            ("jp-tok-1", "pull"),
            ("us-south-1", "pull-key-1"),
            ("us-south-1", "pull"),  # the proof that the key pulls
            ("eu-de-1", "pod"),
            ("jp-osa-1", "service-account"),
            ("jp-tok-2", made["id"]),
            ("jp-tok-3", orphan["id"]),
        }


def main(folder: Path) -> None:
    """Run the life; raises SandboxError where a command ends otherwise than it must."""
    fleet = Fleet(folder)
    fleet.run("up", expected=0)
    fleet.run("preview", expected=0)
    wanted = fleet.change_outside()
    drift = fleet.run("drift", expected=2)
    found = {(each["stack"], one["name"]) for each in drift["stacks"] for one in each["resources"]}
    found |= {(each["stack"], each["what"].split()[2]) for each in drift["findings"]}
    say(f"drift: found {len(found & wanted)} of {len(wanted)}, and beside them {sorted(found - wanted) or 'nothing'}")
    say(f"  not found: {sorted(wanted - found) or 'nothing'}")
    fleet.run("rotate", expected=0)
    fleet.run("destroy", expected=0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
