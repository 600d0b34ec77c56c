"""API keys of service IDs: made once, shown once, kept as a secret in the stack's state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import pulumi

from ibm_native.cloud.errors import ApiError, ProviderError, conceal
from ibm_native.cloud.pace import Pace
from ibm_native.cloud.refusals import Job
from ibm_native.cloud.sdk import Json, mapping, text
from ibm_native.iam import lists
from ibm_native.iam.service_id import NEEDS_TO_SEE_KEYS, unlock_command
from ibm_native.model import rules
from ibm_native.model.declare import resource
from ibm_native.model.derive import Problem
from ibm_native.model.inputs import Args, In, Known, Outputs, Plain, Prop
from ibm_native.model.lifecycle import Call, Found, once_known, or_none
from ibm_native.model.marked import Attempt, MarkedLife, Put, Send, described

_NEEDS = "the role Operator or Administrator on the service ID (IAM Identity)"

KEYS_OF_AN_IDENTITY = 20
"""How many API keys IBM lets an identity hold."""
_LIMIT_STATUSES = {400, 409, 422}
"""IBM documents none for the limit: the number of keys decides."""


class ApiKeyArgs(Args):
    """Inputs of an API key."""

    name: In[str] = In("Name of the key; need not be unique.", rule=rules.name)
    iam_id: In[str] = In(
        "IAM ID of the identity that the key is for (output `iamId`).", replaces=True, rule=rules.iam_id
    )
    description: In[str | None] = In("What the key is for.", default=None)
    expires_at: In[str | None] = In(
        "When the key stops working, UTC, `yyyy-MM-ddTHH:mm+0000`; never, if absent.",
        rule=rules.expires_at,
        default=None,
    )
    expires_after_days: In[int | None] = In(
        "In place of `expiresAt`: days from the key's making, which the provider counts once; another number is for "
        "the next key.",
        quiet=True,
        rule=rules.days,
        default=None,
    )
    action_when_leaked: In[str] = In(
        "What IBM does when it finds the key in public: none, disable or delete.",
        rule=rules.action_when_leaked,
        default="disable",
    )


class ApiKey(
    resource(ApiKeyArgs),
    token="ibm-native:iam:ApiKey",
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
    created_at: Annotated[pulumi.Output[str | None], Prop("When the key was made, as IAM spells it.")]
    ends_at: Annotated[
        pulumi.Output[str | None], Prop("When the key stops working, given or counted; absent if never.")
    ]
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


class ApiKeyLife(MarkedLife[ApiKeyArgs]):
    """The value comes once: a key whose value is lost is removed, never kept."""

    declaration = ApiKey.declaration
    kind = "API key"

    def problems(self, given: frozenset[str], inputs: Known) -> list[Problem]:
        """Refuse two ends."""
        del inputs
        both = {"expires_at", "expires_after_days"} <= given
        return [Problem("expiresAfterDays", "a number beside expiresAt", "one of the two")] if both else []

    def named(self, inputs: ApiKeyArgs) -> str:
        """Return its name."""
        return repr(inputs.name)

    def kept(self, call: Call, old: Known, new: Known) -> frozenset[str]:
        """Keep the value, which never changes, and the end where none is told anew."""
        del call
        ends = {"ends_at"} if old.get("expires_at") == new.get("expires_at") else set[str]()
        return frozenset({"crn", "api_key", "created_at"} | ends)

    async def read(self, call: Call, resource_id: str, inputs: ApiKeyArgs | None, state: Known) -> Found | None:
        """Return the key; its value is what the state has, since IAM never shows it again."""
        found = await or_none(lambda: self.get(call, resource_id))
        if found is None:
            return None
        body, ends_at = found[0], text(found[0], "expires_at") or None
        # An end that was counted as the key was made is none that the program gave.
        counted = inputs is not None and inputs.expires_after_days is not None
        actual = {
            "name": text(body, "name"),
            "iam_id": text(body, "iam_id"),
            "description": described(body),
            "expires_at": None if counted and ends_at == state.get("ends_at") else ends_at,
            "expires_after_days": inputs.expires_after_days if inputs else None,
            "action_when_leaked": text(body, "action_when_leaked") or (inputs.action_when_leaked if inputs else None),
        }
        kept = {"api_key": state.get("api_key", "")} | ({"ends_at": state.get("ends_at")} if counted else {})
        return Found(actual, {**_seen(body), **kept, "unusable": _unusable(body, call.pace)})

    async def sender(self, call: Call, what: str, account: str, inputs: ApiKeyArgs) -> Send:
        """Return what makes the key; once more after making room, if the identity holds all the keys that it may."""
        del account
        if inputs.expires_at and _is_past(inputs.expires_at, call.pace):
            raise ProviderError(
                what,
                f"a key with its expiresAt expired at {inputs.expires_at}; one made now, at "
                f"{call.pace.today():%Y-%m-%dT%H:%M+0000} by this machine's clock, would be expired from the start",
                "Set a later expiresAt, in UTC as yyyy-MM-ddTHH:mm+0000, or none, then run the same command again. "
                "Where keys go by epoch, raise keyEpoch too.",
            )

        async def send(attempt: Attempt) -> Json:
            try:
                return await self._post(attempt, what, inputs)
            except ApiError as refused:
                if refused.status not in _LIMIT_STATUSES or not await self._made_room(attempt, inputs, refused):
                    raise
            return await self._post(attempt, what, inputs)

        return send

    async def found_again(self, attempt: Attempt, body: Json, inputs: ApiKeyArgs) -> None:
        """Remove a key whose answer was lost: nobody knows its value."""
        await self.delete(attempt.call, text(body, "id"), inputs.given())

    async def put(self, call: Call, what: str, resource_id: str, inputs: ApiKeyArgs, state: Known) -> Put:
        """Change everything but the identity and the value."""
        job = Job(what, _NEEDS, conditional=True, unlock=_unlock_command(resource_id, inputs.iam_id))
        # IAM takes "" as "no longer"; a key that never expired isn't asked to.
        counted = str(state.get("ends_at", "")) if inputs.expires_after_days is not None else ""
        expires_at = inputs.expires_at or (counted if "expires_at" in state else None)

        async def put(description: str, tag: str) -> Json:
            reply = await call.cloud.identity(
                job,
                lambda api: api.update_api_key(
                    resource_id,
                    tag,
                    name=inputs.name,
                    description=description,
                    action_when_leaked=inputs.action_when_leaked,
                    expires_at=expires_at,
                ),
            )
            return reply.fields

        return put

    async def remove(self, call: Call, what: str, resource_id: str, state: Known) -> object:
        """Remove the key; tokens that were issued for it live on for up to an hour."""
        job = Job(what, _NEEDS, unlock=_unlock_command(resource_id, str(state.get("iam_id", ""))))
        return await call.cloud.identity(job, lambda api: api.delete_api_key(resource_id))

    def computed(self, body: Json, state: Known) -> Outputs:
        """Return the value that the create showed; nothing shows it later."""
        value = state.get("api_key", "") if state else text(body, "apikey")
        if not state and not value:
            what = f"create API key {text(body, 'name')!r}"
            raise ProviderError(what, "IAM made the key but didn't show its value", "The key was removed again.")
        return {**_seen(body), "api_key": value}

    async def _made_room(self, attempt: Attempt, inputs: ApiKeyArgs, refused: ApiError) -> bool:
        """Tell whether a key was removed that nobody can be using: an earlier attempt left it."""
        call = attempt.call
        held = await self.alike(call, attempt.account, inputs)
        if len(held) < KEYS_OF_AN_IDENTITY:
            return False
        own = [text(each, "id") for each in held if attempt.left_by_another(each)]
        left = [each for each in own if not await self.in_use(call, attempt.account, each)]
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

    async def _post(self, attempt: Attempt, what: str, inputs: ApiKeyArgs) -> Json:
        reply = await once_known(
            attempt.call,
            what,
            lambda: attempt.call.cloud.identity(
                Job(what, _NEEDS, repeatable=False, unlock=unlock_command(inputs.iam_id)),
                lambda api: api.create_api_key(
                    inputs.name,
                    inputs.iam_id,
                    description=attempt.mark.on(inputs.description),
                    account_id=attempt.account,
                    store_value=False,
                    action_when_leaked=inputs.action_when_leaked,
                    expires_at=inputs.expires_at or _counted(inputs.expires_after_days, attempt.call.pace),
                ),
            ),
        )
        conceal(text(reply.fields, "apikey"))
        return reply.fields

    async def get(self, call: Call, resource_id: str) -> tuple[Json, str]:
        """Return the key as IAM has it."""
        job = Job(f"read API key {resource_id}", NEEDS_TO_SEE_KEYS)
        body = (await call.cloud.identity(job, lambda api: api.get_api_key(resource_id))).fields
        return body, text(body, "entity_tag")

    async def in_use(self, call: Call, account: str, resource_id: str) -> bool:
        """Tell whether somebody logged in with a key: nobody can with one whose value was lost."""
        del account
        job = Job(f"look when API key {resource_id} was used last", NEEDS_TO_SEE_KEYS)
        reply = await or_none(
            lambda: call.cloud.identity(job, lambda api: api.get_api_key(resource_id, include_activity=True))
        )
        return bool(reply and mapping(reply.fields.get("activity")).get("authn_count"))

    async def alike(self, call: Call, account: str, inputs: ApiKeyArgs) -> list[Json]:
        """Return the identity's keys."""
        job = Job(f"look for API keys of {inputs.iam_id}", NEEDS_TO_SEE_KEYS)
        return [body async for body in lists.api_keys(call.cloud, job, account, iam_id=inputs.iam_id)]


def _seen(body: Json) -> dict[str, Plain | None]:
    return {
        "crn": text(body, "crn"),
        "created_at": text(body, "created_at") or None,
        "ends_at": text(body, "expires_at") or None,
    }


def _counted(days: int | None, pace: Pace) -> str | None:
    """Return when a key that is made now stops working, as IAM spells it; None if never."""
    return None if days is None else f"{pace.today() + timedelta(days=days):%Y-%m-%dT%H:%M}+0000"


def _unusable(body: Json, pace: Pace) -> str | None:
    """Return why IAM doesn't take a key any longer, or None if it does."""
    if body.get("disabled") is True:
        return "disabled"
    expires_at = text(body, "expires_at")
    return "expired" if expires_at and _is_past(expires_at, pace) else None


def _is_past(expires_at: str, pace: Pace) -> bool:
    return datetime.fromisoformat(expires_at) <= pace.today()


def _unlock_command(resource_id: str, iam_id: str) -> str:
    service_id = iam_id.removeprefix("iam-")
    if not service_id.startswith("ServiceId-"):
        return f"`ibmcloud iam api-key-unlock {resource_id}`"
    key = f"`ibmcloud iam service-api-key-unlock {resource_id} {service_id}`"
    return f"{key}; if its service ID is locked, {unlock_command(service_id)}"
