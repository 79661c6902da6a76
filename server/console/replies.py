"""Words that staff often answer with, beside the form that they are for."""

from sanic.response import HTTPResponse

from miniprogram_api.routes import BY_OPERATION
from server.console.forms import Field
from server.console.rendering import done, render
from server.console.visits import Visit, form_of
from server.foundation.errors import NotAllowed, NotFound, Refusal
from server.organizations import replies
from server.organizations.replies import ReplyView


async def replies_for(visit: Visit, operation: str, fields: list[Field]) -> tuple[list[ReplyView], str]:
    """What is offered beside a form, and the field that it is for: the first that takes some lines; empty where none
    does."""
    field = next((each.name for each in fields if each.kind == "textarea"), "")
    if not field:
        return [], ""
    try:
        return await replies.list_replies(visit.caller.person_id, visit.area_id, operation), field
    except NotAllowed:
        return [], field


async def show_replies(visit: Visit, operation: str) -> HTTPResponse:
    """Those of one operation, and a new one."""
    return await _show(visit, operation)


async def add_reply(visit: Visit, operation: str) -> HTTPResponse:
    """One more, for all who work here."""
    _require_known(operation)
    text = form_of(visit.request).get("text") or ""
    try:
        await replies.add_reply(visit.caller.person_id, visit.area_id, operation, text)
    except Refusal as refusal:
        return await _show(visit, operation, refusal, text)
    return done(visit.request, visit.request.path, "已添加常用答复")


async def remove_reply(visit: Visit, operation: str, reply_id: str) -> HTTPResponse:
    """One less."""
    _require_known(operation)
    await replies.remove_reply(visit.caller.person_id, reply_id)
    return done(visit.request, f"/console/replies/{operation}", "已移除常用答复")


def _require_known(operation: str) -> None:
    if operation not in BY_OPERATION:
        raise NotFound()


async def _show(visit: Visit, operation: str, refusal: Refusal | None = None, text: str = "") -> HTTPResponse:
    _require_known(operation)
    return render(
        visit.request,
        "replies.html",
        status=refusal.status if refusal else 200,
        visit=visit,
        what=BY_OPERATION[operation].summary,
        operation=operation,
        replies=await replies.list_replies(visit.caller.person_id, visit.area_id, operation),
        here=await visit.area(),
        refusal=refusal,
        text=text,
    )
