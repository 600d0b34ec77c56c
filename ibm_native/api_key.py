"""API keys of service IDs: made once, shown once, kept as a secret in the stack's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import pulumi

from ibm_native import rules
from ibm_native.declare import Prop, Resource


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


class ApiKey(Resource, token="ibm-native:iam:ApiKey", args=ApiKeyArgs):
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

    def __init__(self, name: str, args: ApiKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
