"""A pull or merge request as a place for one comment of ours: found, made, edited in place, marked as stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fleet.comment import MARK, commit_of, mark_of

STALE = "> [!WARNING]\n> **Stale:** there is a newer commit than the one that this is about.\n"


@dataclass(frozen=True)
class Found:
    """A comment or an issue that we made, by its id or number."""

    id: int
    text: str


class Review(Protocol):
    """A request that waits for a review, on whatever host; its calls raise SandboxError with the host's words."""

    def head(self) -> str:
        """Return the commit that the request is at now."""
        ...

    def comments(self) -> list[Found]:
        """Return the comments that the holder of our token made, oldest first, however many others there are."""
        ...

    def add(self, text: str) -> None:
        """Add a comment."""
        ...

    def edit(self, comment: Found, text: str) -> None:
        """Put `text` in a comment's place."""
        ...


def publish(review: Review, text: str, commit: str) -> str:
    """Show `text`, which is about `commit`, as the one comment; returns what was done.

    If the request has moved on meanwhile, a comment on an older commit stays and is marked as stale.
    """
    mine = next((each for each in _mine(review) if mark_of(each.text) == mark_of(text)), None)
    if commit and review.head() != commit:
        mark_stale(review)
        return "not shown: the request has moved on to a newer commit"
    if mine is None:
        review.add(text)
        return "added"
    if mine.text.strip() == text.strip():
        return "unchanged"
    review.edit(mine, text)
    return "edited"


def mark_stale(review: Review) -> str:
    """Mark our comments as stale that are about another commit than today's; returns what was done."""
    head = review.head()
    old = [each for each in _mine(review) if STALE not in each.text and commit_of(each.text) != head]
    for each in old:
        first, _, rest = each.text.partition("\n")
        review.edit(each, f"{first}\n{STALE}\n{rest}")
    return "marked as stale" if old else "nothing to mark"


def _mine(review: Review) -> list[Found]:
    return [comment for comment in review.comments() if comment.text.startswith(MARK)]
