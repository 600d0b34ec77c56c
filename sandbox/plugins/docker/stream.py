"""The Docker Engine's answers to a build or a push: a stream of JSON messages, read line by line for the user."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import cast

from sandbox.plugins.serving import PluginError

Message = dict[str, object]
"""One JSON message of the stream."""
_GLANCE = 0.2
"""Seconds between two looks at whether the user has cancelled."""


def until_cancelled(start: Callable[[], Iterator[Message]], cancelled: threading.Event) -> Iterator[Message]:
    """Yield the engine's messages; give up within a moment of `cancelled`, also while the engine says nothing.

    The reader is left behind then: its connection closes with the process, and the engine drops the work.
    """
    messages: queue.SimpleQueue[Message | Exception | None] = queue.SimpleQueue()

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


def raise_if_error(message: Message, doing: str = "") -> None:
    """Raise PluginError if the message is the engine's refusal, with `doing` behind the engine's own words."""
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
    if "requires BuildKit" in text or "BuildKit is enabled" in text:
        text += " (this stand-in builds with Docker's classic builder; the official plugin has BuildKit)"
    raise PluginError(f"{text}{doing}")


def step(message: Message) -> str:
    """Return the Dockerfile's step that a build begins with this message, as the end of a sentence, or nothing."""
    line = str(message.get("stream") or "").strip()
    return f" (at {line})" if line.startswith("Step ") else ""


def result(message: Message, name: str) -> str:
    """Return a field of the message's result: `ID` of a build, `Digest` of a push; nothing if it has none."""
    aux = message.get("aux")
    value = cast("dict[str, object]", aux).get(name) if isinstance(aux, dict) else None
    return value if isinstance(value, str) else ""


def line(message: Message) -> str:
    """Return what the user sees of the message, in the official plugin's words, or nothing."""
    status, progress, text = (str(message.get(each) or "") for each in ("status", "progress", "stream"))
    if progress:
        return f"{status} {progress}".strip()
    if built := result(message, "ID"):
        return f"Built image with ID {built}"
    if pushed := result(message, "Digest"):
        return f"Pushed image with digest {pushed}"
    return (text or status).strip()
