"""Changes one place of the code at a time and sees whether a test fails: `python -m bench.mutants --help`.

Each mutant lives in a copy of the checkout, and gets the tests that run its line, those that run the least first.
Prints what survived with file, line and change; a line that no test runs is told as that. A score is no verdict.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import coverage
import pytest

from base.paths import CHECKOUT

CODE = ["components", "config", "ibm_native"]
SECONDS = 60
"""How long one test may take: a mutant that makes it hang is killed too."""
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
}


@dataclass(frozen=True)
class Mutant:
    """One change: in `file`, from line `line`, the text `before` at byte `start` becomes `after`."""

    file: str
    line: int
    start: int
    before: str
    after: str

    def __str__(self) -> str:
        """Return where and what, on one line."""
        return f"{self.file}:{self.line}: {' '.join(self.before.split())}  ->  {' '.join(self.after.split())}"


def mutants(file: str, source: str) -> Iterator[Mutant]:
    """Yield every mutant of a file."""
    starts = [0]
    for each in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(each))
    for node, after in _changes(ast.parse(source)):
        before = ast.get_source_segment(source, node) or ""
        yield Mutant(file, node.lineno, starts[node.lineno - 1] + node.col_offset, before, after)


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.JoinedStr):  # what is inside has no true place before Python 3.12
            yield from _of_values(node)
            yield from _of_flow(node)
            yield from _changes(node)


def _of_values(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    match node:
        case ast.Compare(left, [op], right) if type(op) in _SWAPPED:
            yield node, _text(ast.Compare(left, [_swapped(op)], right))
        case ast.BoolOp(op, values):
            yield node, _text(ast.BoolOp(_swapped(op), values))
        case ast.BinOp(left, op, right) if type(op) in _SWAPPED:
            yield node, _text(ast.BinOp(left, _swapped(op), right))
        case ast.UnaryOp(ast.Not(), operand):
            yield node, _text(operand)
        case ast.Constant(bool(value)):
            yield node, str(not value)
        case ast.Constant(int(value)):
            yield node, str(value + 1)
        case _:
            pass


def _of_flow(node: ast.AST) -> Iterator[tuple[ast.expr | ast.stmt, str]]:
    match node:
        case ast.IfExp(test) | ast.If(test):
            yield test, _text(ast.UnaryOp(ast.Not(), test))
        case ast.Return(ast.expr() as value) if not isinstance(value, ast.Constant):
            yield node, "return None"
        case ast.Raise() | ast.AugAssign() | ast.Expr(ast.Call() | ast.Await()):
            yield node, "pass"
        case _:
            pass


def _swapped(op: ast.AST) -> Any:  # noqa: ANN401  # whichever kind of operator it was
    return _SWAPPED[type(op)]()


def _text(node: ast.expr) -> str:
    return f"({ast.unparse(node)})"


class Copy:
    """A copy of the checkout, in which mutants live and tests run; `python -m pytest` finds nothing of the original."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
        for name in filter(None, listed.stdout.split("\0")):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (CHECKOUT / name).is_file():
                shutil.copy(CHECKOUT / name, target)
        (folder / ".venv").symlink_to(CHECKOUT / ".venv")  # what some tests start programs by

    def cover(self, data: Path, tests: Sequence[str]) -> None:
        """Run all tests once, noting which test runs which line; raises CalledProcessError if one fails."""
        code = [f"--cov={folder}" for folder in CODE]
        words = [*code, "--cov-context=test", "--cov-report=", "-q", *tests]
        subprocess.run(
            [sys.executable, "-m", "pytest", *words],
            cwd=self.folder,
            env={**os.environ, "COVERAGE_FILE": str(data)},
            check=True,
        )

    def killed(self, mutant: Mutant, tests: Sequence[str]) -> bool:
        """Tell whether one of `tests` fails with the mutant in place, or hangs."""
        file = self.folder / mutant.file
        source = file.read_bytes()
        end = mutant.start + len(mutant.before.encode())
        file.write_bytes(source[: mutant.start] + mutant.after.encode() + source[end:])
        try:
            return self._fails(tests)
        finally:
            file.write_bytes(source)

    def _fails(self, tests: Sequence[str]) -> bool:
        child = os.fork()
        if child == 0:
            os.setsid()
            nowhere = os.open(os.devnull, os.O_RDWR)
            for each in (0, 1, 2):
                os.dup2(nowhere, each)
            os.chdir(self.folder)
            sys.path.insert(0, str(self.folder))
            sys.dont_write_bytecode = True
            os._exit(
                int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore", f"--timeout={SECONDS}", *tests]))
            )
        _, status = os.waitpid(child, 0)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what the tests started
        return status != 0


def _prepare() -> None:
    """Load once what every mutant's tests load; it holds nothing that is changed."""
    for each in ("grpc.aio", "hypothesis", "ibm_platform_services", "ibm_container_registry", "sandbox.cloud.testing"):
        importlib.import_module(each)
    importlib.import_module("pulumi.provider.experimental.server")


class Coverage:
    """Which tests run which line of a file, by coverage's contexts."""

    def __init__(self, data: Path) -> None:
        self._data = coverage.CoverageData(str(data))
        self._data.read()
        self._lines: dict[str, int] = {}
        for file in self._data.measured_files():
            for contexts in self._data.contexts_by_lineno(file).values():
                for each in contexts:
                    self._lines[each] = self._lines.get(each, 0) + 1

    def tests(self, file: str, line: int) -> list[str]:
        """Return the tests that run a line, those that run the least first; what runs at import counts for all."""
        measured = next((each for each in self._data.measured_files() if each.endswith(f"/{file}")), "")
        by_line = self._data.contexts_by_lineno(measured)
        found = {each for each in by_line.get(line, []) if each}
        if not found and line in by_line:
            found = {each for contexts in by_line.values() for each in contexts if each}
        return [each.partition("|")[0] for each in sorted(found, key=lambda one: (self._lines[one], one))]


@dataclass
class Score:
    """What became of the mutants so far."""

    killed: int = 0
    survived: list[Mutant] = field(default_factory=list[Mutant])
    unrun: list[Mutant] = field(default_factory=list[Mutant])

    def __str__(self) -> str:
        """Return the score in one line."""
        tried = self.killed + len(self.survived) + len(self.unrun)
        share = round(100 * self.killed / tried) if tried else 0
        rest = f"{len(self.survived)} survived, {len(self.unrun)} run by no test"
        return f"{self.killed} of {tried} killed ({share} %), {rest}"


def main() -> None:
    """Run a sample of the mutants."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("files", nargs="*", default=CODE, help="files or folders to change")
    words.add_argument("--sample", type=int, default=100, help="mutants to try, chosen at random (0: all)")
    words.add_argument("--seed", type=int, default=1, help="of the choice")
    words.add_argument("--most", type=int, default=60, help="tests to run for one mutant, at most")
    words.add_argument("--minutes", type=float, default=30, help="time to end after, with what was seen so far")
    words.add_argument("--covered", type=Path, help="coverage of an earlier run of the same code, or where to keep it")
    words.add_argument("--tests", nargs="*", default=["tests/unit", "tests/provider"], help="what the tests are")
    given = words.parse_args()
    files = [
        each.relative_to(CHECKOUT).as_posix()
        for name in given.files
        for each in ([CHECKOUT / name] if name.endswith(".py") else sorted((CHECKOUT / name).rglob("*.py")))
    ]
    chosen = [each for file in files for each in mutants(file, (CHECKOUT / file).read_text())]
    if given.sample:
        chosen = random.Random(given.seed).sample(chosen, min(given.sample, len(chosen)))  # noqa: S311  # repeatable
    with tempfile.TemporaryDirectory() as folder:
        copy, data = Copy(Path(folder).resolve() / "copy"), given.covered or Path(folder) / "coverage"
        if not data.exists():
            copy.cover(data.resolve(), given.tests)
        _prepare()
        _try(chosen, copy, Coverage(data), given.most, given.minutes)


def _try(chosen: Sequence[Mutant], copy: Copy, covered: Coverage, most: int, minutes: float) -> None:
    score, begun = Score(), time.monotonic()
    for number, each in enumerate(chosen, 1):
        tests = covered.tests(each.file, each.line)
        if not tests:
            score.unrun.append(each)
            told = "no test"
        elif copy.killed(each, tests[:most]):
            score.killed += 1
            told = "killed"
        else:
            score.survived.append(each)
            told = f"SURVIVED {min(most, len(tests))} of {len(tests)} tests"
        spent = time.monotonic() - begun
        print(f"{number:>4}/{len(chosen)} {spent / 60:5.1f} min  {told:<10} {each}", flush=True)
        if spent > minutes * 60:
            break
    print(score)


if __name__ == "__main__":
    main()
