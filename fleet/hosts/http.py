"""JSON over HTTP to a host of repositories: its pages, and its refusals in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import httpx

from base.errors import SandboxError

_PAGE = 100
_SECONDS = 30.0


class Api:
    """One host's API, at `url`, with the headers that carry a token."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._client = httpx.Client(
            base_url=url.rstrip("/") + "/",
            headers=dict(headers),
            timeout=_SECONDS,
            transport=httpx.HTTPTransport(retries=3),
        )

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401  # JSON
        """Return the answer; raises SandboxError with the host's words if it is a refusal, or there is none."""
        try:
            answer = self._client.request(method, path.lstrip("/"), json=body)
        except httpx.HTTPError as error:
            raise SandboxError(f"{self._client.base_url} doesn't answer: {error}", "run the same again") from None
        if answer.is_success:
            return answer.json()
        raise SandboxError(
            f"{method} {answer.request.url.path} was refused: {answer.status_code} {_words(answer)}",
            "give the token the right to write comments and issues (GitHub: pull-requests, issues: write; GitLab: api)",
        )

    def pages(self, path: str) -> Iterator[Mapping[str, Any]]:
        """Yield the items of all pages."""
        number, joint = 1, "&" if "?" in path else "?"
        while True:
            found = cast("list[Mapping[str, Any]]", self.call("GET", f"{path}{joint}per_page={_PAGE}&page={number}"))
            yield from found
            if len(found) < _PAGE:
                return
            number += 1

    def close(self) -> None:
        """End the connections."""
        self._client.close()


def _words(answer: httpx.Response) -> str:
    try:
        return str(cast("Mapping[str, object]", answer.json()).get("message") or answer.text)
    except ValueError:
        return answer.reason_phrase
