"""Calling numbers at a counter, and giving one to somebody without a phone."""

from urllib.parse import quote, unquote

from sanic.response import HTTPResponse

from server.console.rendering import by_redirect, done, render
from server.console.visits import COUNTER_COOKIE, Visit, form_of, set_cookie
from server.console.work import choose_venue
from server.foundation.errors import Refusal


async def show_counters(visit: Visit) -> HTTPResponse:
    """The lines of a venue, and the number that was called last from here."""
    return await _show(visit)


async def call_number(visit: Visit, service_id: str) -> HTTPResponse:
    """The next number comes to this counter, whose name the browser keeps."""
    counter = (form_of(visit.request).get("counter") or "").strip()
    try:
        called = await visit.perform("call_next", {"service_id": service_id}, {}, {"counter": counter})
    except Refusal as refusal:
        return await _show(visit, refusal)
    answer = by_redirect(f"{_address(visit)}&ticket={called.id}&number={called.number}")
    set_cookie(answer, visit.request, COUNTER_COOKIE, quote(counter))
    return answer


async def give_number(visit: Visit, service_id: str) -> HTTPResponse:
    """A number for somebody without a phone."""
    given = await visit.perform("give_ticket", {"service_id": service_id})
    return done(visit.request, _address(visit), f"已取号：{given.number} 号")


async def settle_number(visit: Visit, ticket_id: str, what: str) -> HTTPResponse:
    """The number that was called is served, did not come, or is called once more."""
    if what == "again":
        called = await visit.perform("call_again", {"ticket_id": ticket_id})
        return done(visit.request, f"{_address(visit)}&ticket={called.id}&number={called.number}", "已再叫一次")
    await visit.perform("finish_ticket", {"ticket_id": ticket_id}, {}, {"missed": what == "missed"})
    return done(visit.request, _address(visit), "已记为未到" if what == "missed" else "已办结")


async def _show(visit: Visit, refusal: Refusal | None = None) -> HTTPResponse:
    venue_id, venues = await choose_venue(visit)
    given = visit.request.args.get
    return render(
        visit.request,
        "counters.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        refusal=refusal,
        venues=venues,
        venue_id=venue_id,
        queues=await visit.perform("list_queues", {"venue_id": venue_id}) if venue_id else [],
        counter=unquote(visit.request.cookies.get(COUNTER_COOKIE) or "1号窗口"),
        ticket=given("ticket"),
        number=given("number"),
    )


def _address(visit: Visit) -> str:
    return f"/console/counters?venue_id={visit.request.args.get('venue_id') or ''}"
