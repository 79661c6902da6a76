"""今日 Today: everything that waits for somebody, and taking one of it."""

from sanic.response import HTTPResponse

from server.accounts.queries import describe_persons
from server.console.pages import WHERE
from server.console.rendering import render
from server.console.shifts import show_shift
from server.console.visits import ROWS, Visit
from server.console.work import show_thing
from server.foundation import cache
from server.foundation.errors import NotFound

_TAKEN_SECONDS = 300
"""How long what somebody has opened is marked as theirs, unless they go on with it."""


async def show_today(visit: Visit) -> HTTPResponse:
    """Everything that waits for this person, the most urgent first."""
    kind = visit.request.args.get("kind")
    query = {"limit": ROWS, **visit.given("cursor"), **({"kind": kind} if kind else {})}
    desk = await visit.perform("get_desk")
    rows = await visit.perform("list_desk", {}, query)
    taken = await _taken_by_others(visit, [row.id for row in rows.items])
    return render(visit.request, "today.html", visit=visit, desk=desk, rows=rows, kind=kind, taken=taken)


async def open_item(visit: Visit, kind: str, thing_id: str) -> HTTPResponse:
    """Take an item, so that colleagues see that somebody is at it, and go to where it is dealt with."""
    slug = WHERE.get(kind)
    if slug is None:
        raise NotFound()
    await _take(visit, thing_id)
    if slug == "shifts":
        return await show_shift(visit, thing_id)
    return await show_thing(visit, slug, thing_id)


async def _take(visit: Visit, thing_id: str) -> None:
    """It only tells colleagues: what two do at once is decided by the thing itself. So the cache will do."""
    await cache.attempt(
        lambda client: client.set(f"console:taken:{thing_id}", visit.caller.person_id, ex=_TAKEN_SECONDS, nx=True)
    )


async def _taken_by_others(visit: Visit, ids: list[str]) -> dict[str, str]:
    """Which of these a colleague has opened a moment ago, and the colleague's name."""
    if not ids:
        return {}
    found = await cache.attempt(lambda client: client.mget([f"console:taken:{id}" for id in ids])) or []
    holders = {id: value.decode() for id, value in zip(ids, found, strict=False) if isinstance(value, bytes)}
    others = {id: holder for id, holder in holders.items() if holder != visit.caller.person_id}
    names = await describe_persons(set(others.values())) if others else {}
    return {id: names.get(holder, {}).get("nickname") or "同事" for id, holder in others.items()}
