"""A half-year report from the ledger to the unit's acknowledgement, over HTTP."""

import asyncio
import io

from openpyxl import load_workbook

from server.accounts.models import Person
from server.check_in.reports.models import HalfYearReport
from server.foundation.audit import AuditEntry
from server.foundation.database import fetch
from server.members.memberships import match_home
from server.organizations.models import RoleKind
from tests.builders import grant, move_clock_to, told
from tests.check_in.reports.builders import (
    H1,
    H2,
    OPINION,
    WEEK,
    create_cast,
    create_checked_in_member,
    create_home,
    create_worker,
    make_all_reports,
    report_of,
    serve,
    shanghai,
)
from tests.clients import Api
from tests.simulator import Simulator


async def actions(report_id: str) -> list[str]:
    return [entry.action for entry in await AuditEntry.filter(subject_id=report_id).order_by("id")]


async def test_from_the_ledger_to_the_unit(api: Api, simulator: Simulator) -> None:
    cast = await create_cast(api)
    member, report = cast.member, f"/reports/{cast.report_id}"
    await simulator.accept(member.api, "service_report", times=2)
    await simulator.accept(cast.liaison, "service_report")
    assert await told(cast.staff) == ["reports_to_assess"]
    assert (await cast.staff.inbox())[0]["text"] == ("2030年上半年竹岛社区共有1份半年反馈，请填写社区意见和评价。")
    # A draft is for the community alone.
    assert await member.api.get("/me/reports") == []
    await member.api.refused("GET", report, code="not_found")

    listed = await cast.staff.get("/staff/reports", organization_id=cast.community.id, period=H1)
    assert [
        (card["name"], card["state"], card["minutes"], card["points"], card["unit_name"]) for card in listed["items"]
    ] == [("王**", "draft", 125, 20, "市教育局")]
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    mine = await member.api.get("/me/reports")
    assert [(card["id"], card["grade"]) for card in mine] == [(cast.report_id, "excellent")]
    seen = await member.api.get(report)
    assert seen["opinion"] == OPINION["opinion"]
    assert seen["home_organization"] == "市教育局机关党支部"
    assert [(line["title"], line["minutes"], line["points"], line["community"]) for line in seen["lines"]] == [
        ("清扫楼道", 125, 20, "竹岛社区")
    ]
    assert seen["by_rule"] == [
        {"rule": "shift_attended", "rule_name": "参加志愿服务", "times": 1, "minutes": 125, "points": 20}
    ]
    assert seen["actions"] == ["agree", "ask_correction"]
    assert seen["correction_until"].startswith("2030-07-07T16:01")

    # The member misses something; staff record it by hand and accept.
    asked = await member.api.post(f"{report}/correction", {"request": "四月八日的义诊没有记上"})
    assert (asked["state"], asked["request"]) == ("correction_asked", "四月八日的义诊没有记上")
    await cast.manager.refused("POST", f"/staff{report}/release", code="wrong_state")
    await cast.staff.post(
        "/staff/service-entries",
        {
            "organization_id": cast.community.id,
            "person_id": member.person_id,
            "what": "社区义诊",
            "minutes": 60,
            "occurred_at": shanghai(4, 8, 9).isoformat(),
        },
        expect=201,
    )
    decision = {"accept": True, "answer": "已核实并补录", "opinion": "热心社区事务。", "grade": "qualified"}
    decided = await cast.staff.post(f"/staff{report}/correction/decision", decision)
    assert (decided["state"], decided["minutes"], decided["points"]) == ("settled", 185, 30)
    assert (decided["opinion"], decided["grade"]) == ("热心社区事务。", "qualified")
    assert [line["title"] for line in decided["lines"]] == ["清扫楼道", "社区义诊"]
    assert (await member.api.get(report))["answer"] == "已核实并补录"

    # The liaison sees it only when the manager has released it.
    await cast.liaison.refused("GET", report, code="not_found")
    await cast.staff.refused("POST", f"/staff{report}/release", code="not_allowed")
    released = await cast.manager.post(f"/staff{report}/release")
    assert released["state"] == "released"
    received = await cast.liaison.get(report)
    assert (received["name"], received["minutes"], received["actions"]) == ("王小明", 185, ["acknowledge"])
    # What member and community said to each other is not for the unit.
    assert (received["request"], received["answer"]) == ("", "")
    pdf = await cast.liaison.send("GET", f"{report}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert "2030" in pdf.headers["content-disposition"]
    xlsx = load_workbook(io.BytesIO((await cast.liaison.send("GET", f"{report}/xlsx")).content))
    assert [cell.value for cell in xlsx["服务明细"][3]][3:6] == ["竹岛社区", 125, 20]
    for sheet in xlsx:
        assert sheet["A1"].value == f"在职党员作用发挥情况反馈，{received['period_words']}，王小明，竹岛社区"
    done = await cast.liaison.post(f"{report}/acknowledge")
    assert done["state"] == "acknowledged"

    assert await told(member.api) == [
        "report_assessed",
        "service_noted",
        "report_correction_decided",
        "report_released",
        "report_acknowledged",
    ]
    assert await told(cast.liaison) == ["reports_received", "unit_summary_ready"]
    assert (await told(cast.staff))[1:] == ["report_correction_asked", "reports_acknowledged"]
    texts = [message["text"] for message in await cast.liaison.inbox()]
    assert "竹岛社区向市教育局反馈了1名党员2030年上半年的服务情况，请查收并签收。" in texts
    assert await actions(cast.report_id) == [
        "freeze_report",
        "assess_report",
        "view_report",
        "ask_correction",
        "accept_correction",
        "view_report",
        "release_report",
        "view_report",
        "view_report",
        "download_report",
        "download_report",
        "acknowledge_report",
        "view_report",
    ]
    await simulator.settle()
    assert [message["data"]["thing3"] for message in await simulator.outbox(member.api)] == [
        "请在7天内核对，可申请更正",
        "您的更正申请已采纳",
    ]
    assert [message["data"]["thing1"] for message in await simulator.outbox(cast.liaison)] == ["2030年上半年服务反馈"]


async def test_without_an_answer_it_goes_out_after_seven_days(api: Api) -> None:
    cast = await create_cast(api)
    report = f"/reports/{cast.report_id}"
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    seen = await cast.manager.get(report)
    assert "release" not in seen["actions"]
    problem = await cast.manager.refused("POST", f"/staff{report}/release", code="correction_open")
    assert problem["until"].startswith("2030-07-07T16:01")
    move_clock_to(shanghai(7, 1) + WEEK)
    await cast.member.api.refused("POST", f"{report}/correction", {"request": "晚了"}, code="correction_closed")
    assert (await cast.member.api.get(report))["actions"] == ["agree"]
    assert (await cast.manager.post(f"/staff{report}/release"))["state"] == "released"


async def test_writing_it_anew_gives_the_member_the_time_again(api: Api) -> None:
    cast = await create_cast(api)
    report = f"/reports/{cast.report_id}"
    first = await cast.staff.put(f"/staff{report}/assessment", OPINION)
    await cast.staff.refused("PUT", f"/staff{report}/assessment", OPINION, code="edited_meanwhile")
    move_clock_to(shanghai(7, 6))
    await cast.staff.put(f"/staff{report}/assessment", OPINION | {"grade": "qualified", "version": first["version"]})
    move_clock_to(shanghai(7, 9))
    await cast.manager.refused("POST", f"/staff{report}/release", code="correction_open")
    await cast.member.api.post(f"{report}/correction", {"request": "评价偏低"})


async def test_the_members_word_lets_it_go_at_once(api: Api) -> None:
    cast = await create_cast(api)
    report = f"/reports/{cast.report_id}"
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    assert (await cast.member.api.post(f"{report}/agree"))["state"] == "settled"
    assert await told(cast.staff) == ["reports_to_assess", "report_agreed"]
    assert (await cast.manager.post(f"/staff{report}/release"))["state"] == "released"


async def test_of_two_answers_at_once_one_counts(api: Api) -> None:
    cast = await create_cast(api)
    report = f"/reports/{cast.report_id}"
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    answers = await asyncio.gather(
        *(cast.member.api.send("POST", f"{report}/agree") for _ in range(2)),
        *(cast.member.api.send("POST", f"{report}/correction", {"request": "时长不对"}) for _ in range(2)),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    releases = await asyncio.gather(*(cast.manager.send("POST", f"/staff{report}/release") for _ in range(3)))
    agreed = any(answer.is_success for answer in answers[:2])
    assert sorted(answer.status_code for answer in releases) == ([200, 409, 409] if agreed else [409, 409, 409])


async def test_a_declined_correction_changes_nothing_but_the_answer(api: Api) -> None:
    cast = await create_cast(api)
    report = f"/reports/{cast.report_id}"
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    await cast.member.api.post(f"{report}/correction", {"request": "时长不对"})
    await serve(cast.member.person_id, shanghai(5, 1, 9), 30)
    decision = {"accept": False, "answer": "经核对无误", "opinion": "不应写入", "grade": "unqualified"}
    decided = await cast.staff.post(f"/staff{report}/correction/decision", decision)
    assert (decided["state"], decided["minutes"], decided["opinion"], decided["grade"]) == (
        "settled",
        125,
        OPINION["opinion"],
        "excellent",
    )
    assert decided["answer"] == "经核对无误"
    await cast.member.api.refused("POST", f"{report}/correction", {"request": "再来"}, code="wrong_state")


async def test_a_manager_releases_all_that_is_ready_and_the_unit_gets_a_summary(api: Api) -> None:
    cast = await create_cast(api)
    move_clock_to(shanghai(1, 2))
    await HalfYearReport.all().delete()
    await fetch("DELETE FROM period_run")
    others = [await create_checked_in_member(api, cast.community, cast.home, name=f"李{number}") for number in range(3)]
    stranger = await create_checked_in_member(api, cast.community, name="外地人")
    await serve(others[0].person_id, shanghai(1, 2), 90)
    move_clock_to(shanghai(7, 1, 1))
    await make_all_reports()
    ready = [await report_of(member) for member in (cast.member, others[0], others[1], stranger)]
    for report in ready:
        await cast.staff.put(f"/staff/reports/{report.id}/assessment", OPINION)
    waiting = await report_of(others[2])
    body = {"community_id": cast.community.id, "period": H1}
    assert await cast.manager.post("/staff/reports/release", body) == {"released": 0, "waiting": 5}
    move_clock_to(shanghai(7, 1, 1) + WEEK)
    assert await cast.manager.post("/staff/reports/release", body) == {"released": 4, "waiting": 1}
    # One message for all of them; the summary is complete only with the last one.
    assert await told(cast.liaison) == ["reports_received"]
    await cast.staff.put(f"/staff/reports/{waiting.id}/assessment", OPINION | {"grade": "qualified"})
    await others[2].api.post(f"/reports/{waiting.id}/agree")
    assert await cast.manager.post("/staff/reports/release", body) == {"released": 1, "waiting": 0}
    assert await told(cast.liaison) == ["reports_received", "reports_received", "unit_summary_ready"]

    unit = f"/units/{cast.home.unit.id}"
    summary = await cast.liaison.get(f"{unit}/report-summary", period=H1)
    assert (summary["members"], summary["minutes"], summary["points"], summary["acknowledged"]) == (4, 215, 35, 0)
    assert summary["by_grade"] == [{"grade": "excellent", "members": 3}, {"grade": "qualified", "members": 1}]
    page = await cast.liaison.get(f"{unit}/reports", period=H1, limit=3)
    rest = await cast.liaison.get(f"{unit}/reports", period=H1, limit=3, cursor=page["next_cursor"])
    assert sorted(card["name"] for card in page["items"] + rest["items"]) == ["李0", "李1", "李2", "王小明"]
    workbook = load_workbook(
        io.BytesIO((await cast.liaison.send("GET", f"{unit}/report-summary/xlsx", params={"period": H1})).content)
    )
    assert [cell.value for cell in workbook["汇总"][7]][3:5] == [215, 35]
    title = workbook["汇总"]["A1"].value
    assert title.startswith(f"{summary['unit_name']} 在职党员作用发挥情况汇总，{summary['period_words']}，")
    assert title.endswith(" 导出，共 4 人")
    pdf = await cast.liaison.send("GET", f"{unit}/report-summary/pdf", params={"period": H1})
    assert pdf.content.startswith(b"%PDF-")
    assert await AuditEntry.filter(actor_id=cast.liaison.person_id, action="download_unit_summary").count() == 2

    assert await cast.liaison.post(f"{unit}/reports/acknowledge", {"period": H1}) == {"acknowledged": 4}
    assert await cast.liaison.post(f"{unit}/reports/acknowledge", {"period": H1}) == {"acknowledged": 0}
    assert (await cast.liaison.get(f"{unit}/report-summary", period=H1))["acknowledged"] == 4
    assert (await cast.liaison.get(f"{unit}/report-summary", period=H2))["members"] == 0


async def test_nobody_decides_on_themselves(api: Api) -> None:
    """A member who is also the community's manager."""
    cast = await create_cast(api)
    person = await Person.get(id=cast.member.person_id)
    await grant(person, cast.community, RoleKind.MANAGER)
    report = f"/reports/{cast.report_id}"
    await cast.member.api.refused("PUT", f"/staff{report}/assessment", OPINION, code="not_found")
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    await cast.member.api.post(f"{report}/agree")
    await cast.member.api.refused("POST", f"/staff{report}/release", code="not_allowed")
    body = {"community_id": cast.community.id, "period": H1}
    assert await cast.member.api.post("/staff/reports/release", body) == {"released": 0, "waiting": 1}
    assert (await report_of(cast.member)).released_at is None


async def test_the_unit_is_the_one_at_the_time_of_the_release(api: Api) -> None:
    """Staff match a home organization that was only words when the report was frozen."""
    cast = await create_cast(api)
    other = await create_home(cast.community, "市交通局")
    liaison = await create_worker(api, other.unit, RoleKind.LIAISON)
    await match_home(cast.member.membership.id, other.party.id)
    report = f"/reports/{cast.report_id}"
    await cast.staff.put(f"/staff{report}/assessment", OPINION)
    await cast.member.api.post(f"{report}/agree")
    await cast.manager.post(f"/staff{report}/release")
    assert (await liaison.get(report))["home_organization"] == "市交通局机关党支部"
    await cast.liaison.refused("GET", report, code="not_found")
