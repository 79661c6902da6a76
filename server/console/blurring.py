"""Faces and plates in a case's pictures, blurred by drawing rectangles over them."""

import msgspec
from sanic.response import HTTPResponse

from server.console.rendering import done, render
from server.console.visits import Visit, form_of
from server.foundation.errors import InvalidFields, Refusal


async def show_case_pictures(visit: Visit, case_id: str) -> HTTPResponse:
    """Each picture as it came, with the rectangles that are blurred."""
    return await _show(visit, case_id)


async def blur_case_picture(visit: Visit, case_id: str) -> HTTPResponse:
    """Blur what was drawn over one of them."""
    form = form_of(visit.request)
    try:
        areas = [] if form.get("none") else msgspec.json.decode(form.get("areas") or "[]")
    except msgspec.DecodeError:
        raise InvalidFields.of("areas", "请重新框选") from None
    path = {"case_id": case_id, "picture_id": form.get("picture_id") or ""}
    try:
        await visit.perform("blur_case_picture", path, body={"areas": areas})
    except Refusal as refusal:
        return await _show(visit, case_id, refusal)
    return done(visit.request, visit.request.path, "已打码，其他人看到的是打码后的图片" if areas else "已取消打码")


async def _show(visit: Visit, case_id: str, refusal: Refusal | None = None) -> HTTPResponse:
    pictures = await visit.perform("view_case_originals", {"case_id": case_id})
    return render(
        visit.request,
        "blurring.html",
        visit=visit,
        case_id=case_id,
        pictures=pictures,
        refusal=refusal,
        status=refusal.status if refusal else 200,
    )
