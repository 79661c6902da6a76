"""个人信息副本: everything that is kept about somebody, for them alone."""

import ast
import asyncio
import contextlib
import contextvars
import importlib
import io
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import openpyxl
import pytest
from tortoise.models import Model

from server.accounts import personal_data
from server.accounts.details import save_details
from server.accounts.merging import merge_persons
from server.accounts.models import ConsentKind, ConsolePasskey, ConsoleSignIn, Person, PersonOrigin, RosterLink
from server.announcements.models import Announcement, AnnouncementRead
from server.check_in.models import ContactMeans, MemberContact, MembershipTransfer
from server.check_in.posts.models import PostHolding
from server.check_in.reports.freezing import ReportWords, seal_content, seal_words
from server.check_in.reports.models import Grade, HalfYearReport, PostMonth, ReportState
from server.co_building.meetings.models import MeetingMember, MeetingMemberKind
from server.figures.assessments.models import CommunityEvaluation
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.crypto import keyring
from server.foundation.database import MODEL_MODULES, IdField, execute
from server.foundation.ids import new_id
from server.foundation.logs import configure_logs
from server.foundation.personal_copy import Copied, Shown
from server.foundation.settings import Settings
from server.grid_cases.models import GridCaseStep
from server.media.files import File
from server.media.spreadsheets import XLSX
from server.members.memberships import membership_of
from server.moderation.models import CheckedSubject, CheckState, ContentCheck, Part
from server.neighbor_center.bookings.models import (
    COMMENT_CONTEXT,
    ROOM_NOTE_CONTEXT,
    Booking,
    BookingMove,
    BookingSeries,
    BookingState,
    RoomBooking,
    ServiceVisitor,
)
from server.neighbor_center.counters.models import QueueTicket
from server.neighbor_center.feedback.models import BookingRating
from server.neighbor_center.opening.models import Duty, DutyKind
from server.neighbor_center.venues.models import ServiceMode
from server.notifications.grants import report_answers
from server.operations.audit_words import ACTION_WORDS
from server.organizations.models import Level, Organization, RoleGrant, RoleKind
from server.places.models import Block, NoShow, NoShowReason, Purpose
from server.service_record.models import RankingPlace
from server.volunteering.attendance.models import Attendance, AttendanceMethod, Direction, ShiftScan
from server.volunteering.hours.models import Certificate, NoShowAppeal, ShiftRating, Side
from server.volunteering.models import VolunteerSkill
from server.wechat.connection import template_ids
from server.wishes.contact import seal_contact
from server.wishes.models import ConfirmedAs, Wish, WishClaim, WishNote, WishShare, WishState
from tests.builders import agree, create_community, create_organization, create_person, create_staff, grant, sign_in
from tests.check_in.builders import application, create_holder, create_post
from tests.clients import Api
from tests.grid_cases.builders import put_category
from tests.neighbor_center.builders import MONDAY, TUESDAY, book, create_room, create_service, moment, set_clock
from tests.volunteering.attendance.builders import served, shanghai_time
from tests.volunteering.builders import People as Volunteers
from tests.wishes.builders import People as Wishers
from tests.wishes.builders import put_picture, put_team, put_wish

ROOT = Path(__file__).parent.parent.parent
PATH = "/me/personal-data"

IN_SHEET = {
    "person": "基本信息",
    "person_details": "基本信息",
    "wechat_identity": "基本信息",
    "consent": "同意记录",
    "community_evaluation": "对社区的评价",
    "meeting_member": "联席会议",
    "dependant": "家人",
    "team": "志愿团队",
    "team_member": "志愿团队",
    "role_grant": "工作角色",
    "registration": "现场登记",
    "roster_link": "名册核对",
    "membership": "党员信息",
    "member_contact": "联系流动党员",
    "membership_transfer": "转入组织关系",
    "check_in": "报到",
    "post_holding": "岗位",
    "post_month": "岗位",
    "half_year_report": "作用发挥情况反馈",
    "wish": "微心愿",
    "wish_claim": "微心愿认领",
    "wish_share": "微心愿组团",
    "wish_note": "微心愿进展",
    "grid_case": "网格事项",
    "grid_case_follower": "跟进的网格事项",
    "grid_case_step": "办理的网格事项",
    "place": "志愿服务报名与出勤",
    "place_pass": "志愿服务报名与出勤",
    "sign_up": "志愿服务报名与出勤",
    "attendance": "志愿服务报名与出勤",
    "shift_scan": "签到尝试",
    "hours": "服务时长",
    "certificate": "志愿服务证明",
    "volunteer_skill": "特长",
    "shift_rating": "志愿服务评价",
    "no_show_appeal": "爽约申诉",
    "no_show": "爽约",
    "block": "暂停报名与预约",
    "booking": "预约",
    "room_booking": "场地预约",
    "booking_series": "周期预约",
    "booking_move": "预约改期",
    "queue_ticket": "窗口取号",
    "booking_rating": "预约评价",
    "complaint": "投诉",
    "duty": "值班",
    "service_visitor": "上门服务",
    "service_entry": "服务记录与积分",
    "ranking_place": "参加的排行榜",
    "inbox_message": "消息",
    "announcement_read": "读过的公告",
    "grant_balance": "订阅消息授权",
    "grant_entry": "订阅消息授权明细",
    "notification_preferences": "消息偏好",
    "calendar_feed": "日历订阅",
    "picture": "上传的图片",
    "checked_subject": "内容安全检查",
    "content_check": "内容安全检查",
    "session": "登录设备",
    "console_sign_in": "登录工作台",
    "console_password": "工作台登录方式",
    "console_passkey": "工作台登录方式",
    "audit_entry": "谁看过我的信息",
}
"""Table → the sheet in which it is."""

IN_NONE = {
    "organization": "places and offices",
    "party_organization": "Party organizations",
    "post": "what a community offers; who holds it is in post_holding",
    "unit_check_in": "between a unit and a place, its contact the unit's; who applied is in the audit log",
    "service_rule": "what service is worth",
    "wish_terms": "an organization's rules",
    "reply": "words that an organization's staff often answer with",
    "figure": "sums of organizations",
    "figure_month": "which months are counted",
    "warning_rule": "the city's rules; who changed one is in the audit log",
    "figure_warning": "an organization's; what staff did about it is in the audit log",
    **dict.fromkeys(
        ("assessment_scheme", "assessment", "assessment_adjustment"), "of communities; who did what is in the audit log"
    ),
    **dict.fromkeys(
        (
            "joint_meeting",
            "meeting_invitation",
            "meeting_topic",
            "meeting_minutes",
            "meeting_resolution",
            "meeting_resolution_step",
        ),
        "of an organization and of seats in its joint meeting; who did what is in the audit log",
    ),
    "activity": "an organizer's; who wrote or published it did so at work, and is in the audit log",
    "activity_recap": "an organizer's; who wrote it did so for the activity, and is in the audit log",
    "shift": "an organizer's; its leader is whom the organizer named for the work",
    "shift_role": "an organizer's",
    "allotment": "numbers of places",
    "venue": "an organization's",
    "venue_screen": "an organization's",
    "service": "a venue's",
    "opening_rule": "a venue's",
    "opening_exception": "a venue's",
    "holiday_year": "the calendar",
    "list_claim": "between two organizations; who proposed and decided it at work is in the audit log",
    "list_entry": "an organization's, its contact too; who did what at work is in the audit log",
    "case_category": "the city's",
    "case_standard": "the city's",
    "case_partner": "an organization's; who made it is in the audit log",
    "slot": "a venue's",
    "queue_day": "a venue's",
    "announcement": "an organization's; who wrote it did so at work, and is in the audit log",
    "period_run": "how far a sweep has come",
    "due_report": "what a sweep is about to make: a report, which is there then",
    "job_run": "when sweeps ran",
    "key_in_use": "by what the deployment's keys are known again",
    "idempotency_key": "a day's answers, repeated; what they tell of is in the other sheets",
    "merge_proposal": "a question that both have in their inbox; what they answered is in the audit log",
    "outbox": "what is still to be sent, of messages that are in the inbox",
    "stored_push": "WeChat's pushes, for a month; what came of them is in the grants and checks",
}
"""Table → why nothing of it is in a copy."""

THE_PERSON = {
    *("person_id", "author_id", "beneficiary_id", "claimer_id", "guardian_id", "leader_id", "owner_id", "actor_id"),
    *("by_id", "merged_into_id", "reporter_id"),
}
"""Columns by which a row is somebody's."""

OTHERS = {
    # who did it for the person, or at work
    *("decided_by_id", "granted_by_id", "ended_by_id", "recorded_by_id", "settled_by_id", "changed_by_id"),
    *("assessed_by_id", "released_by_id", "acknowledged_by_id", "applied_by_id", "confirmed_by_id", "stated_by_id"),
    *("created_by_id", "edited_by_id", "published_by_id", "loaded_by_id", "moved_by_id", "made_by_id", "called_by_id"),
    *("answered_by_id", "written_by_id", "sent_by_id", "visitor_id", "given_by_id", "signed_up_by_id", "booked_by_id"),
    *("registered_by_id", "proposed_by_id", "noted_by_id", "named_by_id", "asked_by_id", "acting_by_id"),
    *("dismissed_by_id", "submitted_by_id", "self_by_id", "checked_by_id", "appeal_by_id"),
    # the two persons of a question to both
    *("from_person_id", "into_person_id"),
    # the entry that may be the person's
    "entry_id",
}
"""Columns that name somebody else than whose row it is, or who did it at work (their actions are in the audit log)."""

THINGS = {
    *("subject_id", "organization_id", "community_id", "grid_id", "unit_id", "issuer_id", "organizer_id", "area_id"),
    *(
        "picture_id",
        "avatar_id",
        "shown_avatar_id",
        "allotment_id",
        "place_id",
        "no_show_id",
        "sign_up_id",
        "source_id",
    ),
    *("parent_id", "booking_id", "room_booking_id", "same_as_id", "told_through", "lane"),
    *("renewed_from_id", "pairing_id"),
}
"""Columns that name no person."""


class Copy:
    """A workbook as somebody reads it."""

    def __init__(self, content: bytes) -> None:
        book = openpyxl.load_workbook(io.BytesIO(content))
        self.cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value is not None]
        self.sheets = {
            sheet.title: [
                dict(zip((cell.value for cell in sheet[1]), (_plain(cell.value) for cell in row), strict=True))
                for row in sheet.iter_rows(min_row=2)
            ]
            for sheet in book
        }

    def one(self, name: str) -> dict[Any, Any]:
        """The only row of a sheet."""
        (row,) = self.sheets[name]
        return row

    def facts(self) -> dict[Any, Any]:
        return {row["项目"]: row["内容"] for row in self.sheets["基本信息"]}

    def holds(self, text: str) -> list[str]:
        return [f"{cell.parent.title}!{cell.coordinate}" for cell in self.cells if text in str(cell.value)]


def _plain(value: Any) -> Any:
    return value.date() if hasattr(value, "date") else value if value is not None else ""


async def copy_of(person: Api) -> Copy:
    response = await person.send("GET", PATH)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == XLSX
    assert response.headers["cache-control"] == "private, no-store"
    assert "个人信息副本" in unquote(response.headers["content-disposition"])
    return Copy(response.content)


async def create_resident_in_clear(
    api: Api, community: Organization, nickname: str, name: str, phone: str, address: str
) -> Api:
    resident = await sign_in(api, await create_person(community=community, nickname=nickname))
    await save_details(resident.person_id, real_name=name, phone=phone, address=address)
    return resident


@pytest.fixture
async def cast(api: Api) -> tuple[Api, Api, Api]:
    """Somebody of whom there is something in every table, a neighbour who was in much of it, and the staff."""
    set_clock("08:00")
    community = await create_community(name="塔山社区")
    me = await create_resident_in_clear(api, community, "小敏", "李敏", "13812345678", "幸福路 1 号 2 单元 301")
    other = await create_resident_in_clear(api, community, "老赵", "赵外人", "13911112222", "和平里 9 号楼 808")
    staff = await create_staff(api, community, RoleKind.MANAGER)
    await save_details(staff.person_id, real_name="钱工作", phone="13733334444")
    await everything_of_accounts(me, other, community)
    await everything_of_members(me, other, staff, community)
    await everything_of_wishes(me, other, staff, community)
    await everything_of_cases(me, other, community)
    await everything_of_volunteering(me, other, staff, community)
    await everything_of_bookings(me, other, community)
    await report_answers(me.person_id, {template_ids()["wish_progress"]: "accept"})
    await put_picture(me)
    await ConsolePasskey.create(person_id=me.person_id, credential_id=b"named", public_key=b"key", name="办公室电脑")
    await ConsoleSignIn.create(
        person_id=me.person_id,
        nonce_hash=b"spent",
        number=47,
        browser="Edge（Windows）",
        address="203.0.113.9",
        expires_at=clock.now(),
    )
    subject = await CheckedSubject.create(kind="nickname", subject_id=me.person_id, author_id=me.person_id)
    await ContentCheck.create(
        subject=subject, revision=1, part=Part.TEXT, state=CheckState.REFUSED, reason="昵称不合适"
    )
    return me, other, staff


async def everything_of_cases(me: Api, other: Api, community: Organization) -> None:
    category, _ = await put_category("井盖")
    told = {"category_id": category.id, "place": "平安街路口", "community_id": community.id}
    mine = await me.post("/grid-cases", {**told, "text": "井盖不见了"}, expect=201)
    theirs = await other.post("/grid-cases", {**told, "text": "别人反映的事"}, expect=201)
    await execute("UPDATE grid_case SET is_shown = TRUE")
    await me.post(f"/grid-cases/{theirs['id']}/followers")
    await other.post(f"/grid-cases/{mine['id']}/followers")
    for who, case in ((me, theirs), (other, mine)):
        await GridCaseStep.create(
            case_id=case["id"],
            action="add_note",
            from_state="handling",
            to_state="handling",
            by_id=who.person_id,
            words=f"{'我' if who is me else '别人'}的处置",
        )


async def everything_of_accounts(me: Api, other: Api, community: Organization) -> None:
    await me.put("/me/details", {"real_name": "李敏", "address": "幸福路 1 号 2 单元 301", "birth_date": "1990-05-06"})
    for kind in (ConsentKind.VOLUNTEER_TERMS, ConsentKind.SHOW_IN_RANKING):
        await me.post("/me/consents", {"kind": kind, "text_version": "1"})
    await me.delete(f"/me/consents/{ConsentKind.SHOW_IN_RANKING}")
    await me.post(
        "/me/dependants",
        {"real_name": "李小宝", "relation": "child", "birth_date": "2024-01-02", "guardian_consents": True},
    )
    await put_team(other, me, community=community)
    await grant(await Person.get(id=me.person_id), community, RoleKind.OBSERVER)
    await me.get("/me/calendar-feed")
    preferences = await me.get("/me/notification-preferences")
    await me.put(
        "/me/notification-preferences",
        {"version": preferences["version"], "muted": ["digest"], "quiet_from": 1320, "quiet_until": 420},
    )
    entry = await create_person(community=community, origin=PersonOrigin.ROSTER)
    await RosterLink.create(entry_id=entry.id, person_id=me.person_id, organization=community)
    await RankingPlace.create(person_id=me.person_id, grid_id=community.id)


async def everything_of_members(me: Api, other: Api, staff: Api, community: Organization) -> None:
    for member in (me, other):
        await agree(member.person_id)
    check_in = await me.post("/check-ins", application(community), expect=201)
    theirs = await other.post("/check-ins", application(community, home_text="别人的支部"), expect=201)
    await staff.get(f"/staff/check-ins/{check_in['id']}")
    for each in (check_in, theirs):
        await staff.post(f"/staff/check-ins/{each['id']}/confirm", {}, expect=200)
    holding = await create_holder(staff, me, await create_post(staff, community, term_starts_on="2031-01-01"))
    await PostMonth.create(holding=await PostHolding.get(id=holding), month="2031-02", credited_at=clock.now())
    membership_id = await membership_of(me.person_id)
    assert membership_id
    now, contact_id, report_id = clock.now(), new_id(), new_id()
    await MemberContact.create(
        id=contact_id,
        membership_id=membership_id,
        contacted_at=now,
        means=ContactMeans.PHONE,
        note=keyring().encrypt("一切都好", f"member_contact.note.{contact_id}"),
        recorded_by_id=staff.person_id,
    )
    await MembershipTransfer.create(membership_id=membership_id, community=community, offered_at=now)
    await HalfYearReport.create(
        id=report_id,
        membership_id=membership_id,
        community=community,
        period="2030H2",
        state=ReportState.ASSESSED,
        content=seal_content(report_id, []),
        words=seal_words(report_id, ReportWords(home="市教育局机关党委", opinion="表现积极")),
        minutes=120,
        points=20,
        grade=Grade.EXCELLENT,
        frozen_at=now,
        assessed_at=now,
    )


async def everything_of_wishes(me: Api, other: Api, staff: Api, community: Organization) -> None:
    mine = Wishers(community, me, other, staff, staff)
    thanks = {"rating": 5, "words": "太感谢了", "confirmed_as": ConfirmedAs.WISHER, "note": "邻居的报告"}
    wish_id = await put_wish(mine, WishState.FULFILLED, title="=1+1 想要收音机", claim=thanks)
    wish = await Wish.get(id=wish_id)
    seal_contact(wish, address="幸福路 7 号", phone="13898765432")
    await wish.save()
    theirs = mine._replace(wisher=other, claimer=me)
    fulfilled = {"note": "我送到了", "rating": 4, "words": "谢谢好心人", "words_are_shown": True}
    helped_id = await put_wish(theirs, WishState.FULFILLED, title="想有人陪着散步", claim=fulfilled)
    helped = await Wish.get(id=helped_id)
    seal_contact(helped, address="和平里 8 号楼", phone="13922223333")
    await helped.save()
    claim = await WishClaim.get(wish_id=helped_id)
    await WishShare.create(claim=claim, person_id=me.person_id, quantity=1)
    await WishNote.create(claim=claim, author_id=me.person_id, text="约好了周末去")
    await WishNote.create(claim=claim, author_id=other.person_id, text="旁人的进展")


async def everything_of_volunteering(me: Api, other: Api, staff: Api, community: Organization) -> None:
    now = clock.now()
    people = Volunteers(community, staff, me, other, other)
    hours = await served(people, me, shanghai_time(0, 9), 120)
    await served(people, other, shanghai_time(0, 14), 30)
    await Attendance.create(
        sign_up_id=hours.sign_up_id,
        sign_in_at=hours.starts_at,
        sign_in_method=AttendanceMethod.CODE,
        sign_out_at=hours.ends_at,
        sign_out_method=AttendanceMethod.RULE,
    )
    await ShiftScan.create(
        shift_id=hours.shift_id,
        person_id=me.person_id,
        by_id=me.person_id,
        direction=Direction.IN,
        method=AttendanceMethod.PLACE,
        scanned_at=hours.starts_at,
        meters=730,
        refusal="too_far_away",
    )
    rating: dict[str, Any] = {"sign_up_id": hours.sign_up_id, "shift_id": hours.shift_id}
    await ShiftRating.create(**rating, side=Side.VOLUNTEER, by_id=me.person_id, stars=5, text="组织得很好")
    await ShiftRating.create(**rating, side=Side.LEADER, by_id=staff.person_id, stars=4, text="还没查过的话")
    await Certificate.create(
        person_id=me.person_id,
        number="LL2031000001",
        code="ABCD2345",
        issuer_id=community.id,
        since=date(2031, 1, 1),
        until=date(2031, 3, 3),
        times=1,
        minutes=120,
        rows=[],
        name_index=b"x",
        issued_at=now,
    )
    await VolunteerSkill.create(person_id=me.person_id, name="急救")
    board: dict[str, Any] = {
        "organization": community,
        "audience": "residents",
        "text": "请储水",
        "state": "sent",
        "written_by_id": new_id(),
    }
    for who, title in ((me, "停水通知"), (other, "别人读的")):
        read = await Announcement.create(title=title, sent_at=now, finished_at=now, **board)
        await AnnouncementRead.create(announcement=read, person_id=who.person_id)
        await MeetingMember.create(
            organization=community,
            person_id=who.person_id,
            kind=MeetingMemberKind.RESIDENT,
            title="居民代表",
            starts_on=date(2031, 1, 1),
        )
        await CommunityEvaluation.create(organization=community, person_id=who.person_id, period="2031H1", stars=5)
    no_show = await NoShow.create(
        person_id=me.person_id,
        purpose=Purpose.SHIFT_ROLE,
        subject_id=hours.shift_id,
        reason=NoShowReason.ABSENT,
        happened_at=now,
    )
    await Block.create(
        person_id=me.person_id, purpose=Purpose.SHIFT_ROLE, until=now, reason="no_shows", no_show_id=no_show.id
    )
    await NoShowAppeal.create(
        no_show=no_show,
        sign_up_id=hours.sign_up_id,
        organizer_id=community.id,
        by_id=me.person_id,
        text="那天住院了",
    )


async def everything_of_bookings(me: Api, other: Api, community: Organization) -> None:
    service = await create_service(community, capacity=5)
    booking = await book(me, service, note="有糖尿病")
    await book(other, service, note="别人的病情")
    grid = await create_organization(Level.GRID, parent=community, name="塔山一网格")
    visit = await create_service(venue=service.venue, mode=ServiceMode.HOME_VISIT, name="上门体检", capacity=5)
    await book(me, visit, wall_clock="15:00", note="请先打电话", address="幸福路 1 号", area_id=grid.id)
    slot_id = (await Booking.get(id=booking["id"])).slot_id
    other_slot = (await Booking.filter(person_id=me.person_id).exclude(slot_id=slot_id).get()).slot_id
    await BookingMove.create(
        booking_id=booking["id"], from_slot_id=other_slot, to_slot_id=slot_id, moved_by_id=me.person_id
    )
    room = await create_room(community)
    asked: dict[str, Any] = {"person_id": me.person_id, "booked_by_id": me.person_id}
    await RoomBooking.create(
        **asked,
        service=room,
        note=keyring().encrypt("要投影仪", ROOM_NOTE_CONTEXT),
        starts_at=moment("10:00"),
        ends_at=moment("11:00"),
        busy_until=moment("11:15"),
        state=BookingState.BOOKED,
    )
    await BookingSeries.create(**asked, service=room, starts_at=moment("10:00"), every_weeks=2, times=6)
    await QueueTicket.create(service=service, day=MONDAY, number=17, person_id=me.person_id)
    await ServiceVisitor.create(service=service, person_id=me.person_id, named_by_id=new_id())
    await BookingRating.create(
        service=service,
        booking_id=booking["id"],
        person_id=me.person_id,
        stars=5,
        comment=keyring().encrypt("医生很耐心", COMMENT_CONTEXT),
    )
    await me.post(f"/venues/{service.venue_id}/complaints", {"text": "空调不制冷"}, expect=201)
    await Duty.create(
        venue=service.venue,
        person_id=me.person_id,
        shown_as="李医生",
        kind=DutyKind.SEATED,
        weekdays=5,
        opens=510,
        closes=690,
        valid_from=TUESDAY,
    )


async def test_everything_is_in_the_copy_in_clear(cast: tuple[Api, Api, Api]) -> None:
    me = cast[0]
    copy = await copy_of(me)
    facts = copy.facts()
    assert (facts["昵称"], facts["真实姓名"], facts["手机号"]) == ("小敏", "李敏", "13812345678")
    assert (facts["住址"], facts["出生日期"]) == ("幸福路 1 号 2 单元 301", "1990年5月6日")
    assert (facts["所在社区"], facts["登记方式"]) == ("塔山社区", "微信登录")
    assert facts["微信标识 openid"] == f"openid-{me.person_id}"
    assert facts["登记时间"] == "2031年3月3日 08:00"
    consents = {row["条款"]: row for row in copy.sheets["同意记录"]}
    assert consents["志愿者协议"]["版本"] == "1"
    assert consents["志愿者协议"]["撤回时间"] == ""
    assert consents["在排行榜显示"]["撤回时间"] == "2031年3月3日 08:00"
    family = copy.one("家人")
    assert (family["家人"], family["被照看人是照看人的"], family["出生日期"]) == ("李**", "子女", date(2024, 1, 2))
    assert (copy.one("志愿团队")["团队"], copy.one("志愿团队")["身份"]) == ("海风志愿队", "队员")
    assert (copy.one("工作角色")["角色"], copy.one("工作角色")["组织"]) == ("观察员", "塔山社区")

    member = copy.one("党员信息")
    assert (member["党员类别"], member["填写的所属党组织"]) == ("在职党员", "市教育局机关党委第二支部")
    assert (copy.one("联系流动党员")["方式"], copy.one("联系流动党员")["记录"]) == ("电话", "一切都好")
    assert copy.one("转入组织关系")["状态"] == "待本人答复"
    check_in = copy.one("报到")
    assert (check_in["状态"], check_in["小区"], check_in["楼栋"]) == ("已报到", "阳光花园", "3号楼")
    assert (check_in["特长"], check_in["空闲时间"]) == ("书法", "周末")
    assert (copy.one("岗位")["岗位"], copy.one("岗位")["状态"]) == ("楼道监督员", "在岗")
    assert copy.one("岗位")["计入履职的月份"] == "2031-02"
    report = copy.one("作用发挥情况反馈")
    assert (report["反馈期间"], report["评价"], report["社区意见"]) == ("2030年下半年", "优秀", "表现积极")

    wish = copy.one("微心愿")
    assert (wish["状态"], wish["类型"], wish["为谁"]) == ("已实现", "物品", "为自己")
    assert (wish["地址"], wish["电话"]) == ("幸福路 7 号", "13898765432")
    answer = copy.one("微心愿评价与异议")
    assert (answer["星级"], answer["感谢的话"], answer["由谁确认"]) == (5, "太感谢了", "许愿人")
    claim = copy.one("微心愿认领")
    assert (claim["心愿"], claim["完成报告"], claim["收到的感谢"]) == ("想有人陪着散步", "我送到了", "谢谢好心人")
    assert copy.one("微心愿组团")["认的数量（0 为出力）"] == 1
    assert copy.one("微心愿进展")["我写的进展"] == "约好了周末去"

    sign_up = copy.one("志愿服务报名与出勤")
    assert (sign_up["谁"], sign_up["活动"], sign_up["状态"]) == ("本人", "清洁家园", "已参加")
    assert (sign_up["签到"], sign_up["签退方式"]) == ("2031年3月3日 09:00", "未签退，按结束时间计")
    scan = copy.one("签到尝试")
    assert (scan["距离（米）"], scan["未通过原因"]) == (730, "离活动地点太远")
    assert (copy.one("服务时长")["服务分钟"], copy.one("服务时长")["状态"]) == (120, "有效")
    assert (copy.one("志愿服务证明")["证明编号"], copy.one("志愿服务证明")["核验码"]) == ("LL2031000001", "ABCD2345")
    assert copy.one("特长")["特长"] == "急救"
    ratings = {row["评价"]: row for row in copy.sheets["志愿服务评价"]}
    assert ratings["我对活动"]["内容"] == "组织得很好"
    assert (ratings["对我"]["星级"], ratings["对我"]["内容"]) == (4, "")
    assert (copy.one("爽约申诉")["申诉内容"], copy.one("爽约申诉")["状态"]) == ("那天住院了", "待处理")
    assert (copy.one("爽约")["情况"], copy.one("暂停报名与预约")["原因"]) == ("未到场", "多次爽约")

    bookings = {row["服务"]: row for row in copy.sheets["预约"]}
    assert (bookings["家庭医生"]["备注"], bookings["家庭医生"]["状态"]) == ("有糖尿病", "已预约")
    assert bookings["家庭医生"]["开始时间"] == "2031年3月4日 09:00"
    assert (bookings["上门体检"]["备注"], bookings["上门体检"]["上门地址"]) == ("请先打电话", "幸福路 1 号")
    assert (copy.one("场地预约")["备注"], copy.one("场地预约")["场地"]) == ("要投影仪", "议事厅")
    assert copy.one("周期预约")["次数"] == 6
    assert copy.one("预约改期")["新时间"] == "2031年3月4日 09:00"
    assert (copy.one("窗口取号")["号码"], copy.one("窗口取号")["日期"]) == (17, MONDAY)
    assert copy.one("预约评价")["评价"] == "医生很耐心"
    assert (copy.one("投诉")["投诉内容"], copy.one("投诉")["状态"]) == ("空调不制冷", "待答复")
    assert copy.one("上门服务")["服务"] == "家庭医生"
    assert (copy.one("值班")["公示名称"], copy.one("值班")["时间"]) == ("李医生", "每周一、周三 08:30–11:30")

    entries = {row["类别"]: row for row in copy.sheets["服务记录与积分"]}
    assert entries["参加志愿服务"]["服务分钟"] == 120
    assert entries["完成微心愿"]["事项"] == "想有人陪着散步"
    assert copy.one("参加的排行榜")["网格"] == "塔山社区"
    assert copy.one("读过的公告")["公告"] == "停水通知"
    assert any("塔山社区" in row["内容"] and row["微信订阅消息"] for row in copy.sheets["消息"])
    assert (copy.one("订阅消息授权")["订阅消息"], copy.one("订阅消息授权")["最近的选择"]) == ("心愿进度通知", "允许")
    assert copy.one("订阅消息授权明细")["次数变化"] == 1
    preference = copy.one("消息偏好")
    assert preference["不在微信提醒的类别"] == "未读消息汇总"
    assert (preference["免打扰开始"], preference["免打扰结束"]) == ("22:00", "07:00")
    assert copy.one("上传的图片")["用于"] == "未使用"
    check = {row["内容"]: row for row in copy.sheets["内容安全检查"]}["昵称"]
    assert (check["结果"], check["原因"]) == ("未通过", "昵称不合适")
    assert copy.one("登录设备")["登录时间"] == "2031年3月3日 08:00"
    looks = {row["做了什么"]: row for row in copy.sheets["谁看过我的信息"]}
    assert (looks["查看报到申请"]["组织"], looks["查看报到申请"]["由谁"]) == ("塔山社区", "他人")
    assert "申请党员报到" not in looks
    acts = {row["做了什么"] for row in copy.sheets["我的操作记录"]}
    assert {"申请党员报到", "下载个人信息副本"} <= acts

    rows = {row["工作表"]: row["行数"] for row in copy.sheets["说明"]}
    empty = [name for name in copy.sheets if name != "说明" and not rows[name]]
    assert empty == [], "the test's cast lacks something, or a sheet looks for it in the wrong place"


async def test_nobody_elses_data_are_in_it(cast: tuple[Api, Api, Api]) -> None:
    me, other, staff = cast
    copy = await copy_of(me)
    for text in (
        *("赵外人", "13911112222", "和平里", "13922223333", "钱工作", "13733334444"),
        *(other.person_id, staff.person_id, me.token),
        *("别人的支部", "旁人的进展", "别人的病情", "邻居的报告", "李小宝", "还没查过的话"),
    ):
        assert not copy.holds(text), text
    theirs = await copy_of(other)
    for text in ("13812345678", "有糖尿病", "幸福路", "13898765432", "李敏", "医生很耐心"):
        assert not theirs.holds(text), text
    assert theirs.facts()["真实姓名"] == "赵外人"


async def test_nothing_of_it_is_left_of_somebody_who_cancelled(cast: tuple[Api, Api, Api]) -> None:
    me, other, _ = cast
    theirs = (await copy_of(other)).cells
    await RoleGrant.filter(person_id=me.person_id).update(ended_at=clock.now())
    await me.post("/me/cancellation", expect=204)
    left = Copy((await personal_data.copy_personal_data(me.person_id)).content)
    private = (
        "李敏",
        "小敏",
        "李小宝",
        "13812345678",
        "13898765432",
        "幸福路",
        "阳光花园",
        "收音机",
        "一切都好",
        "太感谢了",
    )
    found = {word for word in private for cell in left.cells if word in str(cell)}
    assert found == set()
    # The ledger and what was decided stay.
    assert left.sheets["服务记录与积分"]
    assert left.sheets["报到"]
    changed = set(map(str, theirs)) - set(map(str, (await copy_of(other)).cells))
    assert not any("赵外人" in cell or "和平里" in cell for cell in changed)


async def test_somebody_new_gets_every_sheet(api: Api) -> None:
    community = await create_community()
    copy = await copy_of(await sign_in(api, await create_person(community=community)))
    assert set(IN_SHEET.values()) <= set(copy.sheets)
    assert list(copy.sheets) == ["说明", *personal_data.ORDER]
    assert len(copy.sheets["登录设备"]) == 1
    assert copy.sheets["党员信息"] == []


async def test_a_long_sheet_has_the_latest_rows(cast: tuple[Api, Api, Api], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personal_data, "MOST_ROWS", 1)
    copy = await copy_of(cast[0])
    assert copy.one("我的操作记录")["做了什么"] == "下载个人信息副本"
    about = {row["工作表"]: row for row in copy.sheets["说明"]}["我的操作记录"]
    assert (about["行数"], about["说明"]) == (1, "只含最近 1 行")


async def test_a_formula_stays_a_text(cast: tuple[Api, Api, Api]) -> None:
    copy = await copy_of(cast[0])
    title = next(cell for cell in copy.cells if cell.value == "=1+1 想要收音机")
    assert (title.data_type, title.quotePrefix) == ("s", True)
    assert not [cell for cell in copy.cells if cell.data_type == "f"]


async def test_one_has_to_be_signed_in(api: Api) -> None:
    await api.refused("GET", PATH, code="not_signed_in")


async def test_three_a_day_and_each_is_audited(api: Api) -> None:
    person = await create_person(community=await create_community())
    me, neighbour = await sign_in(api, person), await sign_in(api, await create_person())
    start = clock.now()
    for hours in range(3):
        clock.move_clock(timedelta(hours=hours))
        await copy_of(me)
    problem = await me.refused("GET", PATH, code="too_many_requests")
    assert abs((clock.shanghai(start) + timedelta(days=1)).timestamp() - _moment(problem["retry_at"])) < 60
    assert "每天最多下载 3 次" in problem["detail"]
    await copy_of(neighbour)
    entries = await AuditEntry.filter(action="copy_personal_data", person_id=me.person_id)
    assert len(entries) == 3
    assert {(entry.actor_id, entry.organization_id) for entry in entries} == {(me.person_id, person.community_id)}
    clock.move_clock(timedelta(days=1, minutes=1))
    await copy_of(me)
    await me.refused("GET", PATH, code="too_many_requests")


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


async def test_many_taps_at_once_give_three(api: Api) -> None:
    me = await sign_in(api, await create_person(community=await create_community()))
    answers = await asyncio.gather(*(me.send("GET", PATH) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 429, 429]


async def test_it_is_of_one_moment_and_writes_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    me = await sign_in(api, await create_person(nickname="从前", community=await create_community()))
    seen = []

    async def read(rows: Sequence[Any]) -> Sequence[Any]:
        seen.append(rows[0]["nickname"])
        return rows

    async def meanwhile(rows: Sequence[Any]) -> Sequence[Any]:
        profile = await asyncio.create_task(_rename(me), context=outside)
        assert profile["nickname"] == "如今"
        return rows

    outside = contextvars.copy_context()
    sheets = [
        Copied("家人", "SELECT nickname FROM person WHERE id = $1", Shown("昵称", "nickname"), complete=complete)
        for complete in (read, meanwhile, read)
    ]
    monkeypatch.setattr(personal_data, "SHEETS", sheets)
    await copy_of(me)
    assert seen == ["从前", "从前"]


async def _rename(me: Api) -> Any:
    return await me.patch("/me", {"version": (await me.get("/me"))["version"], "nickname": "如今"})


async def test_a_merged_person_is_in_it(api: Api) -> None:
    community = await create_community()
    me = await create_resident_in_clear(api, community, "小敏", "李敏", "13812345678", "")
    old = await create_person(community=community, nickname="名册上的李敏")
    await save_details(old.id, real_name="李敏", phone="13800009999")
    await merge_persons(old.id, me.person_id, actor_id=None)
    copy = await copy_of(me)
    assert copy.holds("13800009999")
    assert copy.holds("名册上的李敏")


async def test_logs_hold_nothing_of_it(cast: tuple[Api, Api, Api], settings: Settings) -> None:
    stream = io.StringIO()
    try:
        with contextlib.redirect_stderr(stream):
            configure_logs(msgspec.structs.replace(settings, log_level="debug"))
        await copy_of(cast[0])
        await asyncio.sleep(0)  # The lines of a turn of the loop are written at its end.
    finally:
        configure_logs(settings)
    written = stream.getvalue()
    assert "copy_personal_data" in written
    for text in ("李敏", "13812345678", "幸福路", "糖尿病"):
        assert text not in written
    assert "李" not in repr(File("副本.xlsx", "李敏".encode()))


# ---- nothing is forgotten ----


def models() -> Iterator[type[Model]]:
    for name in MODEL_MODULES:
        for kind in vars(importlib.import_module(name)).values():
            if isinstance(kind, type) and issubclass(kind, Model) and kind.__module__ == name and kind._meta.db_table:
                yield kind


async def test_every_table_is_in_a_sheet_or_has_a_reason(app: object) -> None:
    tables = {kind._meta.db_table for kind in models() if not kind._meta.abstract}
    assert tables - set(IN_SHEET) - set(IN_NONE) == set(), "say in which sheet it is, or why it is in none"
    assert (set(IN_SHEET) | set(IN_NONE)) - tables == set()
    assert not set(IN_SHEET) & set(IN_NONE)


async def test_every_column_that_may_name_a_person_is_known(app: object) -> None:
    unknown, used = [], set()
    for kind in models():
        keys = kind._meta.fk_fields | kind._meta.o2o_fields
        for name, field in kind._meta.fields_map.items():
            if name in keys:
                if getattr(field, "model_name", "") != "linli.Person":
                    continue
                column = f"{name}_id"
            elif isinstance(field, IdField) and name != "id" and name.removesuffix("_id") not in keys:
                column = name
            else:
                continue
            used.add(column)
            if column not in THE_PERSON | OTHERS | THINGS:
                unknown.append(f"{kind._meta.db_table}.{column}")
            if column in THE_PERSON - {"by_id", "leader_id"} and kind._meta.db_table in IN_NONE:
                assert kind._meta.db_table == "idempotency_key", kind
    assert not unknown, "say whether it names the person whose row it is, somebody else, or a thing"
    assert not (THE_PERSON | OTHERS | THINGS) - used


def recorded_actions() -> set[str]:
    """The actions that the program writes, read from its source: what functions are given as their `action`."""
    trees = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "server").rglob("*.py"))}
    takers = {path: dict(_taking_actions(tree)) for path, tree in trees.items()}
    everywhere = {name: place for known in takers.values() for name, place in known.items() if name[0] != "_"}
    found = set()
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            place = (everywhere | takers[path]).get(getattr(node.func, "id", getattr(node.func, "attr", "")))
            if place is not None and len(node.args) > place:
                found |= set(_texts_of(node.args[place]))
    return found


def _taking_actions(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions with a parameter `action` that is a text, and its place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef):
            for place, argument in enumerate(node.args.args):
                if argument.arg == "action" and argument.annotation and "str" in ast.unparse(argument.annotation):
                    yield node.name, place


def _texts_of(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str) and re.fullmatch("[a-z_]+", part.value):
            yield part.value


def test_every_audited_action_has_a_chinese_name() -> None:
    recorded = recorded_actions()
    assert {"view_member", "grant_role", "approve_booking", "book_walk_in", "end_check_in"} <= recorded
    # What is put together is known by its ends: `accept` or `decline`, and `_transfer`.
    unnamed = [
        text
        for text in recorded - set(ACTION_WORDS)
        if not any(known.startswith(f"{text}_") or (text[0] == "_" and known.endswith(text)) for known in ACTION_WORDS)
    ]
    assert unnamed == []
