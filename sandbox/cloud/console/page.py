"""The console: one page that shows what the cloud holds and who was allowed what. It changes nothing, without script.

Never a key's value, not even a stored one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from sqlalchemy import select
from sqlalchemy.orm import Session

from base.errors import SandboxError
from sandbox.cloud.advisor.reports import report_on
from sandbox.cloud.controls.request_log import Record
from sandbox.cloud.core.clock import millis_text
from sandbox.cloud.iam.accounts import Account
from sandbox.cloud.iam.identities import ApiKey, ServiceId
from sandbox.cloud.iam.policies import ACTIVE, Policy
from sandbox.cloud.iam.policy_body import PolicyBody
from sandbox.cloud.registry.images import Image, images_in, stored_bytes, tags_in
from sandbox.cloud.registry.namespaces import namespaces_of
from sandbox.cloud.registry.plans import UNLIMITED, account_of
from sandbox.cloud.registry.traffic import pulled_bytes
from sandbox.cloud.serving.world import World

REQUESTS = 100
"""How many of the last requests are shown."""

_STYLE = """
body { font: 15px/1.45 system-ui, "DejaVu Sans", sans-serif; margin: 2rem auto; max-width: 80rem; padding: 0 1rem;
       color: #161616; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
table { border-collapse: collapse; width: 100%; } caption { text-align: left; color: #525252; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #ddd;
         overflow-wrap: break-word; }
th { font-weight: 600; } th, time { white-space: nowrap; }
code { font-size: .85em; } .no { color: #a2191f; } .yes { color: #0e6027; }
.none { color: #525252; } meter { width: 16rem; height: 1rem; vertical-align: middle; }
"""


@dataclass(frozen=True, slots=True)
class Html:
    """Text that is HTML already; everything else is escaped."""

    text: str


def page(world: World) -> str:
    """Write the page as things are now."""
    now = world.clock.millis()
    with world.store.transaction() as session:
        accounts = session.scalars(select(Account).order_by(Account.created_at)).all()
        body = [part for account in accounts for part in _account(world, session, account, now)]
    body += _requests(world.controls.requests.records()[-REQUESTS:])
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>IBM Cloud stand-in</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<h1>IBM Cloud stand-in</h1><p>As of {millis_text(now)}. Reload the page to see it as it is now.</p>"
        f"{''.join(body)}</body></html>"
    )


def _account(world: World, session: Session, account: Account, now: int) -> Iterable[str]:
    yield f"<h2>Account {_cell(account.id)}</h2>"
    yield f"<p>Owner: {_cell(account.owner_iam_id)}, who may do everything in it.</p>"
    yield from _identities(session, account, now)
    for region in world.regions.addresses:
        yield from _region(world, session, account.id, region)


def _identities(session: Session, account: Account, now: int) -> Iterable[str]:
    keys = list(session.scalars(select(ApiKey).where(ApiKey.account_id == account.id).order_by(ApiKey.created_at)))
    policies = list(session.scalars(select(Policy).where(Policy.account_id == account.id, Policy.state == ACTIVE)))
    found = session.scalars(select(ServiceId).where(ServiceId.account_id == account.id).order_by(ServiceId.created_at))
    subjects = [(each.name, each.id, each.iam_id, each.locked) for each in found]
    rows = [
        (
            name,
            identifier,
            _lines(_policy(policy) for policy in policies if policy.iam_id == iam_id),
            _lines(_key(key, now) for key in keys if key.iam_id == iam_id),
            "locked" if locked else "",
        )
        for name, identifier, iam_id, locked in [*subjects, ("account owner", "", account.owner_iam_id, False)]
    ]
    yield _table("Identities", ("Service ID", "Id", "Policies", "API keys", "State"), rows)


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


def _region(world: World, session: Session, account_id: str, region: str) -> Iterable[str]:
    settled = account_of(session, region, account_id)
    yield f"<h2>Registry in {_cell(region)}, plan {_cell(settled.plan)}</h2>"
    yield _bar("Storage", stored_bytes(session, region, account_id), settled.storage_limit)
    yield _bar(
        "Pull traffic this month",
        pulled_bytes(session, region, account_id, world.clock.millis()),
        settled.traffic_limit,
    )
    names = [namespace.name for namespace in namespaces_of(session, region, account_id)]
    tags = tags_in(session, region, names)
    images = images_in(session, region, names)
    rows = [
        (
            image.namespace,
            image.repository,
            ", ".join(tags.get((image.repository, image.digest), [])),
            Html(f"<code>{_cell(image.digest[:19])}</code>"),
            _size(image.size),
            _findings(world, session, account_id, image, tags.get((image.repository, image.digest), [])),
        )
        for image in images
    ]
    used = {image.namespace for image in images}
    rows += [(name, "", "", "", "", "") for name in names if name not in used]
    yield _table("Namespaces and images", ("Namespace", "Repository", "Tags", "Digest", "Size", "Findings"), rows)


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


def _bar(what: str, used: int, limit: int) -> str:
    if limit == UNLIMITED:
        return f"<p>{what}: {_size(used)}, without a limit</p>"
    meter = f'<meter min="0" max="{limit}" high="{limit * 9 // 10}" value="{min(used, limit)}"></meter>'
    return f"<p>{what}: {meter} {_size(used)} of {_size(limit)}</p>"


def _requests(records: list[Record]) -> list[str]:
    rows = [
        (
            Html(f"<time>{millis_text(int(record.at * 1000))}</time>"),
            f"{record.method} {record.path}",
            record.caller or "",
            Html(f'<span class="{_tone(record.status)}">{record.status or "no answer"}</span>'),
            _lines(
                f"{decision.action}: {'allowed by ' + decision.policy if decision.policy else 'refused, no policy'}"
                for decision in record.decisions
            ),
            record.fault or "",
        )
        for record in reversed(records)
    ]
    names = ("Time", "Request", "Caller", "Status", "Rights", "Fault")
    return ["<h2>Requests</h2>", _table(f"The last {REQUESTS} at most, the newest first", names, rows)]


def _tone(status: int | None) -> str:
    return "yes" if status is not None and status < 400 else "no"


def _table(caption: str, names: Iterable[str], rows: Iterable[Iterable[str | Html]]) -> str:
    lines = "".join(f"<tr>{''.join(f'<td>{_cell(cell)}</td>' for cell in row)}</tr>" for row in rows)
    if not lines:
        return f'<p class="none">{_cell(caption)}: none</p>'
    head = "".join(f'<th scope="col">{_cell(name)}</th>' for name in names)
    return f"<table><caption>{_cell(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"


def _lines(texts: Iterable[str]) -> Html:
    return Html("<br>".join(escape(text) for text in texts))


def _cell(content: str | Html) -> str:
    return content.text if isinstance(content, Html) else escape(content)


def _size(count: int) -> str:
    for unit, factor in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
