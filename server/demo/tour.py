"""The tour: the main job, played against a running server over HTTP, with the simulator as WeChat.

Each step prints its requests, their answers and what they show. It fails at the first thing that is not as it should
be. The demo's staff must be there (`city.PEOPLE`); everybody else is new each time, so it can be played again.
"""

import sys
from datetime import datetime, timedelta
from typing import Any

import httpx

from server.demo.stage import Person, Stage, TourFailed
from server.foundation import clock
from server.foundation.http import PROBLEM_TYPE
from server.foundation.settings import Settings
from server.media.drawing.qr import draw_qr


class Tour(Stage):
    """One play of the tour."""

    async def play(self) -> None:
        """All steps. Raises TourFailed."""
        staff, manager = Person(self, "staff 小林", "demo-staff"), Person(self, "manager 小陈", "demo-manager")
        self.step("A resident signs in, gives the phone number and chooses a community")
        for person in (staff, manager):
            await person.sign_in()
        community_id = (await staff.get("/me"))["roles"][0]["organization_id"]
        resident = await self._arrive(community_id)
        member = await self._check_in(community_id, staff)
        await self._wish(resident, member, staff)
        await self._volunteer(community_id, resident, member, staff, manager)
        await self._book(community_id, resident)
        self.step("Every step left a message")
        inbox = await resident.get("/me/inbox", limit=50)
        self.expect(inbox["unread"] >= 6, f"{resident.name} has {inbox['unread']} unread messages")
        read = await resident.post("/me/inbox/read-all")
        self.expect(read["count"] == inbox["unread"], "and reads them")
        await self._leave(community_id)

    async def _arrive(self, community_id: str) -> Person:
        resident = await self.newcomer("李阿姨")
        await resident.put("/me/details", {"real_name": "李秀英", "address": "统一路 88 号 3 单元 501"})
        me = await resident.put("/me/community", {"community_id": community_id})
        self.expect(me["community"]["id"] == community_id, f"belongs to {me['community']['name']}")
        await resident.accept("review_result", "wish_progress", "booking_notice")
        return resident

    async def _leave(self, community_id: str) -> None:
        self.step("A resident takes a copy of their data, corrects them, takes a consent back, and leaves for good")
        leaver = await self.newcomer("周先生")
        await leaver.put("/me/community", {"community_id": community_id})
        await leaver.put("/me/details", {"real_name": "周大伟", "address": "统一路 66 号 1 单元 101"})
        copy = await leaver.get("/me/personal-data")
        self.expect(copy.endswith("bytes"), "a workbook with all that is known")
        me = await leaver.put("/me/details", {"real_name": "周伟"})
        self.expect(me["real_name"] == "周*", "the name is corrected")
        follows = await leaver.get("/me/consents/sensitive_data/withdrawal")
        self.say(follows["follows"])
        await self.call(leaver, "DELETE", "/me/consents/sensitive_data")
        self.expect((await leaver.get("/me"))["address"] == "", "the address is forgotten")
        await leaver.post(
            "/wishes", {"kind": "thing", "audience": "elderly", "title": "想要一把轮椅", "text": "借用即可"}
        )
        leaving = await leaver.get("/me/cancellation")
        self.expect([each["kind"] for each in leaving["matters"]] == ["wish"], "what is open is told before")
        await self.call(leaver, "POST", "/me/cancellation", status=204)
        await self.refused(leaver, "GET", "/me", None, "not_signed_in", within=2.0)

    async def _check_in(self, community_id: str, staff: Person) -> Person:
        self.step("An in-service member checks in; staff confirm; the member takes a post")
        member = await self.newcomer("王老师")
        await member.put("/me/details", {"real_name": "王敏"})
        await member.put("/me/community", {"community_id": community_id})
        await member.agree("membership_data", "volunteer_terms")
        await member.accept("review_result", "activity_reminder", "place_free")
        found = await member.get("/party-organizations", name="教育局")
        application = {
            "community_id": community_id,
            "home_organization_id": found["items"][0]["id"],
            "residence": {"estate": "统一花园", "building": "2号楼"},
            "skills": ["书法"],
            "willing": ["环境整治"],
        }
        check_in = await member.post("/check-ins", application, status=201)
        await self.refused(member, "POST", "/check-ins", application, "check_in_pending")
        desk = await staff.get("/staff/desk")
        self.expect(
            any(item["kind"] == "check_in" for item in desk["items"]), "it waits on the staff's desk, with all the rest"
        )
        detail = await staff.get(f"/staff/check-ins/{check_in['id']}")
        self.expect(detail["real_name"] == "王敏", "staff see the name, and that they looked is in the audit log")
        grids = await staff.get(f"/organizations/{community_id}/children", level="grid")
        await staff.post(f"/staff/check-ins/{check_in['id']}/confirm", {"grid_id": grids["items"][0]["id"]})
        active = (await member.get("/me/check-ins"))["active"]
        self.expect(active["state"] == "confirmed", f"checked in, in {active['grid_name']}")
        await member.told("报到成功")
        await member.told_on_wechat("review_result")
        post = (await member.get(f"/communities/{community_id}/posts"))["items"][0]
        holding = await member.post(f"/posts/{post['id']}/apply", status=201)
        opened = await self._make_room(staff, post)
        await staff.post(f"/staff/post-holdings/{holding['id']}/approve")
        mine = (await member.get("/me/posts"))[0]
        self.expect(mine["state"] == "held", f"holds the post {mine['title']}{opened}")
        await member.told("岗位申请已通过")
        return member

    async def _make_room(self, staff: Person, post: dict[str, Any]) -> str:
        """The post may be full of earlier tours' members."""
        if post["free_places"] > 0:
            return ""
        await staff.put(
            f"/staff/posts/{post['id']}",
            {
                "title": post["title"],
                "duties": post["duties"],
                "places": post["places"] + 5,
                "term_ends_on": post["term_ends_on"],
                "version": post["version"],
            },
        )
        return " (after staff raised its number)"

    async def _wish(self, resident: Person, member: Person, staff: Person) -> None:
        self.step("A wish: posted, checked, published, claimed, reported done with a photo, confirmed and rated")
        community_id = (await resident.get("/me"))["community"]["id"]
        day = (clock.shanghai(await self.now()) + timedelta(days=20)).date()
        wish = await resident.post(
            "/wishes",
            {
                "title": "想要一把轮椅坐垫",
                "text": "母亲坐轮椅，旧坐垫坏了，想要一个软一点的。",
                "kind": "thing",
                "audience": "elderly",
                "wished_by": day.isoformat(),
                "place": "统一路附近",
                "address": "统一路 88 号 3 单元 501",
            },
            status=201,
        )
        path = f"/wishes/{wish['id']}"
        await resident.post(f"{path}/submit")

        async def has_passed() -> bool:
            queue = await self.call(
                staff, "GET", "/staff/wishes/review", query={"organization_id": community_id, "limit": 100}, quiet=True
            )
            return any(item["wish"]["id"] == wish["id"] and item["verdict"] == "passed" for item in queue["items"])

        await self.wait_for(has_passed, "the content check passed, and staff have it in their queue")
        version = (await resident.get(path))["version"]
        await staff.post(f"/staff/wishes/{wish['id']}/publish", {"version": version})
        await resident.told_on_wechat("review_result")
        seen = await member.get(path)
        self.expect(seen["beneficiary_name"] == "李**", f"others see the beneficiary as {seen['beneficiary_name']}")
        await self.refused(resident, "POST", f"{path}/claim", None, "own_wish")
        await member.post(f"{path}/claim")
        contact = await member.get(f"{path}/contact")
        self.expect(contact["phone"] == resident.phone, "the claimer sees how to reach the wisher")
        await resident.told_on_wechat("wish_progress")
        photo = await self.call(member, "POST", "/pictures", status=201, content=("image/png", draw_qr("linli")))
        await member.post(f"{path}/report", {"note": "坐垫已送到家里", "picture_ids": [photo["id"]]})
        done = await resident.post(f"{path}/confirm", {"stars": 5, "text": "谢谢王老师，坐垫很合适。"})
        self.expect(done["state"] == "fulfilled", "the wish came true")
        record = await member.get("/me/service-record")
        self.expect(
            any(entry["rule"] == "wish_fulfilled" for entry in record["items"]), "and is in the member's record"
        )
        await self.refused(member, "GET", f"{path}/contact", None, "not_allowed")

    async def _volunteer(
        self, community_id: str, resident: Person, member: Person, staff: Person, manager: Person
    ) -> None:
        self.step("A shift of two places: three sign up, one cancels, the third moves up; attendance and service hours")
        start = clock.shanghai(await self.now() + timedelta(days=3)).replace(hour=9, minute=0, second=0, microsecond=0)
        activity = await staff.post(
            "/staff/activities",
            {
                "organizer_id": community_id,
                "kind": "volunteer",
                "words": {
                    "title": "周末清洁海滩",
                    "text": "一起捡拾海滩垃圾，手套和袋子由社区准备。",
                    "place_name": "国际海水浴场东门",
                    "contact": "社区小林 0631-5200000",
                },
                "shifts": [
                    {
                        "starts_at": start.isoformat(),
                        "ends_at": (start + timedelta(hours=2)).isoformat(),
                        "roles": [{"name": "清洁员", "capacity": 2}],
                    }
                ],
            },
            status=201,
        )
        submitted = await staff.post(f"/staff/activities/{activity['id']}/submit")
        await manager.post(f"/staff/activities/{activity['id']}/publish", {"version": submitted["version"]})
        shift = activity["shifts"][0]["id"]
        third = await self.newcomer("小赵")
        card = await third.get(f"/activities/{activity['id']}/shared")
        self.expect(card["why"] == "community_needed", f"a newcomer opens a shared link: {card['advice']}")
        await third.put("/me/community", {"community_id": community_id})
        await third.accept("place_free", "activity_reminder")
        signed = [
            await person.post(f"/shifts/{shift}/sign-ups", {}, status=201) for person in (resident, member, third)
        ]
        states = [(view["sign_up"]["state"], view["sign_up"]["position"]) for view in signed]
        self.expect(
            states == [("confirmed", None), ("confirmed", None), ("waiting", 1)], "two are in, the third waits as first"
        )
        again = await member.post(f"/shifts/{shift}/sign-ups", {}, status=201)
        self.expect(again["sign_up"]["id"] == signed[1]["sign_up"]["id"], "the same tap twice gives the same answer")
        await resident.post(f"/sign-ups/{signed[0]['sign_up']['id']}/cancel")
        moved_up = await third.get(f"/sign-ups/{signed[2]['sign_up']['id']}")
        self.expect(moved_up["sign_up"]["state"] == "confirmed", "the third has moved up")
        await third.told("候补成功")
        await third.told_on_wechat("activity_reminder")
        await self._attend(shift, start, [member, third], staff)

    async def _attend(self, shift: str, start: datetime, people: list[Person], staff: Person) -> None:
        """They come, go, are confirmed, and have their hours."""
        old = await staff.get(f"/staff/shifts/{shift}/code")
        await self.refused(people[0], "POST", f"/shifts/{shift}/sign-in", {"code": old["code"]}, "outside_hours")
        await self.move_clock_to(start - timedelta(minutes=10))
        await self.refused(people[0], "POST", f"/shifts/{shift}/sign-in", {"code": old["code"]}, "code_expired")
        code = await staff.get(f"/staff/shifts/{shift}/code")
        for person in people:
            await person.post(f"/shifts/{shift}/sign-in", {"code": code["code"]})
        await self.move_clock_to(start + timedelta(hours=2, minutes=5))
        code = await staff.get(f"/staff/shifts/{shift}/code", direction="out")
        for person in people:
            await person.post(f"/shifts/{shift}/sign-out", {"code": code["code"]})
        roster = (await staff.get(f"/staff/shifts/{shift}/roster"))["items"]
        self.expect(len(roster) == 2, "the leader sees who was there")
        await staff.post(
            f"/staff/shifts/{shift}/attendance", {"persons": [{"sign_up_id": row["id"]} for row in roster]}
        )
        for person in people:
            totals = await person.get("/me/service-record/totals")
            self.expect(totals["minutes"] == 120, f"{person.name} has {totals['minutes']} minutes of service")
            await person.told("服务时长已计入")

    async def _book(self, community_id: str, resident: Person) -> None:
        self.step("A slot at the neighbor center: booked, moved, cancelled")
        venue = (await resident.get("/venues", organization_id=community_id))["items"][0]
        detail = await resident.get(f"/venues/{venue['id']}")
        service = next(item for item in detail["services"] if item["kind"] == "family_medicine")
        tomorrow = (clock.shanghai(await self.now()) + timedelta(days=1)).date()
        available = await resident.get(
            f"/services/{service['id']}/availability", first_day=tomorrow.isoformat(), days=1
        )
        # A second accept: the last one is kept for what matters more, a reminder or a cancelled slot.
        await resident.accept("booking_notice")
        first, second = [slot for slot in available["days"][0]["slots"] if slot["free"] > 0][:2]
        booking = await resident.post(
            f"/services/{service['id']}/bookings", {"starts_at": first["starts_at"], "note": "量血压"}, status=201
        )
        self.expect(booking["state"] == "booked", f"booked {service['name']} at {_clock(first['starts_at'])}")
        await resident.told_on_wechat("booking_notice")
        home = await resident.get("/me/home")
        self.expect(booking["id"] in [item["id"] for item in home["coming"]], "it stands on the resident's home page")
        moved = await resident.post(f"/bookings/{booking['id']}/move", {"starts_at": second["starts_at"]})
        self.expect(moved["starts_at"] == second["starts_at"], f"moved to {_clock(second['starts_at'])} in one step")
        after = await resident.get(f"/services/{service['id']}/availability", first_day=tomorrow.isoformat(), days=1)
        slots = {slot["starts_at"]: slot for slot in after["days"][0]["slots"]}
        self.expect(slots[first["starts_at"]]["free"] == first["free"], "the old place is free again")
        cancelled = await resident.post(f"/bookings/{moved['id']}/cancel", {})
        self.expect(cancelled["state"] == "cancelled", "cancelled")


async def play_tour(settings: Settings, server: str) -> int:
    """Play against the server at this address; 0 when all is as it should be, 1 otherwise."""

    def write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async with (
        httpx.AsyncClient(base_url=server, timeout=30) as api,
        httpx.AsyncClient(base_url=settings.wechat_base, timeout=30) as simulator,
    ):
        try:
            if problem := await find_mismatch(api, simulator):
                write(f"\n{problem}")
                return 1
            await Tour(api, simulator, write).play()
        except TourFailed as failure:
            write(f"\n   ✗ {failure}\n\nThe tour stopped: something is not as it should be.")
            return 1
        except httpx.TransportError as error:
            where = f"{server} or {settings.wechat_base}"
            write(f"\nNobody answers at {where} ({type(error).__name__}): start `python3 dev.py run`.")
            return 1
    write("\nThe tour is done: everything was as it should be.")
    return 0


async def find_mismatch(api: httpx.AsyncClient, simulator: httpx.AsyncClient) -> str:
    """Why these two are not one demo, in a sentence, or nothing: this WeChat's codes are good at no other server."""
    named = "LINLI_PORT and WECHAT_SIMULATOR_PORT name the demo that is meant"
    code = await simulator.post("/admin/persons/demo-staff/login-code", json={})
    if code.status_code != 201:
        return f"What answers at {simulator.base_url} is not the demo's WeChat: {named}."
    session = await api.post("/api/v1/sessions", json={"code": code.json()["code"]})
    if session.headers.get("content-type") not in ("application/json", PROBLEM_TYPE):
        return f"What answers at {api.base_url} is not Linli: {named}."
    if session.status_code == 422:
        return f"{api.base_url} and {simulator.base_url} do not belong to one demo: {named}."
    return ""


def _clock(moment: str) -> str:
    return f"{clock.shanghai(datetime.fromisoformat(moment)):%m-%d %H:%M}"
