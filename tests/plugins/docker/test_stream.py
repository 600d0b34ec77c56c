"""The Docker Engine's messages, as the user sees them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from sandbox.plugins.docker import stream
from sandbox.plugins.docker.stream import Message
from sandbox.plugins.serving import PluginError

pytestmark = pytest.mark.plugins


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ({"status": "Preparing", "progressDetail": {}, "id": "a"}, "Preparing"),
        ({"status": "Pushing", "progress": "[====>]     512B"}, "Pushing [====>]     512B"),
        ({"aux": {"Tag": "latest", "Digest": "sha256:2", "Size": 1}}, "Pushed image with digest sha256:2"),
        ({"aux": ["unknown"]}, ""),
    ],
)
def test_a_message_is_one_line(message: Message, line: str) -> None:
    assert stream.line(message) == line


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"error": "denied: no", "errorDetail": {"message": "denied: no"}}, "denied: no"),
        ({"error": "no", "errorDetail": {"code": 401}}, "authentication is required: no"),
        ({"error": "EOF"}, "EOF: most likely the registry's name, user name or password is wrong"),
        ({"message": "No such image: x"}, "No such image: x"),
    ],
)
def test_a_refusal_keeps_the_engines_words(message: Message, text: str) -> None:
    with pytest.raises(PluginError) as raised:
        stream.raise_if_refused(message, " (pushing x)")
    assert str(raised.value) == f"error reading push output: {text} (pushing x)"


PUSHED = "sha256:b581c58347154f9e879ab503cffa7d8d5e0d90b05ec6d76f39fd6efa6aa0de97"


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(
            [{"progressDetail": {}, "aux": {"Tag": "v1", "Digest": PUSHED, "Size": 401}}], id="docker's store"
        ),
        pytest.param([], id="containerd's store"),
    ],
)
def test_a_push_says_its_digest_whichever_store_the_engine_has(result: list[Message]) -> None:
    """Recorded from Docker 28.5.2 with containerd's image store, which a new Docker 29 has; the others add a result."""
    said: list[Message] = [
        {"status": "The push refers to repository [127.0.0.1:5999/mine/page]"},
        {"status": "Pushed", "progressDetail": {}, "id": "18f60db09d11"},
        {"status": f"v1: digest: {PUSHED} size: 401"},
        *result,
    ]
    assert {stream.pushed(message) for message in said} == {"", PUSHED}


def test_a_message_that_is_none_passes() -> None:
    stream.raise_if_refused({"status": "x"}, " (pushing x)")


def test_messages_come_in_order_and_the_readers_error_comes_through() -> None:
    def messages() -> Iterator[Message]:
        yield {"status": "1"}
        yield {"status": "2"}
        raise PluginError("gone")

    reader = stream.until_cancelled(messages, threading.Event())
    assert [next(reader), next(reader)] == [{"status": "1"}, {"status": "2"}]
    with pytest.raises(PluginError, match="gone"):
        next(reader)


def test_cancelling_ends_the_wait_for_a_silent_engine() -> None:
    cancelled, let_go = threading.Event(), threading.Event()

    def silent() -> Iterator[Message]:
        yield {"stream": "Step 1/1 : RUN something long"}
        let_go.wait(60)

    reader = stream.until_cancelled(silent, cancelled)
    assert next(reader) == {"stream": "Step 1/1 : RUN something long"}
    cancelled.set()
    with pytest.raises(PluginError, match="cancelled"):
        next(reader)
    let_go.set()
