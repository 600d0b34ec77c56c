"""Lists of what an account at IBM can have and none can have here: they are empty, which is true, rather than 501."""

from __future__ import annotations

from starlette.responses import Response

from sandbox.cloud.api.identity.versions import new_context
from sandbox.cloud.core import limits
from sandbox.cloud.core.answers import answer
from sandbox.cloud.errors.identity import IdentityError
from sandbox.cloud.serving.call import Call
from sandbox.cloud.serving.routing import Routes

routes = Routes(IdentityError)

_LISTS = {
    "/v1/profile_templates": "profile_templates",
    "/v1/profile_assignments/": "assignments",
    "/v1/account_settings_templates": "account_settings_templates",
    "/v1/account_settings_assignments/": "assignments",
    "/v1/idps/": "idps",
}
"""Path -> name of the list in the answer."""


def _add(path: str, name: str) -> None:
    def list_none(call: Call) -> Response:
        """List none: nothing can be made here."""
        if call.query("account_id") not in (None, call.caller.account_id):
            raise IdentityError.forbidden()
        first = f"{call.base_url}{path}"
        window = {"offset": 0, "limit": limits.PAGE_DEFAULT, "first": first}
        return answer({"context": new_context(call), **window, name: []})

    routes.on("GET", path)(list_none)


for _path, _name in _LISTS.items():
    _add(_path, _name)
