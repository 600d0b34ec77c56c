"""API keys of service IDs: made once, shown once, kept as a secret in the stack's state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import pulumi

from ibm_native.cloud.client import PAGE
from ibm_native.cloud.errors import ApiError, LostAnswerError, ProviderError, conceal
from ibm_native.cloud.pace import Pace
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, text
from ibm_native.iam.service_id import unlock_command
from ibm_native.model import rules
from ibm_native.model.declare import Plain, Prop, Resource
from ibm_native.model.lifecycle import (
    LOST_ANSWER_SECONDS,
    Attempt,
    Call,
    Found,
    LifeCycle,
    gone,
    once_known,
    or_none,
    undone_by,
    unless_refused,
    unless_stale,
    until_listed,
)
from ibm_native.model.marker import Mark, remarked, without_mark
from ibm_native.model.values import Values

_NEEDS = "the role Operator or Administrator on the service ID (IAM Identity)"
_NEEDS_VIEWER = "the role Viewer on the service ID (IAM Identity)"

KEYS_OF_AN_IDENTITY = 20
"""How many API keys IBM lets an identity hold."""
_LIMIT_STATUSES = {400, 409, 422}
"""IBM documents none for the limit: the number of keys decides."""


@dataclass(frozen=True, kw_only=True)
class ApiKeyArgs:
    """Inputs of an API key."""

    name: Annotated[pulumi.Input[str], Prop("Name of the key; need not be unique.", rule=rules.name)]
    iam_id: Annotated[
        pulumi.Input[str],
        Prop("IAM ID of the identity that the key is for (output `iamId`).", replaces=True, rule=rules.iam_id),
    ]
    description: Annotated[pulumi.Input[str] | None, Prop("What the key is for.")] = None
    expires_at: Annotated[
        pulumi.Input[str] | None,
        Prop("When the key stops working, UTC, `yyyy-MM-ddTHH:mm+0000`; never, if absent.", rule=rules.expires_at),
    ] = None
    action_when_leaked: Annotated[
        pulumi.Input[str],
        Prop("What IBM does when it finds the key in public: none, disable or delete.", rule=rules.action_when_leaked),
    ] = "disable"


class ApiKey(
    Resource,
    token="ibm-native:iam:ApiKey",
    args=ApiKeyArgs,
    import_id="`ApiKey-<uuid>`",
    refresh=(
        "all inputs are compared, and whether IBM still takes the key (`unusable`); lock, tags and the stored "
        "value are left alone"
    ),
    needs=_NEEDS,
):
    """An API key of a service ID. IBM doesn't store its value: it is in the stack's state only, as a secret.

    To rotate, make another key and remove this one: a key's value never changes. The value of an imported key can't be
    read back and is empty.
    """

    name: pulumi.Output[str]
    iam_id: pulumi.Output[str]
    description: pulumi.Output[str | None]
    expires_at: pulumi.Output[str | None]
    action_when_leaked: pulumi.Output[str]
    crn: Annotated[pulumi.Output[str], Prop("Cloud resource name of the key.")]
    api_key: Annotated[pulumi.Output[str], Prop("The key's value.", secret=True)]
    unusable: Annotated[
        pulumi.Output[str | None],
        Prop(
            "Set by a refresh where the key stopped working: `disabled` (by hand, or by IBM since it leaked) or "
            "`expired`. The next update makes another key.",
            drift=True,
            replaces=True,
        ),
    ]

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)


class ApiKeyLife(LifeCycle):
    """The value comes once: a key whose value is lost is removed, never kept."""

    declaration = ApiKey.declaration

    def kept(self, call: Call, old: Values, new: Values) -> frozenset[str]:
        """Keep the value, which never changes."""
        del call, old, new
        return frozenset({"crn", "api_key"})

    async def create(self, call: Call, inputs: Values) -> tuple[str, Mapping[str, Plain | None]]:
        """Make the key, then remove what an earlier, broken-off create of it left."""
        what = f"create API key {inputs.text('name')!r}"
        account = await call.cloud.account(what)
        attempt = Attempt.begin(call, account)
        try:
            body = await unless_refused(attempt, lambda: self._make(attempt, what, inputs))
        except LostAnswerError:
            # The key may exist, but nobody knows its value.
            if not await self._remove_attempt(attempt, what, inputs):
                raise
            body = await unless_refused(attempt, lambda: self._make(attempt, what, inputs))
        resource_id, value = text(body, "id"), text(body, "apikey")
        conceal(value)
        attempt.made(resource_id)
        async with undone_by(lambda: self.undo(call, resource_id, inputs)):
            if not value:
                raise ProviderError(what, "IAM made the key but didn't show its value", "The key was removed again.")
            iam_id = inputs.text("iam_id")
            left = await until_listed(
                attempt,
                what,
                resource_id,
                lambda: self._of_identity(call, account, iam_id),
                lambda: self._get(call, resource_id),
            )
            for each in left:
                if not await self._was_used(call, each):
                    await self.undo(call, each, inputs)
        return resource_id, {"crn": text(body, "crn"), "api_key": value}

    async def read(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Found | None:
        """Return the key; its value is what the state has, since IAM never shows it again."""
        body = await or_none(lambda: self._get(call, resource_id))
        if body is None:
            return None
        actual = {
            "name": text(body, "name"),
            "iam_id": text(body, "iam_id"),
            "description": without_mark(text(body, "description")) or None,
            "expires_at": text(body, "expires_at") or None,
            "action_when_leaked": text(body, "action_when_leaked") or inputs.maybe_text("action_when_leaked"),
        }
        value = state.maybe_text("api_key") or ""
        return Found(actual, {"crn": text(body, "crn"), "api_key": value, "unusable": _unusable(body, call.pace)})

    async def update(self, call: Call, resource_id: str, inputs: Values, state: Values) -> Mapping[str, Plain | None]:
        """Change everything but the identity and the value, in place."""
        job = Job(
            f"update API key {resource_id}", _NEEDS, conditional=True, unlock=_unlock_command(resource_id, inputs)
        )
        # IAM takes "" as "no longer"; a key that never expired isn't asked to.
        expires_at = inputs.maybe_text("expires_at") or ("" if "expires_at" in state else None)

        async def write(body: Json, tag: str) -> Json:
            reply = await call.cloud.identity(
                job,
                lambda api: api.update_api_key(
                    resource_id,
                    tag,
                    name=inputs.text("name"),
                    description=remarked(inputs.maybe_text("description"), text(body, "description")),
                    action_when_leaked=inputs.text("action_when_leaked"),
                    expires_at=expires_at,
                ),
            )
            return reply.fields

        body = await unless_stale(lambda: self._tagged(call, resource_id), write)
        return {"crn": text(body, "crn"), "api_key": state.maybe_text("api_key") or ""}

    async def delete(self, call: Call, resource_id: str, state: Values) -> None:
        """Remove the key; tokens that were issued for it live on for up to an hour."""
        what = f"delete API key {resource_id}"
        job = Job(what, _NEEDS, unlock=_unlock_command(resource_id, state))
        await gone(call, what, lambda: call.cloud.identity(job, lambda api: api.delete_api_key(resource_id)))

    async def _make(self, attempt: Attempt, what: str, inputs: Values) -> Json:
        """Post; once more after making room, if the identity holds all the keys that it may."""
        try:
            return await self._post(attempt, what, inputs)
        except ApiError as refused:
            if refused.status not in _LIMIT_STATUSES or not await self._made_room(attempt, inputs, refused):
                raise
        return await self._post(attempt, what, inputs)

    async def _made_room(self, attempt: Attempt, inputs: Values, refused: ApiError) -> bool:
        """Tell whether a key was removed that nobody can be using: an earlier attempt left it."""
        call = attempt.call
        held = await self._of_identity(call, attempt.account, inputs.text("iam_id"))
        if len(held) < KEYS_OF_AN_IDENTITY:
            return False
        own = [text(each, "id") for each in held if attempt.left_by_another(each)]
        left = [each for each in own if not await self._was_used(call, each)]
        if not left:
            raise ApiError(
                refused.what,
                refused.why,
                f"The identity holds {len(held)} API keys; IBM's limit is {KEYS_OF_AN_IDENTITY}. Remove one that "
                "nobody uses, then run the same command again.",
                status=refused.status,
                code=refused.code,
            )
        for each in left:
            await self.undo(call, each, inputs)
        return True

    async def _post(self, attempt: Attempt, what: str, inputs: Values) -> Json:
        reply = await once_known(
            attempt.call,
            what,
            lambda: attempt.call.cloud.identity(
                Job(what, _NEEDS, repeatable=False, unlock=unlock_command(inputs.text("iam_id"))),
                lambda api: api.create_api_key(
                    inputs.text("name"),
                    inputs.text("iam_id"),
                    description=attempt.mark.on(inputs.maybe_text("description")),
                    account_id=attempt.account,
                    store_value=False,
                    action_when_leaked=inputs.text("action_when_leaked"),
                    expires_at=inputs.maybe_text("expires_at"),
                ),
            ),
        )
        return reply.fields

    async def _get(self, call: Call, resource_id: str) -> Json:
        job = Job(f"read API key {resource_id}", _NEEDS_VIEWER)
        return (await call.cloud.identity(job, lambda api: api.get_api_key(resource_id))).fields

    async def _tagged(self, call: Call, resource_id: str) -> tuple[Json, str]:
        body = await self._get(call, resource_id)
        return body, text(body, "entity_tag")

    async def _was_used(self, call: Call, resource_id: str) -> bool:
        """Tell whether somebody logged in with a key: nobody can with one whose value was lost."""
        job = Job(f"look when API key {resource_id} was used last", _NEEDS_VIEWER)
        reply = await or_none(
            lambda: call.cloud.identity(job, lambda api: api.get_api_key(resource_id, include_activity=True))
        )
        return bool(reply and mapping(reply.fields.get("activity")).get("authn_count"))

    async def _of_identity(self, call: Call, account: str, iam_id: str) -> list[Json]:
        job = Job(f"look for API keys of {iam_id}", _NEEDS_VIEWER)
        pages = call.cloud.pages(
            "apikeys",
            lambda token: call.cloud.identity(
                job, lambda api: api.list_api_keys(account_id=account, iam_id=iam_id, pagesize=PAGE, pagetoken=token)
            ),
        )
        return [body async for body in pages]

    async def _remove_attempt(self, attempt: Attempt, what: str, inputs: Values) -> bool:
        call, mark = attempt.call, attempt.mark

        async def find() -> str | None:
            found = await self._of_identity(call, attempt.account, inputs.text("iam_id"))
            return next((text(one, "id") for one in found if Mark.found_in(text(one, "description")) == mark), None)

        resource_id = await call.pace.until(find, within=LOST_ANSWER_SECONDS, why=what)
        if resource_id is not None:
            await self.delete(call, resource_id, inputs)
        return resource_id is not None


def _unusable(body: Json, pace: Pace) -> str | None:
    """Return why IAM doesn't take a key any longer, or None if it does."""
    if body.get("disabled") is True:
        return "disabled"
    expires_at = text(body, "expires_at")
    return "expired" if expires_at and datetime.fromisoformat(expires_at) <= pace.today() else None


def _unlock_command(resource_id: str, owner: Values) -> str:
    service_id = owner.text("iam_id").removeprefix("iam-")
    if not service_id.startswith("ServiceId-"):
        return f"`ibmcloud iam api-key-unlock {resource_id}`"
    key = f"`ibmcloud iam service-api-key-unlock {resource_id} {service_id}`"
    return f"{key}; if its service ID is locked, {unlock_command(service_id)}"
