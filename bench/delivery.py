"""One delivery, by this program, by hand, and by its parts: `python -m bench delivery`, with the sandbox up.

By hand is bench/by_hand.sh: the manual procedure with curl, docker and kubectl, on the same sandbox. The floor is the
same engine and language host on an empty program, and on one that has the same providers and no resource. The parts
are a build and a push alone, the node's pull as the kubelet tells it, and the start of a Pod whose image is there.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from base import paths
from base.errors import SandboxError
from bench import pods, traces
from bench.figures import Figure, beyond, figure, ratio, seconds
from sandbox import addresses
from sandbox.toolchain import environment
from tests.e2e.project import Project

ROUNDS = 5
PODS = 60
SCRIPT = Path(__file__).with_name("by_hand.sh")
PROVIDERS = """
import pulumi_docker
import pulumi_kubernetes
import ibm_native
from components import delivery, settings

ibm_native.Provider("ibm")
pulumi_docker.Provider("docker")
pulumi_kubernetes.Provider("kubernetes")
"""
HELD = {"unchanged preview: the program until its first resource": 0.9, "first up: all but the engine": 350}
"""What is seen by looking into one run, and is to be at most so much: seconds, MiB."""
Work = Callable[[], object]


@dataclass(frozen=True)
class ByHand:
    """What the script makes, under names of its own."""

    folder: Path
    name: str

    def run(self, step: str, *, fails: bool = False, **variables: str) -> str:
        """Run one step and return what it printed; raises SandboxError if it doesn't end as it should."""
        host = addresses.REGISTRY_ADDRESSES["jp-tok"]
        own = {"IAM": f"http://{addresses.IAM_ADDRESS}", "REGISTRY": host, "BASE": addresses.BASE_IMAGE}
        own |= {"NAME": self.name, "CONTEXT": str(self.folder / "app"), "DOCKER_CONFIG": str(self.folder / "docker")}
        environ = {**environment.process_environment(), "DOCKER_BUILDKIT": "0", **own, **variables}
        done = subprocess.run([SCRIPT, step], env=environ, capture_output=True, text=True, check=False)
        if bool(done.returncode) != fails:
            raise SandboxError(f"{SCRIPT.name} {step} ended with {done.returncode}:\n{done.stderr}", "make up")
        return done.stdout.strip()

    def page(self, text: str) -> None:
        """Change the page."""
        (self.folder / "app/index.html").write_text(f"{text}\n")


def floor(folder: Path, program: str) -> Project:
    """Return a project of another program, whose providers are made already."""
    folder.mkdir()
    made = Project.copy(folder, paths.home())
    (made.folder / "__main__.py").write_text(program)
    made.up()
    return made


def serve(ours: Project, page: str) -> None:
    """Bring the page into the running Pod by an update, and see that it is there."""
    (ours.folder / "app/index.html").write_text(f"{page}\n")
    ours.up()
    words = ("kubectl", "exec", f"nginx-{ours.suffix}", "--", "cat", "/usr/share/nginx/html/index.html")
    served = subprocess.run(words, env=dict(ours.stack.environ), capture_output=True, text=True, check=True).stdout
    if served != f"{page}\n":
        raise SandboxError(f"the Pod serves {served!r} instead of {page!r}", "make verify")


def preview(project: Project, *words: str) -> None:
    """Preview, which must end well."""
    ran = project.pulumi("preview", *words)
    if ran.status:
        raise SandboxError(ran.text, "make up")


def groups(ours: Project, hand: ByHand, empty: Project, providers: Project) -> Iterator[Mapping[str, Work]]:
    """Yield what is done in one round, in the order of a life; what is in one group is compared."""
    yield {"first up": ours.up, "first run by hand": lambda: hand.run("deliver")}
    yield {
        "preview of an empty program": lambda: preview(empty),
        "preview of the providers alone": lambda: preview(providers),
        "unchanged preview": lambda: preview(ours),
        "refresh of the providers alone": lambda: preview(providers, "--refresh"),
        "refresh": lambda: preview(ours, "--refresh"),
    }
    yield {
        "up of the providers alone": providers.up,
        "unchanged up": ours.up,
        "second run by hand": lambda: hand.run("deliver"),
    }
    yield {"page change": lambda: serve(ours, "another page"), "page change by hand": lambda: change(hand)}
    yield {"build and push alone": lambda: build(hand)}
    ours.configure(keyEpoch="2")
    yield {"rotation": ours.up, "rotation by hand": lambda: hand.run("rotate")}
    yield {
        "destroy": lambda: ours.pulumi("destroy", "--yes", "--skip-preview"),
        "removal by hand": lambda: hand.run("remove"),
    }


def change(hand: ByHand) -> None:
    """Bring another page, by hand."""
    hand.page("another page, by hand")
    hand.run("deliver")


def build(hand: ByHand) -> None:
    """Build and push another page, and nothing more."""
    hand.page("a page that nobody runs")
    hand.run("image")


def measure(quick: bool) -> Iterator[Figure]:
    """Live some whole lives of a delivery, each beside one by hand; then look into one."""
    if missing := [tool for tool in ("curl", "jq", "docker", "kubectl") if not shutil.which(tool, path=_path())]:
        raise SandboxError(f"by hand takes {', '.join(missing)}, which is not on PATH", f"apt-get install {missing[0]}")
    took: dict[str, list[float]] = {}
    pulls: list[float] = []
    with tempfile.TemporaryDirectory(prefix="icr-") as name, ExitStack() as cleanup:
        folder = Path(name)
        empty, providers = floor(folder / "empty", ""), floor(folder / "providers", PROVIDERS)
        cleanup.callback(lambda: providers.pulumi("destroy", "--yes", "--skip-preview"))
        for number in range(1 if quick else ROUNDS):
            ours, hand = pair(folder / str(number), cleanup)
            for group in groups(ours, hand, empty, providers):
                for what in list(group)[:: -1 if number % 2 else 1]:
                    took.setdefault(what, []).append(seconds(group[what]))
                if "page change" in group:
                    pulls += pods.pull_seconds(f"nginx-{ours.suffix}", hand.name)
        found = {what: Figure(what, "s", tuple(values)) for what, values in took.items()}
        ours, hand = pair(folder / "last", cleanup)
        yield from left_behind(hand)
        looked = list(look_into(ours, PODS // 10 if quick else PODS))
    yield from targets(found, Figure("one pull by the node", "s", tuple(pulls)), looked)
    yield from found.values()
    yield from (each for each in looked if each.what not in HELD)


def pair(folder: Path, cleanup: ExitStack) -> tuple[Project, ByHand]:
    """Make a project and a script's folder that deliver the same, and are both removed at the end."""
    (folder / "ours").mkdir(parents=True)
    ours = Project.copy(folder / "ours", paths.home())
    hand = ByHand(folder / "hand", f"hand-{ours.suffix}")
    shutil.copytree(ours.folder / "app", hand.folder / "app")
    (hand.folder / "docker").mkdir()
    cleanup.callback(lambda: ours.pulumi("destroy", "--yes", "--skip-preview"))
    return ours, hand


def left_behind(hand: ByHand) -> Iterator[Figure]:
    """Let the script fail between the API key and the Secret, run it again, and count keys that nobody holds."""
    hand.run("deliver", fails=True, STOP_AFTER_KEY="1")
    hand.run("deliver")
    yield figure(
        "API keys that nobody holds, after an error by hand and the same script again",
        "keys",
        int(hand.run("keys")) - 1,
    )
    hand.run("remove")


def look_into(ours: Project, count: int) -> Iterator[Figure]:
    """Tell where the time of a first up and of an unchanged preview goes, what memory it takes, and how Pods start."""
    for what, words in {"first up": ("up", "--yes", "--skip-preview"), "unchanged preview": ("preview",)}.items():
        file = ours.folder / "trace.json"
        with traces.Memory() as memory:
            ran = ours.pulumi(*words, "--otel-traces", f"file://{file}")
        if ran.status:
            raise SandboxError(ran.text, "make up")
        yield from traces.parts(what, file)
        yield from memory.figures(what)
        file.unlink()
    starts = pods.start_seconds(f"nginx-{ours.suffix}", count)
    yield Figure("Pod start, image there", "s", tuple(starts))
    yield figure(f"Pod start, p99 of {count}", "s", sorted(starts)[len(starts) * 99 // 100]).held(most=5)


def targets(found: Mapping[str, Figure], pull: Figure, looked: list[Figure]) -> Iterator[Figure]:
    """Hold the figures against their targets."""
    seen = {each.what: each for each in looked}
    start = seen["Pod start, image there"].median
    yield from (seen[what].held(most=most) for what, most in HELD.items())
    parts = found["build and push alone"]
    parts = Figure("build, push, pull and Pod start", "s", tuple(each + pull.median + start for each in parts.values))
    path = zip(parts.values, found["up of the providers alone"].values, strict=True)
    critical = Figure("critical path of the parts", "s", tuple(one + other for one, other in path))
    yield ratio("first up, to the parts' critical path", found["first up"], critical).held(
        most=1.15, reason="IAM's objects, the proof by use and the pull Secret lie on the path too"
    )
    yield ratio("first up, to the first run by hand", found["first up"], found["first run by hand"]).held(
        most=1,
        reason="engine, host, program and three plugins start before the first call: `up of the providers alone`",
    )
    yield ratio("page change, to build, push, pull and Pod start", found["page change"], parts).held(
        most=1.2, reason="the engine's own floor, and the end of the old Pod, come on top"
    )
    yield ratio("page change, to one by hand", found["page change"], found["page change by hand"])
    yield ratio("unchanged up, to a second run by hand", found["unchanged up"], found["second run by hand"])
    yield ratio("destroy, to a removal by hand", found["destroy"], found["removal by hand"])
    yield beyond(
        "unchanged preview beyond the floor", found["unchanged preview"], found["preview of the providers alone"]
    ).held(
        most=0.4,
        reason="0.18 s to import the Kubernetes SDK's classes of core/v1, 0.1 s IBM's SDK when the program asks the "
        "registry for the image; the rest are 18 resources' registrations, a call and several lines of log each",
    )
    yield beyond("refresh beyond the floor", found["refresh"], found["refresh of the providers alone"])
    yield beyond("rotation beyond an unchanged up", found["rotation"], found["unchanged up"]).held(most=2)
    yield from (parts, critical, pull)


def _path() -> str:
    return environment.process_environment()["PATH"]
