"""Who signed up for a shift, as its leader sees it: the masked list, the roster in clear, its export, and the scans."""

import asyncio
from datetime import datetime

import msgspec

from server.accounts.details import read_details
from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch_structs, transaction
from server.foundation.dates import render_span, render_time
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, cut_page, fetch_page, last_id
from server.media.files import File
from server.media.spreadsheets import Column, Sheet, write_workbook
from server.organizations.queries import describe_organizations
from server.places.models import PlaceState
from server.volunteering.access import LOOKERS, require_leader_or_staff
from server.volunteering.attendance.clocking import REFUSAL_WORDS
from server.volunteering.attendance.models import AttendanceMethod, Direction
from server.volunteering.attendance.rules import CONFIRM_WITHIN
from server.volunteering.hours.models import HoursState
from server.volunteering.models import Shift
from server.volunteering.steps import get_shift


class SignUpRow(msgspec.Struct):
    """Somebody's sign-up as the leader's list shows it; `name` is masked, `phone` empty, except in the roster.

    `sign_out_method` `rule` flags a clocking out that was forgotten. `hours_id` and `hours_state` are the minutes that
    count or wait, `confirmed_minutes` those that count.
    """

    id: Id
    person_id: Id
    signed_up_by_id: Id
    nickname: str
    name: str
    phone: str
    role_name: str
    state: PlaceState
    number: int
    signed_up_at: datetime
    sign_in_at: datetime | None
    sign_in_method: AttendanceMethod | None
    sign_out_at: datetime | None
    sign_out_method: AttendanceMethod | None
    hours_id: Id | None
    hours_state: HoursState | None
    confirmed_minutes: int | None


class ShiftScanView(msgspec.Struct):
    """An attempt to clock in or out. `refusal` is the code of the reason for which it was refused, `problem` the reason
    in words, both empty where it was taken. `scanned_at` is when, by the scanner's own clock, `received_at` when we
    were told; `by_id` who scanned. The name is masked."""

    id: Id
    person_id: Id | None
    name: str
    by_id: Id
    direction: Direction
    method: AttendanceMethod
    meters: int | None
    refusal: str
    problem: str
    scanned_at: datetime
    received_at: datetime


_MANY = 10_000


async def list_shift_sign_ups(person_id: str, shift_id: str, page: PageQuery) -> Page[SignUpRow]:
    """Who signed up, in the order of acknowledgement, those who left included; names masked. Raises NotFound."""
    await require_leader_or_staff(person_id, await get_shift(shift_id), LOOKERS)
    return await _name_masked(await _sign_ups(shift_id, page))


async def show_sign_ups(shift_id: str, sign_up_ids: list[str]) -> Page[SignUpRow]:
    """These sign-ups of the shift as its list shows them; the caller has checked who may see them."""
    return await _name_masked(await _sign_ups(shift_id, limit=len(sign_up_ids), only=sign_up_ids))


async def list_shift_roster(person_id: str, shift_id: str, page: PageQuery) -> Page[SignUpRow]:
    """Those who are coming, with names in clear, and phone numbers until a week after the end; each view is audited.

    Raises NotFound.
    """
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift)
    async with transaction():
        shown = await _sign_ups(shift_id, page, coming=True)
        await _show_in_clear(person_id, shift, shown.items, "view_shift_roster")
    return shown


async def export_shift_roster(person_id: str, shift_id: str) -> File:
    """The whole roster as an xlsx file; audited like a view of each person's data. Raises NotFound."""
    shift = await get_shift(shift_id)
    await require_leader_or_staff(person_id, shift)
    async with transaction():
        rows = (await _sign_ups(shift_id, limit=_MANY, coming=True)).items
        await _show_in_clear(person_id, shift, rows, "export_shift_roster")
    cells = [_cells(number, row) for number, row in enumerate(rows, 1)]
    activity = shift.activity
    organizer = (await describe_organizations([activity.organizer_id]))[activity.organizer_id]
    title = "，".join(
        (
            f"{organizer['full_name']} “{activity.title}”花名册",
            render_span(shift.starts_at, shift.ends_at),
            activity.place_name,
            f"{render_time(clock.now())} 导出",
            f"共 {len(cells)} 人",
        )
    )
    content = await asyncio.to_thread(write_workbook, [Sheet("花名册", _COLUMNS, cells, title)])
    return File(f"{activity.title} 花名册 {clock.shanghai(shift.starts_at):%Y-%m-%d %H%M}.xlsx", content)


async def list_shift_scans(person_id: str, shift_id: str, page: PageQuery) -> Page[ShiftScanView]:
    """Attempts to clock in or out, the latest first, refused ones with their reason; names masked. Raises NotFound."""
    await require_leader_or_staff(person_id, await get_shift(shift_id), LOOKERS)
    rows = await fetch_page(
        "SELECT id, person_id, by_id, direction, method, meters, refusal, scanned_at, created_at AS received_at "
        "FROM shift_scan WHERE shift_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        shift_id,
        page=page,
    )
    words = await describe_persons({row["person_id"] for row in rows.items if row["person_id"]})
    views = [
        ShiftScanView(
            **dict(row),
            name=words.get(row["person_id"], {}).get("name", ""),
            problem=REFUSAL_WORDS.get(row["refusal"], ""),
        )
        for row in rows.items
    ]
    return Page(views, rows.next_cursor)


_COLUMNS = (
    Column("序号", 6),
    Column("姓名", 14),
    Column("手机号", 16),
    Column("岗位", 14),
    Column("签到", 22),
    Column("签退", 22),
    Column("服务分钟", 10),
    Column("备注", 24),
    Column("签名", 16),
)
# The printed list says 缺席 for 爽约, as the office does, and leaves the others blank to be signed.
_NOTES = {PlaceState.NO_SHOW: "缺席", PlaceState.ATTENDED: "已确认出勤"}


def _cells(number: int, row: SignUpRow) -> list[str | int | None]:
    note = _NOTES.get(row.state, "")
    if row.hours_state == HoursState.WAITING:
        note = "时长待审批"
    elif row.sign_out_method == AttendanceMethod.RULE:
        note = "忘记签退，按结束时间计"
    return [
        number,
        row.name or row.nickname,
        row.phone,
        row.role_name,
        render_time(row.sign_in_at) if row.sign_in_at else "",
        render_time(row.sign_out_at) if row.sign_out_at else "",
        row.confirmed_minutes,
        note,
        "",
    ]


async def _show_in_clear(actor_id: str, shift: Shift, rows: list[SignUpRow], action: str) -> None:
    """Names and, while they are still needed, phone numbers; one audit row a person."""
    ids = [row.person_id for row in rows]
    details, described = await read_details(ids), await describe_persons(ids)
    phones_are_needed = clock.now() <= shift.ends_at + CONFIRM_WITHIN
    for row in rows:
        row.nickname = described.get(row.person_id, {}).get("nickname", "")
        if row.person_id in details:
            row.name = details[row.person_id].real_name
            row.phone = details[row.person_id].phone if phones_are_needed else ""
        await record_audit(
            action,
            actor_id=actor_id,
            subject=("shift", shift.id),
            person_id=row.person_id,
            organization_id=shift.activity.organizer_id,
        )


async def _name_masked(page: Page[SignUpRow]) -> Page[SignUpRow]:
    described = await describe_persons([row.person_id for row in page.items])
    for row in page.items:
        words = described.get(row.person_id, {})
        row.nickname, row.name = words.get("nickname", ""), words.get("name", "")
    return page


async def _sign_ups(
    shift_id: str,
    page: PageQuery | None = None,
    *,
    coming: bool = False,
    only: list[str] | None = None,
    limit: int = 0,
) -> Page[SignUpRow]:
    limit = page.limit if page else limit
    after = last_id(page.cursor) if page else None
    rows = await fetch_structs(
        SignUpRow,
        "SELECT s.id, s.person_id, s.signed_up_by_id, '' AS nickname, '' AS name, '' AS phone, r.name AS role_name, "
        "p.state, p.number, s.created_at AS signed_up_at, t.sign_in_at, t.sign_in_method, t.sign_out_at, "
        "t.sign_out_method, h.id AS hours_id, h.state AS hours_state, "
        "CASE WHEN h.state = 'effective' THEN h.minutes END AS confirmed_minutes FROM sign_up s "
        "JOIN place p ON p.id = s.place_id JOIN shift_role r ON r.id = s.shift_role_id "
        "LEFT JOIN attendance t ON t.sign_up_id = s.id LEFT JOIN LATERAL (SELECT id, state, minutes FROM hours "
        "WHERE sign_up_id = s.id AND state IN ('waiting', 'effective') ORDER BY state LIMIT 1) h ON true "
        "WHERE s.shift_id = $1 AND ($2::uuid IS NULL OR s.id > $2) "
        "AND (NOT $3 OR p.state IN ('confirmed', 'attended', 'no_show')) "
        "AND ($5::uuid[] IS NULL OR s.id = ANY($5)) ORDER BY s.id LIMIT $4",
        shift_id,
        after,
        coming,
        limit + 1,
        only,
    )
    return cut_page(rows, limit, lambda row: (row.id,))
