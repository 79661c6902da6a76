"""One's other ways into the console: a password with a code, and passkeys."""

from ipaddress import ip_address

from sanic import Request
from sanic.response import HTTPResponse

from server.accounts import console_keys
from server.accounts.console_keys import Site
from server.accounts.details import details_of
from server.console.rendering import done, render
from server.console.visits import Visit, form_of
from server.foundation.errors import Refusal
from server.foundation.settings import Environment
from server.media.drawing.qr import qr_as_text

_KEYS = "/console/keys"


def site_of(request: Request) -> Site | None:
    """Where passkeys work: at the public address, in the demo wherever one looks at it; browsers want a name and no
    number, so there are none where there is only that."""
    settings = request.app.ctx.settings
    is_demo = settings.environment is Environment.DEMO
    site = Site(f"{request.scheme}://{request.host}" if is_demo else settings.public_base)
    try:
        ip_address(site.host)
    except ValueError:
        return site
    return None


async def show_keys(visit: Visit) -> HTTPResponse:
    """What else than the phone opens the console for oneself."""
    return await _show(visit)


async def set_password(visit: Visit) -> HTTPResponse:
    """A password, once the first code was typed."""
    form = form_of(visit.request)
    try:
        await console_keys.set_console_password(
            visit.caller.person_id,
            form.get("password") or "",
            form.get("signed") or "",
            (form.get("code") or "").strip(),
        )
    except Refusal as refusal:
        return await _show(visit, refusal)
    return done(visit.request, _KEYS, "已设置密码")


async def remove_password(visit: Visit) -> HTTPResponse:
    """Not by password any more."""
    await console_keys.remove_console_password(visit.caller.person_id)
    return done(visit.request, _KEYS, "已取消密码")


async def add_passkey(visit: Visit) -> HTTPResponse:
    """Keep what the browser has made."""
    form, site = form_of(visit.request), site_of(visit.request)
    if site:
        try:
            await console_keys.add_passkey(
                visit.caller.person_id,
                visit.caller.session_id,
                form.get("credential") or "",
                (form.get("name") or "").strip(),
                site,
            )
        except Refusal as refusal:
            return await _show(visit, refusal)
    return done(visit.request, _KEYS, "已添加通行密钥")


async def remove_passkey(visit: Visit, passkey_id: str) -> HTTPResponse:
    """It opens nothing any more."""
    await console_keys.remove_passkey(visit.caller.person_id, passkey_id)
    return done(visit.request, _KEYS, "已移除通行密钥")


async def _show(visit: Visit, refusal: Refusal | None = None) -> HTTPResponse:
    person_id, site = visit.caller.person_id, site_of(visit.request)
    account = (await details_of(person_id)).phone or visit.roles[0].organization_name
    secret = console_keys.new_secret(person_id, account)
    offer = None
    if site and visit.is_manager:
        offer = await console_keys.offer_passkey(person_id, visit.caller.session_id, account, site)
    return render(
        visit.request,
        "keys.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        refusal=refusal,
        problems={problem.field: problem.problem for problem in refusal.errors} if refusal else {},
        keys=await console_keys.list_console_keys(person_id),
        secret=secret,
        picture=f"data:image/png;base64,{qr_as_text(secret.uri)}",
        offer=offer,
    )
