"""The Docker Engine's answers to a push: a stream of JSON messages, read line by line for the user."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar, cast

from sandbox.plugins.serving import PluginError

_Said = TypeVar("_Said")
Message = dict[str, object]
"""One JSON message of the stream."""
_PUSHED = re.compile(r": digest: (sha256:[0-9a-f]{64}) size: \d+$")
_GLANCE = 0.2
"""Seconds between two looks at whether the user has cancelled."""


def until_cancelled(start: Callable[[], Iterator[_Said]], cancelled: threading.Event) -> Iterator[_Said]:
    """Yield what the engine says; give up within a moment of `cancelled`, also while the engine says nothing.

    The reader is left behind then: its connection closes with the process, and the engine drops the work.
    """
    messages: queue.SimpleQueue[_Said | Exception | None] = queue.SimpleQueue()

    def read() -> None:
        try:
            for message in start():
                messages.put(message)
            messages.put(None)
        except Exception as error:  # noqa: BLE001 - raised again where the messages are wanted
            messages.put(error)

    threading.Thread(target=read, name="docker", daemon=True).start()
    while True:
        if cancelled.is_set():
            raise PluginError("cancelled before the image was built and pushed")
        try:
            message = messages.get(timeout=_GLANCE)
        except queue.Empty:
            continue
        if message is None:
            return
        if isinstance(message, Exception):
            raise message
        yield message


def raise_if_refused(message: Message, doing: str) -> None:
    """Raise PluginError if the message is a refusal, with `doing` behind the engine's or the registry's own words."""
    # An engine that refuses the whole request answers {"message": ...} where a stream was expected.
    error = message.get("error") or (message.get("message") if len(message) == 1 else None)
    if error is None:
        return
    text = str(error).strip()
    detail = cast("dict[str, object]", message.get("errorDetail") or {})
    if detail.get("code") == 401:
        text = f"authentication is required: {text}"
    if text == "EOF":
        text = "EOF: most likely the registry's name, user name or password is wrong"
    raise PluginError(f"error reading push output: {text}{doing}")


def pushed(message: Message) -> str:
    """Return the digest that the message says was pushed; nothing if it says none.

    Engines with Docker's own image store give it in a result, `aux`, too. Those with containerd's, as a new Docker 29,
    say it in words only (moby: daemon/containerd/image_push.go).
    """
    aux = message.get("aux")
    given = cast("dict[str, object]", aux).get("Digest") if isinstance(aux, dict) else None
    said = _PUSHED.search(str(message.get("status") or ""))
    return given if isinstance(given, str) else said[1] if said else ""


def line(message: Message) -> str:
    """Return what the user sees of the message, in the official plugin's words, or nothing."""
    status, progress = (str(message.get(each) or "") for each in ("status", "progress"))
    if "aux" in message:
        digest = pushed(message)
        return f"Pushed image with digest {digest}" if digest else ""
    return f"{status} {progress}".strip()
