"""A visit to a page of the console: who it is, where they work, and the operations of the API carried out for them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sanic import Request
from sanic.request import RequestParameters
from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from server.accounts.queries import RoleBrief
from server.accounts.sessions import Caller, find_staff
from server.foundation.crypto import keyring
from server.foundation.errors import NotAllowed, NotSignedIn
from server.foundation.ids import is_id
from server.organizations.models import RoleKind
from server.organizations.queries import OrganizationView

SESSION_COOKIE = "linli_console"
NONCE_COOKIE = "linli_console_asks"
AREA_COOKIE = "linli_console_area"
DONE_COOKIE = "linli_console_done"
COUNTER_COOKIE = "linli_console_counter"
_CSRF = "console csrf"
ROWS = "30"
"""Of a list on one page."""


def set_cookie(
    answer: HTTPResponse, request: Request, name: str, value: str, *, seconds: int | None = None, path: str = "/console"
) -> None:
    """A cookie that only the console's own pages bring back, and no script reads. 0 seconds: it is gone."""
    is_secure = request.app.ctx.settings.public_base.startswith("https://")
    more: dict[str, Any] = {} if seconds is None else {"max_age": seconds}
    answer.add_cookie(name, value, path=path, secure=is_secure, httponly=True, samesite="Strict", **more)


def form_of(request: Request) -> RequestParameters:
    """What was filled in; nothing where no form was sent."""
    return request.form or RequestParameters()


class Visit(msgspec.Struct, kw_only=True):
    """Somebody signed in looks at a page."""

    request: Request
    caller: Caller
    roles: list[RoleBrief]

    async def perform(
        self, operation: str, path: Mapping[str, str] = {}, query: Mapping[str, Any] = {}, body: Any = None
    ) -> Any:
        """What an operation of the API gives, with the same checks, limits and locks. Raises what it refuses with."""
        route = BY_OPERATION[operation]
        return await route.perform(self.caller, self.request, dict(path), dict(query), body)

    @property
    def area_id(self) -> str:
        """Where they work: what they chose last, or the first of their roles."""
        chosen = self.request.args.get("organization_id") or self.request.cookies.get(AREA_COOKIE) or ""
        return chosen if is_id(chosen) else self.roles[0].organization_id

    def given(self, *names: str) -> dict[str, str]:
        """Those of these parameters that the address has."""
        return {name: value for name in names if (value := self.request.args.get(name))}

    async def area(self) -> OrganizationView:
        view: OrganizationView = await self.perform("show_organization", {"organization_id": self.area_id})
        return view

    @property
    def is_manager(self) -> bool:
        return any(role.kind == RoleKind.MANAGER for role in self.roles)

    @property
    def csrf(self) -> str:
        """What every form of this session brings back; nobody else can make it."""
        return keyring().sign(self.caller.session_id, _CSRF)

    def require_own_form(self, form: RequestParameters | None = None) -> None:
        """Raises NotAllowed where a form was not this session's own: another site's, or a page of before."""
        if form is None:
            form = form_of(self.request)
        origin = self.request.headers.get("origin")
        if origin and origin != "null" and urlsplit(origin).netloc != self.request.host:
            raise NotAllowed("请在工作台的页面上操作")
        if not keyring().verify(self.caller.session_id, form.get("csrf") or "", _CSRF):
            raise NotAllowed("页面已过期，请刷新后再试")


async def begin_visit(request: Request) -> Visit:
    """Who the browser's session is of. Raises NotSignedIn, NotAllowed for whoever has no role any more."""
    found = await find_staff(request.cookies.get(SESSION_COOKIE) or "")
    if found is None:
        raise NotSignedIn()
    caller, roles = found
    if not roles:
        raise NotAllowed("您现在没有工作角色")
    return Visit(request=request, caller=caller, roles=roles)
