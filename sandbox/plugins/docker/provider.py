"""The plugin's calls: `pulumi:providers:docker` and `docker:index/image:Image`, answered as the official one does.

Like the official plugin it takes no secrets from the engine, which keeps track of them itself; the state's `__inputs`,
which hold the registry's password, are sent back as a secret.
"""

# ruff: noqa: N802, ARG002 - methods have the names and arguments that gRPC gives them

from __future__ import annotations

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import engine_pb2, provider_pb2

from sandbox.plugins.docker import diff, inputs
from sandbox.plugins.docker.engine import DockerEngine
from sandbox.plugins.docker.inputs import Image
from sandbox.plugins.serving import Engine, PluginError, PluginServicer
from sandbox.plugins.values import (
    Properties,
    Secret,
    Unknown,
    contains_unknown,
    plain,
    to_python,
    to_struct,
    without_nulls,
)

VERSION = "5.1.0"
"""The official plugin's version, which the Python package of the same version asks for."""
IMAGE = "docker:index/image:Image"
_CONFIG_PREFIX = "docker:config:"
_CONFIG = ("host", "version", "pluginDownloadURL")


class DockerPlugin(PluginServicer):
    """Builds and pushes images through the Docker Engine that Configure found."""

    def __init__(self, engine: Engine | None) -> None:
        super().__init__(VERSION, engine)
        self._docker: DockerEngine | None = None

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Take the host; refuse settings that this plugin would have to ignore."""
        news = without_nulls(to_python(request.news))
        for name in news:
            if name not in _CONFIG:
                raise PluginError(
                    f"docker:{name} is not supported by this stand-in, only by the official docker plugin"
                )
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Another host is an update of the provider: images live in registries, not on it."""
        olds, news = _known(request.old_inputs), _known(request.news)
        changed = sorted(each for each in olds.keys() | news.keys() if olds.get(each) != news.get(each))
        if not changed:
            return provider_pb2.DiffResponse()
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_SOME, diffs=changed)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Find the Docker Engine: without one, not even a preview runs, as with the official plugin."""
        host = _known(request.args).get("host") or request.variables.get(f"{_CONFIG_PREFIX}host")
        self._docker = DockerEngine.find(host if isinstance(host, str) else None)
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """Fill in defaults and the context's digest."""
        _require_image(request.urn)
        checked, platform_filled_in = inputs.with_defaults(_known(request.news))
        if platform_filled_in:
            self.log(
                engine_pb2.INFO,
                request.urn,
                f"Building your image for {inputs.host_platform()} architecture.\n"
                "Set the `platform` field of the image's `build` to choose another one.",
            )
        return provider_pb2.CheckResponse(inputs=to_struct(checked))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """Compare the inputs that the state was made from with the new ones."""
        _require_image(request.urn)
        return diff.changes(diff.old_inputs(_known(request.olds)), _known(request.news))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Build and push. In a preview the outputs are unknown, unless buildOnPreview is set: then it only builds."""
        _require_image(request.urn)
        news = _known(request.properties)
        if request.preview and not self._builds_on_preview(request.urn, news):
            return provider_pb2.CreateResponse(properties=request.properties)
        return provider_pb2.CreateResponse(
            id=str(news.get("imageName", "")), properties=self._make(request.urn, news, preview=request.preview)
        )

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """Hand back what is known: a refresh looks at no registry."""
        _require_image(request.urn)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Build and push again."""
        _require_image(request.urn)
        news = _known(request.news)
        if request.preview and not self._builds_on_preview(request.urn, news):
            return provider_pb2.UpdateResponse(properties=request.news)
        return provider_pb2.UpdateResponse(properties=self._make(request.urn, news, preview=request.preview))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Forget the image: neither the registry's copy nor the local one goes away."""
        _require_image(request.urn)
        return empty_pb2.Empty()

    def _builds_on_preview(self, urn: str, news: Properties) -> bool:
        wanted = news.get("buildOnPreview")
        if wanted is True and inputs.can_build(news):
            return True
        if wanted is True or isinstance(wanted, Unknown):
            self.log(engine_pb2.WARNING, urn, "What to build is not known yet; going on without a build.")
        return False

    def _make(self, urn: str, news: Properties, *, preview: bool) -> struct_pb2.Struct:
        if self._docker is None:
            raise PluginError("the docker plugin is not configured")
        if not preview and contains_unknown(news):
            raise PluginError("an input is still unknown outside a preview")
        image = inputs.image(news)
        outputs = _outputs(image)

        def show(line: str) -> None:
            if line:
                self.status(engine_pb2.INFO, urn, line)

        show("Starting Docker build")
        built = self._docker.build(image, show, self.cancelled)
        show(f'Built image with local id "{built}", polling image store for image')
        show(f'Image built successfully, local id "{built}"')
        if preview and not image.skip_push:
            outputs["repoDigest"] = Unknown()
        elif not image.skip_push:
            show("Pushing Image to the registry")
            digest = self._docker.push(image, show, self.cancelled)
            outputs["repoDigest"] = f"{image.repository}@{digest}"
        return to_struct(outputs | {"__inputs": Secret(news)})


def _outputs(image: Image) -> Properties:
    return {
        "baseImageName": image.name,
        "context": image.context,
        "dockerfile": image.dockerfile_in_context,
        "imageName": image.name,
        "platform": image.platform,
        "registryServer": image.registry_server,
    }


def _known(struct: struct_pb2.Struct) -> Properties:
    """Return properties without nulls and without secrets' wrappers, as the official plugin reads them."""
    return without_nulls({name: plain(value) for name, value in to_python(struct).items()})


def _require_image(urn: str) -> None:
    token = urn.split("::")[2].rpartition("$")[2] if urn.count("::") >= 3 else urn
    if token != IMAGE:
        raise PluginError(
            f"{token} is not in this stand-in, which has {IMAGE} only: "
            f"install the official docker plugin (pulumi plugin install resource docker v{VERSION})"
        )
