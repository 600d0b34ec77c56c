"""Retention: how many images of each repository are kept; run when it is set, and daily."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby

from sandbox.cloud.core import unverified
from sandbox.cloud.core.rows import Row
from sandbox.cloud.core.store import Session
from sandbox.cloud.registry.images import Image, images_in, tags_in, trash
from sandbox.cloud.registry.tasks import Agenda

ALL = -1
"""Of `images_per_repo`: all images are kept."""

_DAY = 24 * 3600 * 1000
_OLDEST = int(datetime(2013, 1, 19, 0, 13, 39, tzinfo=UTC).timestamp() * 1000)
"""Images that were built before are never removed, by IBM's docs."""


class Retention(Row):
    """The retention policy of a namespace."""

    table = "retention"
    key = ("region", "namespace")
    indexes = ("runs_at",)
    region: str
    namespace: str
    images_per_repo: int
    retain_untagged: bool
    runs_at: int
    deletion_threshold_days: int = 0
    """Images that were built within so many days stay, whatever else holds."""


def surplus(session: Session, policy: Retention, now: int) -> list[Image]:
    """Return the images that a policy would remove at this time, in milliseconds, by repository.

    Images that are younger than the policy's threshold stay, above the count too, and count. Of each repository the
    newest by build date stay. Untagged images go, and don't count, unless they are retained: then they stay, and don't
    count either. What has no build date, or a very old one, stays, as do manifest lists and the images that a kept list
    is made of.
    """
    if policy.images_per_repo == ALL and policy.retain_untagged:
        return []
    names = [policy.namespace]
    tags, found = tags_in(session, policy.region, names), list[Image]()
    for repository, images in groupby(images_in(session, policy.region, names), lambda image: image.repository):
        every = list(images)
        listed = {digest for image in every if image.is_list for digest in _digests(image, every)}
        dated = [image for image in every if _may_go(image) and image.digest not in listed]
        tagged = sorted(
            (image for image in dated if (repository, image.digest) in tags),
            key=lambda image: (image.built_at or 0, image.pushed_at),
            reverse=True,
        )
        if policy.images_per_repo != ALL:
            found += tagged[policy.images_per_repo :]
        if not policy.retain_untagged:
            found += [image for image in dated if (repository, image.digest) not in tags]
    if not policy.deletion_threshold_days:
        return found
    oldest = now - policy.deletion_threshold_days * _DAY
    return [image for image in found if _age_from(image) < oldest]


def run(session: Session, policy: Retention, now: int, agenda: Agenda) -> None:
    """Move what a policy doesn't keep to the trash; the next run is a day later."""
    for image in surplus(session, policy, now):
        trash(session, image, now)
        agenda.remove(session, image)
    policy.runs_at = now + _DAY


def run_due(session: Session, now: int, agenda: Agenda) -> None:
    """Run the policies whose day has come."""
    for policy in session.all(Retention, "runs_at <= ?", now):
        run(session, policy, now, agenda)


def _age_from(image: Image) -> int:
    return int(getattr(image, unverified.RETENTION_AGE_COLUMN) or 0)


def _may_go(image: Image) -> bool:
    return not image.is_list and image.built_at is not None and image.built_at >= _OLDEST


def _digests(image: Image, among: Iterable[Image]) -> list[str]:
    return [other.digest for other in among if other.digest in image.manifest]
