"""What a call to the registry's API is about: its region and account, the namespaces that it may see, image names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from base.errors import SandboxError
from sandbox.cloud.advisor.reports import Report, report_on
from sandbox.cloud.core import unverified
from sandbox.cloud.errors.base import ForbiddenError
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.iam import authz, roles
from sandbox.cloud.registry.images import Image, Tag, find_image
from sandbox.cloud.registry.namespaces import Namespace, namespaces_of
from sandbox.cloud.serving.call import Call


@dataclass(frozen=True, slots=True)
class Scope:
    """The registry of one account in one region, and the caller's way to it."""

    call: Call
    region: str
    account_id: str

    @classmethod
    def of(cls, call: Call) -> Self:
        """Read the region off the Host header, and the account off the Account header.

        Raises:
            RegistryError: the account is missing, or gives the caller nothing.
            LimitedError: its setting alone keeps the caller out.

        """
        account_id = call.request.headers.get("account")
        if not account_id:
            raise RegistryError(*unverified.ACCOUNT_MISSING)
        if unverified.ADVISOR_TAKES_ANOTHER_ACCOUNT and str(call.request.scope["path"]).startswith("/va/"):
            account_id = call.caller.account_id
        if account_id != call.caller.account_id and not call.rights.enters(account_id):
            raise RegistryError.other_account()
        return cls(call, call.world.regions.of_host(call.request.headers.get("host", "")), account_id)

    def authorize_account(self, action: str) -> None:
        """Go on only if the caller may do this to the account's registry: a policy on one namespace isn't enough."""
        self.call.authorize(f"{roles.REGISTRY}.{action}", authz.registry_target(self.account_id, self.region))

    def authorize(self, name: str, *actions: str) -> Namespace:
        """Return the namespace if the caller may do all of this in it.

        Raises:
            ForbiddenError: the caller may not, or another account owns it.
            RegistryError: the account has no such namespace.

        """
        found = self.call.session.get(Namespace, self.region, name)
        if found is not None and found.account_id != self.account_id:
            raise ForbiddenError(name)
        group = found.resource_group_id if found else None
        for action in actions:
            target = authz.registry_target(self.account_id, self.region, name, group)
            self.call.authorize(f"{roles.REGISTRY}.{action}", target)
        if found is None:
            raise RegistryError(*unverified.NAMESPACE_ABSENT)
        return found

    def permits(self, namespace: Namespace, action: str) -> bool:
        """Tell whether the caller may do this in one of the account's namespaces."""
        group = namespace.resource_group_id
        target = authz.registry_target(self.account_id, self.region, namespace.name, group)
        return self.call.rights.permit(f"{roles.REGISTRY}.{action}", target)

    def permitted(self, action: str) -> list[Namespace]:
        """Return the namespaces in which the caller may do this.

        Raises:
            ForbiddenError: there is none, and the caller couldn't do it in a new one either.

        """
        every = namespaces_of(self.call.session, self.region, self.account_id)
        seen = [namespace for namespace in every if self.call.sees(f"{self.region}/{namespace.name}")]
        found = [namespace for namespace in seen if self.permits(namespace, action)]
        if not found:
            self.authorize_account(action)
        return found

    def names(self, *wanted: str, action: str) -> list[str]:
        """Return the names of those namespaces, or of those among them that are wanted."""
        return [each.name for each in self.permitted(action) if not wanted or each.name in wanted]

    def report(self, image: Image, tag: str | None) -> Report:
        """Say what is wrong with an image under this tag, as things are now.

        Raises:
            RegistryError: the file of known problems can't be used.

        """
        try:
            known = self.call.world.keeper.advisor.advisories.known()
        except SandboxError as error:
            raise RegistryError(503, "SANDBOX", str(error)) from error
        return report_on(self.call.session, self.account_id, image, tag, known)

    @property
    def host(self) -> str:
        """The host and port that users of this region type in front of an image's name."""
        asked = self.call.request.headers.get("host", "")
        return self.call.world.regions.shown(self.region, asked)


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of an image: a repository with a tag or a digest."""

    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, scope: Scope, text: str) -> Self:
        """Read `host/namespace/repository:tag` or `...@sha256:...`; without both the tag is `latest`.

        The host may be left out. Raises RegistryError for another region's host and for what is no image's name.
        """
        repository, tag, digest = split(scope, text)
        return cls(repository, tag if digest or tag else "latest", digest)

    @property
    def namespace(self) -> str:
        """The registry namespace."""
        return self.repository.partition("/")[0]


def find(scope: Scope, name: str, action: str) -> Image:
    """Return the image with this name, if the caller may do this with it.

    Raises:
        RegistryError: the registry holds none.

    """
    wanted = Reference.parse(scope, name)
    scope.authorize(wanted.namespace, action)
    session, digest = scope.call.session, wanted.digest
    if digest is None:
        found = session.get(Tag, scope.region, wanted.repository, wanted.tag or "")
        digest = found.digest if found else ""
    image = find_image(session, scope.region, wanted.repository, digest)
    if image is None:
        raise RegistryError(*unverified.IMAGE_ABSENT)
    return image


def split(scope: Scope, text: str) -> tuple[str, str | None, str | None]:
    """Take a name apart into repository, tag and digest; the repository may be a namespace alone."""
    first, slash, rest = text.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        regions = scope.call.world.regions
        if not regions.is_known(first) or regions.of_host(first) != scope.region:
            raise RegistryError(*unverified.IMAGE_ELSEWHERE)
        text = rest
    name, _, digest = text.partition("@")
    repository, _, tag = name.partition(":")
    if not repository or "//" in repository or ("@" in text and not digest.startswith("sha256:")):
        raise RegistryError.malformed(f"'{text}' is no image's name, such as namespace/repository:tag.")
    return repository, tag or None, digest or None
