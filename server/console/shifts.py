"""The board of a shift: its code as large as the screen, who comes, and how long each served."""

from sanic.response import HTTPResponse

from server.console.rendering import done, render
from server.console.visits import Visit, form_of


async def show_shift(visit: Visit, shift_id: str) -> HTTPResponse:
    """The day board of a shift: who comes, who is there, and how long each served."""
    view = await visit.perform("show_shift_to_staff", {"shift_id": shift_id})
    roster = await visit.perform("list_shift_roster", {"shift_id": shift_id}, {"limit": "100"})
    length = int((view.shift.ends_at - view.shift.starts_at).total_seconds() // 60)
    return render(
        visit.request, "shift.html", visit=visit, view=view, roster=roster.items, shift_id=shift_id, length=length
    )


async def show_big_code(visit: Visit, shift_id: str) -> HTTPResponse:
    """The rotating code, as large as the screen; the page fetches the next one."""
    direction = visit.request.args.get("direction", "in")
    code = await visit.perform("show_shift_code", {"shift_id": shift_id}, {"direction": direction})
    return render(visit.request, "big_code.html", visit=visit, code=code, shift_id=shift_id, direction=direction)


async def confirm_attendance(visit: Visit, shift_id: str) -> HTTPResponse:
    """Who was there and for how long, from the table."""
    form = form_of(visit.request)
    persons = [
        {"sign_up_id": sign_up_id}
        | ({"is_absent": True} if form.get(f"absent.{sign_up_id}") else {})
        | ({"minutes": minutes} if (minutes := (form.get(f"minutes.{sign_up_id}") or "").strip()) else {})
        for sign_up_id in form.getlist("sign_up_id", [])
    ]
    await visit.perform("confirm_attendance", {"shift_id": shift_id}, {}, {"persons": persons})
    return done(visit.request, f"/console/shifts/{shift_id}", "已确认出勤")
