"""What outlives a request."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.cloud.controls import Controls
from sandbox.cloud.core.clock import Clock
from sandbox.cloud.core.regions import Regions
from sandbox.cloud.core.store import Store
from sandbox.cloud.iam.activity import Activity
from sandbox.cloud.iam.tokens import IamTokens
from sandbox.cloud.registry.tokens import RegistryTokens
from sandbox.cloud.serving.keeper import Keeper


@dataclass(frozen=True, slots=True)
class World:
    """Everything that outlives a request."""

    store: Store
    clock: Clock
    regions: Regions
    iam_tokens: IamTokens
    registry_tokens: RegistryTokens
    keeper: Keeper
    controls: Controls = field(default_factory=Controls)
    activity: Activity = field(default_factory=Activity)
