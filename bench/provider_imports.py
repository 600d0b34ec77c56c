"""Import of each resource type that lies in the cloud, with the real engine: `python -m bench.provider_imports`.

Makes all of them, forgets the state, and imports them by id with equal inputs. Exits 1, with what the engine said,
unless the preview shows imports and no other change, the imports write nothing, and nothing is left to change.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from bench.engine import Project, project

PROGRAM = """
import json
import os
import ibm_native as ibm
import pulumi

known = json.loads(os.environ.get("KNOWN", "{}"))

def known_as(name, after=()):
    return pulumi.ResourceOptions(import_=known.get(name), depends_on=list(after))

identity = ibm.ServiceId("identity", ibm.ServiceIdArgs(name="puller", description="Pulls"), known_as("identity"))
iam_id = os.environ.get("IAM_ID") or identity.iam_id
ibm.ApiKey("key", ibm.ApiKeyArgs(name="key", iam_id=iam_id, expires_at="2038-01-31T00:00+0000"), known_as("key"))
ibm.AccessPolicy("policy", ibm.AccessPolicyArgs(
    iam_id=iam_id, roles=["Viewer", "Reader"], region="jp-tok", namespace="my-images"), known_as("policy"))
space = ibm.Namespace("space", ibm.NamespaceArgs(name="my-images", region="jp-tok"), known_as("space"))
ibm.RetentionPolicy("retention", ibm.RetentionPolicyArgs(
    namespace="my-images", region="jp-tok", images_per_repo=5), known_as("retention", [space]))
ibm.Quota("quota", ibm.QuotaArgs(region="jp-tok", storage_megabytes=100, traffic_megabytes=1000), known_as("quota"))
ibm.Plan("plan", ibm.PlanArgs(region="jp-tok", plan="Free"), known_as("plan"))
"""
TYPES = 7


class UnexpectedError(Exception):
    """The engine did something else; the text is what it said."""


def expect(made: Project, told: str, *words: str, **variables: str) -> None:
    """Run a command; raises UnexpectedError unless it succeeds and says `told`."""
    done = made.pulumi(*words, **variables)
    if done.returncode or told not in done.stdout:
        raise UnexpectedError(f"pulumi {' '.join(words)} doesn't say {told!r}:\n{done.stdout}")


def bring_in(made: Project) -> None:
    """Make everything, forget it, and import it."""
    expect(made, f"{TYPES + 1} created", "up", "--yes", "--skip-preview")
    state = made.state()
    variables = {
        "KNOWN": json.dumps({each["urn"].rpartition("::")[2]: each["id"] for each in state}),
        "IAM_ID": next(each["outputs"]["iamId"] for each in state if each["type"] == "ibm-native:iam:ServiceId"),
    }
    expect(made, "", "state", "delete", "--all", "--yes")
    made.cloud.clear_requests()
    expect(made, f"+ 1 to create\n    = {TYPES} to import\n    {TYPES + 1} changes", "preview", **variables)
    expect(made, f"{TYPES} imported", "up", "--yes", "--skip-preview", **variables)
    writes = [f"{each.method} {each.path}" for each in made.cloud.requests if each.method != "GET"]
    if any(not each.endswith("/identity/token") for each in writes):
        raise UnexpectedError(f"an import wrote: {writes}")
    expect(made, f"{TYPES + 1} unchanged", "preview", "--expect-no-changes", IAM_ID=variables["IAM_ID"])


def main() -> int:
    """Run it on a cloud of its own."""
    with tempfile.TemporaryDirectory() as folder, project(Path(folder), PROGRAM) as made:
        try:
            bring_in(made)
        except UnexpectedError as error:
            print(error)
            return 1
    print(f"{TYPES} resource types imported by id: nothing else changes, and nothing was written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
