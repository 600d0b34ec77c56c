"""Vulnerability Advisor's reports (/va/api/v4/report)."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.advisor.reports import UNSCANNED, Report
from sandbox.cloud.api.registry.scope import Reference, Scope, find, split
from sandbox.cloud.core import unverified
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.registry import RegistryError
from sandbox.cloud.registry.images import Image, images_in, tags_in
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(RegistryError)

_PATH = "/va/api/v4/report"
_ACTION = "image.vulnerabilities"


@routes.on("GET", _PATH + "/account", settle=True)
def account_report(call: Call) -> Response:
    """Report on all scanned images that the caller may see."""
    found = _reports(call)
    return answer({"assessments": {name: report.document(name) for name, (_, report) in found.items() if report.scan}})


@routes.on("GET", _PATH + "/account/status", settle=True)
def account_status(call: Call) -> Response:
    """Sum up all tagged images that the caller may see."""
    return answer(
        {
            "images": [
                {"name": name, "created_time": (image.built_at or 0) // 1000, **report.summary()}
                for name, (image, report) in _reports(call).items()
            ]
        }
    )


@routes.on("GET", _PATH + "/image/status/{name}", settle=True)
def image_status(call: Call) -> Response:
    """Sum up one image."""
    return answer(_report(call).summary())


@routes.on("GET", _PATH + "/image/{name}", settle=True)
def image_report(call: Call) -> Response:
    """Report on one image."""
    return answer(_report(call).document(call.path("name")))


def _reports(call: Call) -> dict[str, tuple[Image, Report]]:
    """Return image and report by the image's full name."""
    scope = Scope.of(call)
    names = scope.names(action=_ACTION)
    if not call.flag("includePrivate", default=True):
        return {}
    wanted = call.query("repository")
    repository = split(scope, wanted)[0] if wanted else None
    tags = tags_in(call.session, scope.region, names)
    return {
        f"{scope.host}/{image.repository}:{tag}": (image, scope.report(image, tag))
        for image in images_in(call.session, scope.region, names)
        if not image.is_list and repository in (None, image.repository)
        for tag in tags.get((image.repository, image.digest), [])
    }


def _report(call: Call) -> Report:
    """Report on the image that the path names.

    Raises:
        RegistryError: there is no such image, or it hasn't been scanned.

    """
    scope, name = Scope.of(call), call.path("name")
    report = scope.report(find(scope, name, _ACTION), Reference.parse(scope, name).tag)
    if report.status == UNSCANNED and unverified.UNSCANNED_STATUS is not None:
        code = "BXNVA0009E"
        raise RegistryError(unverified.UNSCANNED_STATUS, code, f"{name} has not been scanned. Try again later.")
    return report
