"""The console: one page that shows what the cloud holds and who was allowed what. It changes nothing, without script.

Never a key's value, not even a stored one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from base.errors import SandboxError
from sandbox.cloud.advisor.reports import report_on
from sandbox.cloud.controls.request_log import Record
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.core.store import Session
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import ApiKey, ServiceId
from sandbox.cloud.iam.policies import ACTIVE, Policy
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.registry.images import Image, images_in, stored_bytes, tags_in
from sandbox.cloud.registry.namespaces import namespaces_of
from sandbox.cloud.registry.plans import UNLIMITED, account_of
from sandbox.cloud.registry.traffic import pulled_bytes
from sandbox.cloud.serving.world import World

if TYPE_CHECKING:
    from jinja2 import Template

REQUESTS = 100
"""How many of the last requests are shown."""

_Row: TypeAlias = tuple[str | int | list[str], ...]
"""Cells of a table: a text, a count of bytes, or lines."""


def page(world: World) -> str:
    """Write the page as things are now."""
    now = world.clock.millis()
    with world.store.transaction() as session:
        accounts = [
            {
                "id": account.id,
                "owner": account.owner_iam_id,
                "identities": _identities(session, account, now),
                "regions": [_region(world, session, account.id, region) for region in world.regions.addresses],
            }
            for account in session.all(Account, order="created_at")
        ]
    requests = [_request(record) for record in reversed(world.controls.requests.records()[-REQUESTS:])]
    given = {"now": millis_text(now), "accounts": accounts, "requests": requests}
    return _template().render(given, REQUESTS=REQUESTS, UNLIMITED=UNLIMITED)


@cache
def _template() -> Template:
    import jinja2  # noqa: PLC0415 - a start should not wait for what most never look at

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.trim_blocks = environment.lstrip_blocks = True
    return environment.get_template("page.html")


def _identities(session: Session, account: Account, now: int) -> list[_Row]:
    keys = session.all(ApiKey, order="created_at", account_id=account.id)
    policies = session.all(Policy, account_id=account.id, state=ACTIVE)
    found = session.all(ServiceId, order="created_at", account_id=account.id)
    subjects = [(each.name, each.id, each.iam_id, each.locked) for each in found]
    return [
        (
            name,
            identifier,
            [_policy(policy) for policy in policies if policy.iam_id == iam_id],
            [_key(key, now) for key in keys if key.iam_id == iam_id],
            "locked" if locked else "",
        )
        for name, identifier, iam_id, locked in [*subjects, ("account owner", "", account.owner_iam_id, False)]
    ]


def _policy(policy: Policy) -> str:
    body = PolicyBody.of(policy.document)
    names = ", ".join(role.role_id.rpartition(":")[2] for role in body.control.grant.roles)
    scope = ", ".join(f"{a.key}={'|'.join(a.values())}" for a in body.resource.attributes if a.key != "accountId")
    return f"{names} on {scope or 'everything'}{' (with a rule)' if body.rule else ''} [{policy.id}]"


def _key(key: ApiKey, now: int) -> str:
    states = {
        "locked": key.locked,
        "disabled": key.disabled,
        "expired": key.expires_at is not None and key.expires_at <= now,
    }
    told = ", ".join(state for state, applies in states.items() if applies)
    return f"{key.name} [{key.id}]{f' ({told})' if told else ''}"


def _region(world: World, session: Session, account_id: str, region: str) -> dict[str, object]:
    settled = account_of(session, region, account_id)
    names = [namespace.name for namespace in namespaces_of(session, region, account_id)]
    tags = tags_in(session, region, names)
    images = images_in(session, region, names)
    rows = [
        (
            image.namespace,
            image.repository,
            ", ".join(tagged := tags.get((image.repository, image.digest), [])),
            image.digest[:19],
            image.size,
            _findings(world, session, account_id, image, tagged),
        )
        for image in images
    ]
    used = {image.namespace for image in images}
    return {
        "name": region,
        "plan": settled.plan,
        "storage": (stored_bytes(session, region, account_id), settled.storage_limit),
        "traffic": (pulled_bytes(session, region, account_id, world.clock.millis()), settled.traffic_limit),
        "images": [*rows, *((name, "", "", "", "", "") for name in names if name not in used)],
    }


def _findings(world: World, session: Session, account_id: str, image: Image, tags: list[str]) -> str:
    """Say in a few words what Vulnerability Advisor knows of an image, under its first tag."""
    try:
        known = world.keeper.advisor.advisories.known()
        report = report_on(session, account_id, image, tags[0] if tags else None, known)
    except SandboxError as error:
        return error.what
    if report.scan is None or not report.findings:
        return report.status
    return f"{report.status}: {len(report.findings)} found, {report.exempt_count} exempt"


def _request(record: Record) -> _Row:
    rights = [
        f"{decision.action}: {'allowed by ' + decision.policy if decision.policy else 'refused, no policy'}"
        for decision in record.decisions
    ]
    return (
        millis_text(int(record.at * 1000)),
        f"{record.method} {record.path}",
        record.caller or "",
        str(record.status or "no answer"),
        rights,
        record.fault or "",
    )
