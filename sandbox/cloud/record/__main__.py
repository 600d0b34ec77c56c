"""python -m sandbox.cloud.record: asks a real account the open questions of `core/unverified.py`."""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from pathlib import Path
from typing import cast

import httpx
import msgspec

from base.errors import SandboxError
from base.progress import say
from sandbox.cloud.core import unverified
from sandbox.cloud.core.regions import DOMAINS
from sandbox.cloud.record.account import Account
from sandbox.cloud.record.questions import QUESTIONS, Question

KEY_VARIABLE = "IBMCLOUD_API_KEY"
IAM = "https://iam.cloud.ibm.com"


def main(arguments: list[str] | None = None) -> int:
    """Ask, and write the answers down; without a key, list what would be asked. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox.cloud.record",
        description=f"Asks the account of ${KEY_VARIABLE}, removes what it made there; without a key it only lists.",
    )
    parser.add_argument("--iam", default=IAM, metavar="URL")
    parser.add_argument("--registry", default=f"https://{DOMAINS['jp-tok']}", metavar="URL")
    parser.add_argument("--to", type=Path, metavar="FILE", help="where the answers go, as JSON; else to the terminal")
    options = parser.parse_args(arguments)
    api_key = os.environ.get(KEY_VARIABLE, "").strip()
    if not api_key:
        _explain()
        return 0
    try:
        with Account(options.iam, options.registry, api_key) as account:
            answers = [answer for question in QUESTIONS for answer in ask(account, question)]
    except SandboxError as error:
        say(str(error))
        return 1
    except httpx.HTTPError as error:
        say(f"{options.iam} or {options.registry} can't be reached: {error}\n  To mend it: check network and URL")
        return 1
    text = msgspec.json.format(msgspec.json.encode(answers), indent=1).decode() + "\n"
    if options.to:
        cast("Path", options.to).write_text(text)
    else:
        print(text, end="")
    return 0


def ask(account: Account, question: Question) -> list[dict[str, object]]:
    """Ask one question; returns for each constant that it settles: today's value, the account's, and when."""
    say(f"  ask what happens if you {question.what}")
    when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    found: list[dict[str, object]] = []
    for constant, seen in question.ask(account).items():
        table = cast("object", getattr(unverified, constant))
        # A message may name the account or the owner; nobody else's file should.
        told = _without(seen, {account.id: "ACCOUNT", account.iam_id: "OWNER"})
        found.append({"constant": constant, "asked": when, "table": table, "account": told, "same": table == told})
    return found


def _without(value: object, names: dict[str, str]) -> object:
    if isinstance(value, tuple):
        return tuple(_without(each, names) for each in cast("tuple[object, ...]", value))
    if isinstance(value, str):
        for name, instead in names.items():
            value = value.replace(name, instead)
    return value


def _explain() -> None:
    say(f"With ${KEY_VARIABLE} set, a real account would be asked what happens if you:")
    for question in QUESTIONS:
        say(f"  - {question.what}   ({', '.join(question.settles)})")
    say("Service IDs, API keys and policies that this makes are named icr-private-image-question-..., and removed.")


if __name__ == "__main__":
    sys.exit(main())
