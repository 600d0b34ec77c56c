"""The provider: routes each call of the engine to the life cycle of its resource type.

Previews and checks make no call to IBM Cloud; nothing is read from the environment until a resource needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import (
    CheckRequest,
    CheckResponse,
    ConfigureRequest,
    ConfigureResponse,
    CreateRequest,
    CreateResponse,
    DeleteRequest,
    DiffRequest,
    DiffResponse,
    GetSchemaRequest,
    GetSchemaResponse,
    InvokeRequest,
    InvokeResponse,
    Provider,
    ReadRequest,
    ReadResponse,
    UpdateRequest,
    UpdateResponse,
)

from ibm_native.catalogue import functions, lives
from ibm_native.cloud.client import Cloud
from ibm_native.cloud.connection import IAM_ENDPOINT, Connection
from ibm_native.cloud.errors import ProviderError
from ibm_native.cloud.pace import Pace
from ibm_native.configuration import PROPERTIES, ProviderArgs, endpoint_problems
from ibm_native.model import rules
from ibm_native.model.declare import Declaration
from ibm_native.model.derive import Problem, check, diff
from ibm_native.model.inputs import Plain, Property
from ibm_native.model.journal import Journal
from ibm_native.model.lifecycle import Call, LifeCycle
from ibm_native.model.values import (
    UNKNOWN,
    Read,
    Wire,
    conceal_secrets,
    from_config,
    is_secret,
    known,
    plain,
    plain_or_none,
    to_wire,
)
from ibm_native.schema import schema
from ibm_native.version import PACKAGE

_ENGINES_OWN = {"version", "pluginDownloadURL"}
"""Keys that the engine adds to a provider's configuration."""


class OldInputsDiffRequest(DiffRequest):
    """A diff with the inputs of last time, which the SDK's request leaves out."""

    def __init__(self, base: DiffRequest, old_inputs: Wire) -> None:
        super().__init__(base.urn, base.resource_id, base.old_state, base.new_inputs, base.ignore_changes)
        self.old_inputs = old_inputs


class IbmNative(Provider):
    """The provider as the engine sees it; one per process, configured once."""

    def __init__(self, pace: Pace | None = None, journal: Journal | None = None) -> None:
        self.pace = pace or Pace()
        self.journal = journal or Journal()
        self._connection = Connection()
        self._cloud: Cloud | None = None
        self._lives = {each.declaration.token: each for each in lives()}
        self._functions = {each.token: each for each in functions()}

    async def get_schema(self, request: GetSchemaRequest) -> GetSchemaResponse:
        """Return the schema of every resource and function; there is one version of it."""
        del request
        return GetSchemaResponse(schema([each.declaration for each in self._lives.values()], self._functions.values()))

    async def check_config(self, request: CheckRequest) -> CheckResponse:
        """Check the provider's configuration, all of it at once."""
        own = {name: value for name, value in request.new_inputs.items() if name in _ENGINES_OWN}
        rest = {name: value for name, value in request.new_inputs.items() if name not in _ENGINES_OWN}
        checked, problems = check(PROPERTIES, from_config(PROPERTIES, rest))
        conceal_secrets(checked)
        problems = problems or endpoint_problems(ProviderArgs.of(known(PROPERTIES, checked)))
        return CheckResponse({**own, **checked}, [each.failure({**request.new_inputs, **checked}) for each in problems])

    async def diff_config(self, request: DiffRequest) -> DiffResponse:
        """Tell what changes; another account is another provider, everything else is the same one reached otherwise."""
        old = request.old_inputs if isinstance(request, OldInputsDiffRequest) else request.old_state
        return diff(PROPERTIES, old, request.new_inputs)

    async def configure(self, request: ConfigureRequest) -> ConfigureResponse:
        """Take the configuration; no call is made."""
        given = ProviderArgs.of(known(PROPERTIES, from_config(PROPERTIES, request.args)))
        self._connection = Connection(
            api_key=given.api_key,
            account_id=given.account_id,
            region=given.region,
            iam_endpoint=(given.iam_endpoint or IAM_ENDPOINT).rstrip("/"),
            resource_manager_endpoint=(given.resource_manager_endpoint or "").rstrip("/") or None,
            wait_seconds=given.wait_seconds,
            registry_endpoint=(given.registry_endpoint or "").rstrip("/") or None,
            registry_endpoints={region: url.rstrip("/") for region, url in given.registry_endpoints.items()},
        )
        self.close()
        return ConfigureResponse(
            accept_secrets=True, supports_preview=True, accept_resources=False, accept_outputs=False
        )

    async def check(self, request: CheckRequest) -> CheckResponse:
        """Check a resource's inputs, all of them at once, and fill in defaults."""
        life = self._life(request.type)
        inputs = life.declaration.inputs
        checked, problems = check(inputs, request.new_inputs)
        conceal_secrets(checked, request.old_inputs)
        given = frozenset(each.name for each in inputs if each.wire in checked)
        problems += life.problems(given, known(inputs, checked)) + self._elsewhere(inputs, checked)
        saved = life.natural_id(known(inputs, request.old_inputs))
        if saved:
            self.journal.end(request.urn, saved)
        return CheckResponse(checked, [each.failure({**request.new_inputs, **checked}) for each in problems])

    async def diff(self, request: DiffRequest) -> DiffResponse:
        """Tell which inputs changed, and whether that is an update or a replacement."""
        life = self._life(request.type)
        inputs = life.declaration.inputs
        old = request.old_inputs if isinstance(request, OldInputsDiffRequest) else request.old_state
        drifted = [
            each
            for each in life.declaration.outputs
            if each.prop.drift and plain_or_none(request.old_state.get(each.wire)) is not None
        ]
        found = diff(inputs, old, request.new_inputs, drifted)
        self.journal.end(request.urn, request.resource_id)
        if found.replaces:
            found.delete_before_replace = life.delete_first(known(inputs, old), known(inputs, request.new_inputs))
        return found

    async def create(self, request: CreateRequest) -> CreateResponse:
        """Make a resource; in a preview, say which outputs it will have."""
        life = self._life(request.type)
        declaration, given = life.declaration, request.properties
        conceal_secrets(given)
        if request.preview:
            return CreateResponse(None, _outputs(declaration, given, lambda each: None if each.prop.drift else UNKNOWN))
        inputs = declaration.args.of(known(declaration.inputs, given))
        resource_id, computed = await life.create(self._call(request.urn), inputs)
        self.journal.answered(request.urn, resource_id)
        return CreateResponse(resource_id, _outputs(declaration, given, lambda each: computed.get(each.name)))

    async def read(self, request: ReadRequest) -> ReadResponse:
        """Read a resource for a refresh or an import; an empty id says that it is gone."""
        life = self._life(request.type)
        declaration = life.declaration
        conceal_secrets(request.inputs, request.properties)
        before = known(declaration.inputs, request.inputs)
        state = known(declaration.outputs, request.properties)
        self.journal.end(request.urn, request.resource_id)
        found = await life.read(
            self._call(request.urn), request.resource_id, declaration.args.of(before) if before else None, state
        )
        if found is None:
            return ReadResponse("")
        defaults = {each.name: each.default for each in declaration.inputs}
        actual: dict[str, Plain | None] = {**(defaults if not before else {}), **found.inputs}
        inputs = {
            each.wire: to_wire(actual[each.name], secret=each.prop.secret or is_secret(request.inputs.get(each.wire)))
            for each in declaration.inputs
            if actual.get(each.name) is not None
        }
        outputs = _outputs(declaration, inputs, lambda each: found.computed.get(each.name))
        return ReadResponse(request.resource_id, outputs, inputs)

    async def update(self, request: UpdateRequest) -> UpdateResponse:
        """Change a resource in place; in a preview, what the change may compute is unknown."""
        life = self._life(request.type)
        declaration, given = life.declaration, request.news
        conceal_secrets(given, request.olds)
        state = known(declaration.outputs, request.olds)
        if request.preview:
            kept = life.kept(self._call(request.urn), state, known(declaration.inputs, given))

            def planned(each: Property) -> Read:
                unknown = None if each.prop.drift else UNKNOWN
                return plain(request.olds.get(each.wire)) if each.name in kept else unknown

            return UpdateResponse(_outputs(declaration, given, planned))
        computed = await life.update(
            self._call(request.urn), request.resource_id, declaration.args.of(known(declaration.inputs, given)), state
        )
        return UpdateResponse(_outputs(declaration, given, lambda each: computed.get(each.name)))

    async def delete(self, request: DeleteRequest) -> None:
        """Remove a resource; one that is gone already is fine."""
        life = self._life(request.type)
        conceal_secrets(request.properties)
        state = known(life.declaration.outputs, request.properties)
        await life.delete(self._call(request.urn), request.resource_id, state)
        self.journal.end(request.urn, request.resource_id)

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        """Call a function, after checking its arguments."""
        function = self._functions.get(request.tok)
        if function is None:
            raise ProviderError(
                f"call {request.tok}",
                f"{PACKAGE} has no such function",
                f"It has {', '.join(sorted(self._functions))}.",
            )
        checked, problems = check(function.inputs, request.args)
        problems += self._elsewhere(function.inputs, checked)
        if problems:
            return InvokeResponse(None, [each.failure({**request.args, **checked}) for each in problems])
        found = await function.answer(self._reach(), function.args.of(known(function.inputs, checked)))
        return InvokeResponse({each.wire: to_wire(getattr(found, each.name)) for each in function.outputs})

    async def cancel(self) -> None:
        """Stop waiting; calls under way end by themselves, and what was half made is removed."""
        self.pace.cancel()

    def close(self) -> None:
        """Let go of threads and connections; the provider can be configured anew."""
        if self._cloud is not None:
            self._cloud.close()
            self._cloud = None

    def _elsewhere(self, properties: tuple[Property, ...], checked: Wire) -> list[Problem]:
        """Refuse a region whose registry the configuration doesn't reach, in the preview already."""
        found: list[Problem] = []
        for each in properties:
            region = plain_or_none(checked.get(each.wire)) if each.prop.rule is rules.region else None
            problem = self._connection.region_problem(region) if isinstance(region, str) else None
            if problem and not rules.region(str(region)):
                found.append(Problem(each.wire, repr(region), f"a region that can be reached: {' '.join(problem)}"))
        return found

    def _life(self, token: str) -> LifeCycle[Any]:
        # A child's type in a URN has its parents' types before it.
        plain_token = token.rpartition("$")[2]
        life = self._lives.get(plain_token)
        if life is None:
            raise ProviderError(
                f"handle a {plain_token}",
                f"{PACKAGE} has no such resource",
                f"It has {', '.join(sorted(self._lives))}.",
            )
        return life

    def _call(self, urn: str) -> Call:
        return Call(self._reach(), urn, self.journal)

    def _reach(self) -> Cloud:
        if self._cloud is None:
            self._cloud = Cloud(self._connection, self.pace)
        return self._cloud


def _outputs(
    declaration: Declaration, inputs: Mapping[str, PropertyValue], computed: Callable[[Property], Read]
) -> Wire:
    """Return a resource's outputs: inputs as they are, the rest from `computed`; secret where declared or given so."""
    names = {each.name for each in declaration.inputs}
    found: Wire = {}
    for each in declaration.outputs:
        given = inputs.get(each.wire) if each.name in names else None
        value = plain(given) if each.name in names else computed(each)
        if value is not None:
            found[each.wire] = to_wire(value, secret=each.prop.secret or is_secret(given))
    return found
