"""From the plan to the public result: invited with notice, topics, quorum, minutes that another approves, and
resolutions that stand on top of the next agenda until they are done."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from server.co_building.meetings import members, resolutions
from server.co_building.meetings.models import MeetingMember, MeetingResolution
from server.foundation import clock
from server.foundation.database import IntegrityError, execute, transaction
from server.foundation.errors import WrongState
from server.foundation.ids import new_id
from server.organizations.models import Level, RoleKind
from tests.builders import create_organization, create_resident, create_staff, move_clock_to, told
from tests.clients import Api
from tests.held import while_held

NOW = datetime(2031, 5, 5, 9, tzinfo=clock.SHANGHAI)


@pytest.fixture(autouse=True)
def then(app: object) -> None:
    move_clock_to(NOW)


class Place:
    """A community with a unit and two residents in its joint meeting, beside another community."""

    async def build(self, api: Api) -> "Place":
        self.street = await create_organization(Level.SUBDISTRICT)
        self.here = await create_organization(Level.COMMUNITY, parent=self.street, name="幸福社区")
        self.there = await create_organization(Level.COMMUNITY, parent=self.street)
        self.unit = await create_organization(Level.UNIT, parent=self.here, name="海风医院")
        self.staff = await create_staff(api, self.here)
        self.second = await create_staff(api, self.here)
        self.elsewhere = await create_staff(api, self.there)
        self.liaison = await create_staff(api, self.unit, RoleKind.LIAISON)
        self.owner = await create_resident(api, self.here)
        self.resident = await create_resident(api, self.here)
        self.bystander = await create_resident(api, self.here)
        self.members = {}
        for name, who in (
            ("unit", {"kind": "unit", "title": "海风医院", "unit_id": self.unit.id}),
            ("owner", {"kind": "owners_committee", "title": "业委会主任", "person_id": self.owner.person_id}),
            ("resident", {"kind": "resident", "title": "居民代表", "person_id": self.resident.person_id}),
        ):
            made = await self.staff.post("/staff/meeting-members", self.seat(**who), expect=201)
            self.members[name] = made["id"]
        return self

    def seat(self, **other: Any) -> dict[str, Any]:
        return {"organization_id": self.here.id, "starts_on": "2031-01-01", **other}

    def plan(self, days: int = 5, **other: Any) -> dict[str, Any]:
        at = clock.now() + timedelta(days=days)
        return {
            "organization_id": self.here.id,
            "title": "第二季度联席会议",
            "place": "党群服务中心",
            "starts_at": at.isoformat(),
            "topics_until": (at - timedelta(days=1)).isoformat(),
            **other,
        }

    async def planned(self, **other: Any) -> str:
        made = await self.staff.post("/staff/meetings", self.plan(**other), expect=201)
        return str(made["id"])

    async def invited(self) -> str:
        meeting = await self.planned()
        await self.staff.post(f"/staff/meetings/{meeting}/invite")
        return meeting

    async def opened(self) -> str:
        """With the unit and the owners' committee there."""
        meeting = await self.invited()
        move_clock_to(clock.now() + timedelta(days=5))
        await self.attend(meeting, "unit", "owner")
        await self.staff.post(f"/staff/meetings/{meeting}/open")
        return meeting

    async def attend(self, meeting: str, *names: str) -> Any:
        return await self.staff.put(
            f"/staff/meetings/{meeting}/attendance", {"member_ids": [self.members[name] for name in names]}
        )

    async def resolved(self, meeting: str, **other: Any) -> str:
        body = {"text": "加装三处路灯", "due_on": "2031-05-20", "owner_id": self.members["unit"], **other}
        made = await self.staff.post(f"/staff/meetings/{meeting}/resolutions", body, expect=201)
        return str(made["id"])


async def test_members_are_units_or_people(api: Api) -> None:
    at = await Place().build(api)
    path = "/staff/meeting-members"
    listed = await at.staff.get(path, organization_id=at.here.id)
    assert [(each["title"], each["unit_name"], each["in_term"]) for each in listed] == [
        ("海风医院", "海风医院", True),
        ("业委会主任", None, True),
        ("居民代表", None, True),
    ]
    await at.elsewhere.refused("GET", f"{path}?organization_id={at.here.id}", code="not_allowed")
    again = at.seat(kind="unit", title="海风医院", unit_id=at.unit.id)
    await at.staff.refused("POST", path, again, code="already_meeting_member")
    await at.elsewhere.refused("POST", path, again, code="not_allowed")
    for wrong in (
        {"kind": "unit", "title": "x"},
        {"kind": "unit", "title": "x", "unit_id": at.there.id},
        {"kind": "resident", "title": "x", "unit_id": at.unit.id},
        {"kind": "resident", "title": "x", "person_id": new_id()},
        {"kind": "resident", "title": "x", "person_id": at.bystander.person_id, "ends_on": "2030-01-01"},
        {"kind": "unit", "title": "x", "unit_id": at.unit.id, "organization_id": at.unit.id},
    ):  # the last: only communities and subdistricts have one
        await at.staff.refused("POST", path, at.seat(**wrong), code="invalid_fields")
    gone = at.members["resident"]
    await at.elsewhere.refused("POST", f"{path}/{gone}/end", code="not_allowed")
    await at.staff.refused("POST", f"{path}/{new_id()}/end", code="not_found")
    await at.staff.post(f"{path}/{gone}/end")
    await at.staff.refused("POST", f"{path}/{gone}/end", code="wrong_state")
    meeting = await at.invited()
    # Whose term is over is not invited, and does not know of it.
    assert len((await at.staff.get(f"/meetings/{meeting}"))["members"]) == 2
    assert "meeting_invited" not in await told(at.resident)
    await at.resident.refused("GET", f"/meetings/{meeting}", code="not_found")


async def test_members_are_invited_with_notice(api: Api) -> None:
    at = await Place().build(api)
    wrong: Any
    for wrong in (
        {"starts_at": (NOW - timedelta(days=1)).isoformat(), "topics_until": (NOW - timedelta(days=2)).isoformat()},
        {"topics_until": (NOW + timedelta(days=6)).isoformat()},
    ):
        await at.staff.refused("POST", "/staff/meetings", at.plan(**wrong), code="invalid_fields")
    await at.elsewhere.refused("POST", "/staff/meetings", at.plan(), code="not_allowed")
    soon = await at.planned(days=2)
    await at.staff.refused("POST", f"/staff/meetings/{soon}/invite", code="wrong_state")
    # What is planned is the staff's alone.
    await at.liaison.refused("GET", f"/meetings/{soon}", code="not_found")
    await at.staff.refused("POST", f"/staff/meetings/{soon}/cancel", {"reason": " "}, code="invalid_fields")
    cancelled = await at.staff.post(f"/staff/meetings/{soon}/cancel", {"reason": "时间冲突"})
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "时间冲突")
    meeting = await at.planned()
    await at.elsewhere.refused("POST", f"/staff/meetings/{meeting}/invite", code="not_allowed")
    shown = await at.staff.post(f"/staff/meetings/{meeting}/invite")
    assert (shown["state"], shown["quorum"], len(shown["members"])) == ("invited", 2, 3)
    await at.staff.refused("POST", f"/staff/meetings/{meeting}/invite", code="wrong_state")
    for who in (at.liaison, at.owner, at.resident):
        assert await told(who) == ["meeting_invited"]
    assert await told(at.bystander) == []
    assert [each["id"] for each in (await at.liaison.get("/meetings"))["items"]] == [meeting]
    assert (await at.bystander.get("/meetings"))["items"] == []
    listed = await at.staff.get("/staff/meetings", organization_id=at.here.id)
    assert [each["id"] for each in listed["items"]] == [meeting, soon]
    await at.elsewhere.refused("GET", f"/staff/meetings?organization_id={at.here.id}", code="not_allowed")
    # A liaison answers for the unit.
    await at.bystander.refused("PUT", f"/meetings/{meeting}/answer", {"is_coming": True}, code="not_found")
    answered = await at.liaison.put(f"/meetings/{meeting}/answer", {"is_coming": False, "reason": "值班"})
    assert [(each["title"], each["is_coming"], each["reason"]) for each in answered["members"]] == [
        ("海风医院", False, "值班"),
        ("业委会主任", None, ""),
        ("居民代表", None, ""),
    ]
    for who, reason in ((at.staff, "值班"), (at.owner, "")):
        assert (await who.get(f"/meetings/{meeting}"))["members"][0]["reason"] == reason
    await at.staff.post(f"/staff/meetings/{meeting}/cancel", {"reason": "台风"})
    assert (await told(at.owner))[-1] == "meeting_cancelled"
    await at.liaison.refused("PUT", f"/meetings/{meeting}/answer", {"is_coming": True}, code="wrong_state")


async def test_topics_are_asked_for_in_advance(api: Api) -> None:
    at = await Place().build(api)
    meeting = await at.planned()
    path = f"/meetings/{meeting}/topics"
    await at.staff.post(path, {"title": "路灯"})
    await at.owner.refused("POST", path, {"title": "停车"}, code="not_found")
    await at.staff.post(f"/staff/meetings/{meeting}/invite")
    await at.bystander.refused("POST", path, {"title": "停车"}, code="not_found")
    await at.staff.refused("POST", f"/meetings/{new_id()}/topics", {"title": "停车"}, code="not_found")
    await at.owner.post(path, {"title": "停车", "text": "夜里没有车位"})
    await at.resident.post(path, {"title": "遛狗"})
    assert (await told(at.staff)).count("meeting_topic_proposed") == 2
    desk = await at.staff.get("/staff/desk/items", kind="meeting_topic")
    assert len(desk["items"]) == 2
    agenda = (await at.staff.get(f"/meetings/{meeting}"))["agenda"]
    assert [(each["title"], each["proposed_by"], each["state"]) for each in agenda] == [
        ("路灯", "", "accepted"),
        ("停车", "业委会主任", "proposed"),
        ("遛狗", "居民代表", "proposed"),
    ]
    # What staff have not read is nobody else's.
    for who, seen in ((at.owner, ["路灯", "停车"]), (at.resident, ["路灯", "遛狗"]), (at.liaison, ["路灯"])):
        assert [each["title"] for each in (await who.get(f"/meetings/{meeting}"))["agenda"]] == seen
    parking, dogs = (f"/staff/meeting-topics/{each['topic_id']}/decide" for each in agenda[1:])
    await at.elsewhere.refused("POST", parking, {"accepted": True}, code="not_allowed")
    await at.staff.refused("POST", dogs, {"accepted": False}, code="invalid_fields")
    await at.staff.refused("POST", f"/staff/meeting-topics/{new_id()}/decide", {"accepted": True}, code="not_found")
    await at.staff.post(parking, {"accepted": True})
    await at.attend(meeting, "unit", "owner")
    move_clock_to(NOW + timedelta(days=4, hours=1))
    await at.owner.refused("POST", path, {"title": "太晚"}, code="wrong_state")
    move_clock_to(NOW + timedelta(days=5))
    # Nothing that somebody proposed is left unanswered.
    await at.staff.refused("POST", f"/staff/meetings/{meeting}/open", code="wrong_state")
    declined = await at.staff.post(dogs, {"accepted": False, "reason": "另行办理"})
    assert [(each["state"], each["reason"]) for each in declined["agenda"]][2] == ("declined", "另行办理")
    await at.staff.refused("POST", parking, {"accepted": True}, code="wrong_state")
    assert (await told(at.resident))[-1] == "meeting_topic_decided"
    await at.staff.post(f"/staff/meetings/{meeting}/open")
    await at.staff.refused("POST", path, {"title": "临时"}, code="wrong_state")
    await at.owner.refused("POST", path, {"title": "临时"}, code="wrong_state")


async def test_a_quorum_opens_and_another_approves_the_minutes(api: Api) -> None:
    at = await Place().build(api)
    meeting = await at.invited()
    path = f"/staff/meetings/{meeting}"
    await at.attend(meeting, "unit", "owner")
    await at.staff.refused("POST", f"{path}/open", code="wrong_state")
    move_clock_to(NOW + timedelta(days=5))
    await at.attend(meeting, "unit")
    await at.staff.refused("POST", f"{path}/open", code="wrong_state")
    await at.staff.refused("PUT", f"{path}/attendance", {"member_ids": [new_id()]}, code="invalid_fields")
    await at.elsewhere.refused("PUT", f"{path}/attendance", {"member_ids": []}, code="not_allowed")
    await at.attend(meeting, "unit", "resident")
    opened = await at.staff.post(f"{path}/open")
    assert (opened["state"], opened["attending"]) == ("open", 2)
    await at.staff.refused("POST", f"{path}/open", code="wrong_state")
    await at.staff.refused("PUT", f"{path}/attendance", {"member_ids": []}, code="wrong_state")
    await at.staff.refused("POST", f"{path}/cancel", {"reason": "x"}, code="wrong_state")
    await at.second.refused("POST", f"{path}/approve", {"number": 1}, code="wrong_state")
    await at.staff.post(f"{path}/minutes", {"text": "一稿"})
    await at.staff.post(f"{path}/minutes", {"text": "二稿"})
    assert (await at.liaison.get(f"/meetings/{meeting}"))["minutes_versions"] == []
    await at.second.refused("POST", f"{path}/approve", {"number": 1}, code="edited_meanwhile")
    await at.staff.refused("POST", f"{path}/approve", {"number": 2}, code="own_matter")
    closed = await at.second.post(f"{path}/approve", {"number": 2})
    assert closed["state"] == "closed"
    assert [(each["number"], each["text"], bool(each["approved_at"])) for each in closed["minutes_versions"]] == [
        (2, "二稿", True),
        (1, "一稿", False),
    ]
    assert [each["text"] for each in (await at.liaison.get(f"/meetings/{meeting}"))["minutes_versions"]] == ["二稿"]
    assert (await told(at.owner))[-1] == "meeting_closed"
    await at.staff.refused("POST", f"{path}/minutes", {"text": "三稿"}, code="wrong_state")


async def test_what_is_overdue_stands_on_top_of_the_next_agenda_until_it_is_done(api: Api) -> None:
    at = await Place().build(api)
    first = await at.opened()
    for wrong in ({"due_on": "2031-05-01"}, {"owner_id": new_id()}):
        body = {"text": "装灯", "due_on": "2031-05-20", **wrong}
        await at.staff.refused("POST", f"/staff/meetings/{first}/resolutions", body, code="invalid_fields")
    resolution, own = await at.resolved(first), await at.resolved(first, text="公示车位", owner_id=None)
    assert (await told(at.liaison))[-1] == "meeting_resolved"
    await at.staff.post(f"/staff/meetings/{first}/minutes", {"text": "纪要"})
    await at.second.post(f"/staff/meetings/{first}/approve", {"number": 1})
    body = {"text": "装灯", "due_on": "2031-05-20"}
    await at.staff.refused("POST", f"/staff/meetings/{first}/resolutions", body, code="wrong_state")
    # The organization's own is done in time.
    await at.liaison.refused("POST", f"/meeting-resolutions/{own}/report", {"result": "x"}, code="not_found")
    await at.staff.post(f"/meeting-resolutions/{own}/report", {"result": "已公示"})
    await at.staff.post(f"/staff/meeting-resolutions/{own}/publish")
    # The unit's is not.
    assert (await at.staff.get("/staff/desk/items", kind="meeting_resolution_overdue"))["items"] == []
    move_clock_to(datetime(2031, 5, 21, 9, tzinfo=clock.SHANGHAI))
    (waits,) = (await at.staff.get("/staff/desk/items", kind="meeting_resolution_overdue"))["items"]
    assert (waits["id"], waits["title"], waits["overdue"]) == (resolution, "加装三处路灯", True)
    second = await at.planned()
    await at.staff.post(f"/meetings/{second}/topics", {"title": "新议题"})
    shown = await at.staff.post(f"/staff/meetings/{second}/invite")
    top = [(None, "新议题")]
    assert [(each["resolution_id"], each["title"]) for each in shown["agenda"]][1:] == top
    assert shown["agenda"][0]["resolution_id"] == resolution
    move_clock_to(clock.now() + timedelta(days=5))
    await at.attend(second, "unit", "owner", "resident")
    opened = await at.staff.post(f"/staff/meetings/{second}/open")
    assert [each["resolution_id"] for each in opened["agenda"]] == [resolution, None]
    await at.staff.refused(
        "POST",
        f"/staff/meeting-topics/{opened['agenda'][0]['topic_id']}/decide",
        {"accepted": False, "reason": "x"},
        code="not_found",
    )
    await at.staff.post(f"/staff/meetings/{second}/minutes", {"text": "纪要"})
    await at.second.refused("POST", f"/staff/meetings/{second}/approve", {"number": 1}, code="wrong_state")
    path = f"/staff/meeting-resolutions/{resolution}"
    for wrong_day in ("2031-05-20", "2031-05-22"):
        await at.staff.refused("POST", f"{path}/extend", {"due_on": wrong_day, "reason": "x"}, code="invalid_fields")
    await at.elsewhere.refused("POST", f"{path}/extend", {"due_on": "2031-06-20", "reason": "x"}, code="not_allowed")
    await at.staff.post(f"{path}/extend", {"due_on": "2031-06-20", "reason": "等材料"})
    assert (await told(at.liaison))[-1] == "meeting_resolution_extended"
    await at.second.post(f"/staff/meetings/{second}/approve", {"number": 1})
    # The owner reports, staff look, and residents read it.
    report = f"/meeting-resolutions/{resolution}/report"
    for nobody in (at.owner, at.staff):
        await nobody.refused("POST", report, {"result": "已装"}, code="not_found")
    await at.staff.refused("POST", f"{path}/publish", code="wrong_state")
    await at.liaison.post(report, {"result": "已装两处"})
    await at.liaison.refused("POST", report, {"result": "已装"}, code="wrong_state")
    assert len((await at.staff.get("/staff/desk/items", kind="meeting_resolution_reported"))["items"]) == 1
    await at.elsewhere.refused("POST", f"{path}/send-back", {"reason": "x"}, code="not_allowed")
    await at.staff.post(f"{path}/send-back", {"reason": "少一处"})
    assert (await told(at.liaison))[-1] == "meeting_resolution_sent_back"
    await at.staff.refused("POST", f"{path}/send-back", {"reason": "x"}, code="wrong_state")
    await at.liaison.post(report, {"result": "三处全部装好"})
    await at.bystander.refused("GET", f"/meeting-resolutions/{resolution}", code="not_found")
    for who, result in ((at.owner, ""), (at.liaison, "三处全部装好"), (at.staff, "三处全部装好")):
        seen = await who.get(f"/meeting-resolutions/{resolution}")
        assert (seen["state"], seen["result"], seen["steps"][-1]["words"]) == ("reported", result, result)
        meeting = await who.get(f"/meetings/{first}")
        assert [each["result"] for each in meeting["resolutions"]] == [result, "已公示"]
    await at.elsewhere.refused("POST", f"{path}/publish", code="not_allowed")
    await at.staff.post(f"{path}/publish")
    await at.staff.refused("POST", f"{path}/extend", {"due_on": "2031-07-20", "reason": "x"}, code="wrong_state")
    await at.staff.refused("POST", f"/staff/meeting-resolutions/{new_id()}/publish", code="not_found")
    shown = await at.bystander.get(f"/meeting-resolutions/{resolution}")
    assert (shown["result"], shown["owner_name"], shown["overdue"]) == ("三处全部装好", "海风医院", False)
    assert [(each["action"], each["words"], each["due_from"], each["due_to"]) for each in shown["steps"]] == [
        ("pass_resolution", "", None, "2031-05-20"),
        ("extend_resolution", "等材料", "2031-05-20", "2031-06-20"),
        ("report_resolution", "已装两处", None, "2031-06-20"),
        ("send_back_resolution", "少一处", None, "2031-06-20"),
        ("report_resolution", "三处全部装好", None, "2031-06-20"),
        ("publish_resolution", "", None, "2031-06-20"),
    ]
    public = await at.bystander.get("/meeting-resolutions", organization_id=at.here.id)
    assert [each["id"] for each in public["items"]] == [own, resolution]
    listed = await at.staff.get("/staff/meeting-resolutions", organization_id=at.here.id, state="public")
    assert len(listed["items"]) == 2
    await at.elsewhere.refused("GET", f"/staff/meeting-resolutions?organization_id={at.here.id}", code="not_allowed")


async def test_history_stays_whoever_asks_the_database(api: Api) -> None:
    at = await Place().build(api)
    resolution = await at.resolved(await at.opened())
    for sql in (
        "UPDATE meeting_resolution_step SET words = 'x' WHERE resolution_id = $1",
        "DELETE FROM meeting_resolution_step WHERE resolution_id = $1",
        "DELETE FROM meeting_resolution WHERE id = $1",
    ):
        with pytest.raises(IntegrityError):
            await execute(sql, resolution)


async def test_two_who_publish_and_send_back_at_once(api: Api) -> None:
    at = await Place().build(api)
    resolution = await at.resolved(await at.opened())
    await at.liaison.post(f"/meeting-resolutions/{resolution}/report", {"result": "已装"})
    with pytest.raises(WrongState):
        await while_held(
            lambda: resolutions.publish_resolution(at.staff.person_id, resolution),
            lambda: resolutions.send_back_resolution(at.second.person_id, resolution, "少一处"),
        )
    assert (await MeetingResolution.get(id=resolution)).state == "public"


async def test_seats_move_and_end_with_those_who_have_them(api: Api) -> None:
    at = await Place().build(api)
    meeting = await at.opened()
    successor = await create_organization(Level.UNIT, parent=at.here)
    manager = await create_staff(api, at.street, RoleKind.MANAGER)
    await manager.post(f"/staff/organizations/{at.unit.id}/close", {"version": 1, "successor_id": successor.id})
    assert (await MeetingMember.get(id=at.members["unit"])).unit_id == successor.id
    await manager.post(f"/staff/organizations/{successor.id}/close", {"version": 1})
    assert (await MeetingMember.get(id=at.members["unit"])).ended_at
    await manager.post(f"/staff/organizations/{at.here.id}/close", {"version": 1, "successor_id": at.there.id})
    assert (await at.elsewhere.get(f"/meetings/{meeting}"))["organization_id"] == at.there.id
    assert (await MeetingMember.get(id=at.members["owner"])).organization_id == at.there.id


async def test_one_person_has_one_seat_and_leaves_none(api: Api) -> None:
    at = await Place().build(api)
    async with transaction():
        await members.move_meeting_members(at.owner.person_id, at.resident.person_id)
    # Both had a seat: one of them ends.
    assert (await MeetingMember.get(id=at.members["owner"])).ended_at
    assert not (await MeetingMember.get(id=at.members["resident"])).ended_at
    assert await MeetingMember.filter(person_id=at.resident.person_id).count() == 2
    async with transaction():
        await members.erase_meeting_members_of(at.resident.person_id)
    assert await MeetingMember.filter(person_id=at.resident.person_id).count() == 0
    assert not (await MeetingMember.get(id=at.members["unit"])).ended_at
