"""Test runs side by side: what a person sees of them, their status, and their end by Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from base.paths import CHECKOUT
from commands.testing import Command, Lane, run

pytestmark = pytest.mark.unit


def command(script: str) -> Command:
    return [sys.executable, "-u", "-c", script]


def test_each_lanes_end_is_told_in_one_piece_and_a_failure_of_any_counts(capsys: pytest.CaptureFixture[str]) -> None:
    told = "print('=== starts ==='); print('file ..F'); print('=== FAILURES ==='); print('why'); raise SystemExit(3)"

    status = run(Lane("one", 1, command(told), command("print('after')")), Lane("two", 1, command("print('well')")))

    said = capsys.readouterr().out
    assert status == 3
    assert "one: file ..F\n" in said
    assert "one:\n=== FAILURES ===\nwhy\n" in said
    assert "one: after\n" in said, "one failure keeps nothing else from being tested"
    assert "one tests: FAILED\ntwo tests: passed\n" in said


LANES = """
import signal
import sys
from commands.testing import Lane, run

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and what they start
waits = '''
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print("begun")
    time.sleep(60)
except KeyboardInterrupt:
    print("cleared away")
'''
run(*(Lane(name, 1, [sys.executable, "-u", "-c", waits], ["echo", "the next"]) for name in ("one", "two")))
"""


def test_ctrl_c_lets_every_lane_clear_away_and_begins_nothing_more(tmp_path: Path) -> None:
    script = tmp_path / "lanes.py"
    script.write_text(LANES)
    environ = {"PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen([sys.executable, str(script)], env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert sorted(process.stdout.readline() for _ in range(2)) == ["one: begun\n", "two: begun\n"]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGINT
    assert {"one: cleared away", "two: cleared away"} <= set(rest.splitlines())
    assert "the next" not in rest
