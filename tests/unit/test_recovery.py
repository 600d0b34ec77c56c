"""Recovery after a killed update: what is taken into the state, what is dropped, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from base.errors import SandboxError
from fleet.locks import wait_for_other_updates
from fleet.recovery import recover
from fleet.stack import Stack
from tests.unit.samples import script

pytestmark = pytest.mark.unit

PROVIDER = "urn:pulumi:dev::icr-private-image::pulumi:providers:kubernetes::cluster::1"
MARK = {"icr-private-image/stack": "icr-private-image/dev"}


def pending(kind: str, name: str, operation: str = "creating") -> dict[str, Any]:
    """Return a pending operation as the CLI exports it."""
    return {
        "type": operation,
        "resource": {
            "urn": f"urn:pulumi:dev::icr-private-image::app$kubernetes:{kind}::{name}",
            "custom": True,
            "type": f"kubernetes:{kind}",
            "inputs": {"metadata": {"name": name, "namespace": "web"}},
            "provider": PROVIDER,
        },
    }


class Killed:
    """A stack after a killed update, with the tools that recovery runs."""

    def __init__(self, folder: Path, operations: list[dict[str, Any]], *resources: dict[str, Any]) -> None:
        self.folder = folder
        self.stack = Stack("dev", {"PATH": f"{folder}:/bin"}, folder)
        state = {"deployment": {"resources": [*resources], "pending_operations": operations}}
        (folder / "state").write_text(json.dumps(state))
        (folder / "Pulumi.yaml").write_text("name: icr-private-image\n")
        config = {"icr-private-image:kubernetesContext": {"value": ""}}
        script(
            folder / "pulumi",
            f"""echo "$*" >> {folder}/said
case "$1 $2" in
  whoami*) echo '{{"url": "file://{folder}"}}' ;;
  config*) echo '{json.dumps(config)}' ;;
  "stack export") cat {folder}/state ;;
  "stack import") cat > {folder}/imported ;;
  cancel*) rm {folder}/.pulumi/locks/organization/project/dev/1.json ;;
esac""",
        )
        script(folder / "kubectl", f"""cat "{folder}/$4.json" 2>/dev/null; true""")

    def has(self, name: str, annotations: dict[str, str]) -> None:
        """Put an object into the cluster."""
        (self.folder / f"{name}.json").write_text(json.dumps({"name": name, "annotations": annotations}))

    def locked_by(self, pid: int) -> Path:
        """Lock the stack as the CLI does; returns the lock."""
        lock = self.folder / ".pulumi/locks/organization/project/dev/1.json"
        lock.parent.mkdir(parents=True, exist_ok=True)
        lock.write_text(json.dumps({"pid": pid, "hostname": os.uname().nodename}))
        return lock

    @property
    def said(self) -> str:
        """Return the commands that the CLI was given."""
        return (self.folder / "said").read_text()

    @property
    def imported(self) -> list[dict[str, Any]]:
        """Return the resources of the state that was put in place."""
        return json.loads((self.folder / "imported").read_text())["deployment"]["resources"]


def test_the_lock_of_a_killed_update_is_released(tmp_path: Path) -> None:
    killed = Killed(tmp_path, [])
    with subprocess.Popen(["true"]) as process:
        process.wait()
    killed.locked_by(process.pid)
    recover(killed.stack)
    assert "cancel --yes --stack dev" in killed.said


def test_another_update_that_runs_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    killed = Killed(tmp_path, [])
    program = "import pathlib, sys, time; time.sleep(1); pathlib.Path(sys.argv[1]).unlink()"
    with subprocess.Popen(["pulumi", "-c", program, str(killed.locked_by(0))], executable=sys.executable) as other:
        killed.locked_by(other.pid)
        recover(killed.stack)
        assert other.wait() == 0
    assert "cancel" not in killed.said
    assert f"waiting for another update of stack dev to end (process {other.pid})" in capsys.readouterr().err


def test_nothing_is_done_where_nothing_is_pending(tmp_path: Path) -> None:
    killed = Killed(tmp_path, [])
    recover(killed.stack)
    assert "refresh" not in killed.said
    assert "import" not in killed.said


def test_what_is_absent_is_dropped_and_made_by_the_next_update(tmp_path: Path) -> None:
    killed = Killed(tmp_path, [pending("core/v1:Secret", "ibmcr"), pending("core/v1:Pod", "gone", "deleting")])
    recover(killed.stack)
    assert "refresh --skip-preview --yes --clear-pending-creates" in killed.said
    assert "stack import" not in killed.said


def test_what_this_stack_made_is_taken_into_the_state(tmp_path: Path) -> None:
    first = {"urn": "urn:pulumi:dev::icr-private-image::app::first"}
    killed = Killed(tmp_path, [pending("core/v1:Secret", "ibmcr"), pending("apps/v1:Deployment", "web")], first)
    killed.has("ibmcr", MARK)
    recover(killed.stack)
    kept, new = killed.imported
    assert kept == first
    assert new["id"] == "web/ibmcr"
    assert new["inputs"] == {"metadata": {"name": "ibmcr", "namespace": "web"}}
    assert new["provider"] == PROVIDER
    assert new["refreshBeforeUpdate"], "a run that is killed before the refresh must not take it as it is"
    assert killed.said.index("stack import") < killed.said.index("refresh --skip-preview")


@pytest.mark.parametrize(("mark", "left"), [({"pendingReplacement": True}, []), ({}, [True])])
def test_what_it_replaces_goes_as_when_a_creation_ends(tmp_path: Path, mark: dict[str, bool], left: list[bool]) -> None:
    operation = pending("core/v1:Pod", "web")
    old = {"urn": operation["resource"]["urn"], "id": "web/old", **mark}
    killed = Killed(tmp_path, [operation], old)
    killed.has("web", MARK)
    recover(killed.stack)
    *before, new = killed.imported
    assert [each["delete"] for each in before] == left
    assert new["id"] == "web/web"


@pytest.mark.parametrize(
    ("annotations", "whose"),
    [
        ({}, "it has no stack's mark"),
        (MARK | {"icr-private-image/stack": "icr-private-image/b"}, "icr-private-image/b"),
    ],
)
def test_somebody_elses_object_is_refused_by_name_and_nothing_is_changed(
    tmp_path: Path, annotations: dict[str, str], whose: str
) -> None:
    killed = Killed(tmp_path, [pending("core/v1:Secret", "ibmcr"), pending("core/v1:Pod", "web")])
    killed.has("ibmcr", annotations)
    killed.has("web", MARK)
    with pytest.raises(SandboxError) as caught:
        recover(killed.stack)
    said = str(caught.value)
    assert "Secret web/ibmcr" in said
    assert whose in said
    assert "pulumi config set --plaintext pullSecretName ANOTHER-NAME --stack dev" in said
    assert "kubectl delete secret ibmcr --namespace web" in said
    assert "Pod" not in said
    assert "refresh" not in killed.said
    assert "import" not in killed.said


def test_a_refresh_that_fails_stops_before_the_update(tmp_path: Path) -> None:
    killed = Killed(tmp_path, [pending("core/v1:Secret", "ibmcr")])
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(pulumi.read_text() + '[ "$1" != refresh ]\n')
    with pytest.raises(SandboxError, match="can't be brought up to date"):
        recover(killed.stack)


def test_a_lock_that_a_power_cut_has_emptied_is_released(tmp_path: Path) -> None:
    killed = Killed(tmp_path, [])
    killed.locked_by(0).write_text("")
    wait_for_other_updates(killed.stack)
    assert "cancel --yes --stack dev" in killed.said
