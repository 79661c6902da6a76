"""Certificates: what they say, how they look to a scanner, who may check them, and when they no longer hold."""

import asyncio
import io
from datetime import date, timedelta
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from server.accounts.details import save_details
from server.accounts.merging import merge_persons
from server.foundation import clock
from server.foundation.audit import AuditEntry
from server.foundation.database import execute
from server.foundation.dates import today
from server.media.drawing.certificate import (
    CertificateItem,
    CertificateRow,
    CertificateWords,
    certificate_pdf,
    certificate_picture,
)
from server.volunteering.hours.models import Certificate
from server.volunteering.hours.rules import split_into_periods
from tests.builders import create_community, create_resident, move_clock_to, told
from tests.clients import Api
from tests.volunteering.attendance.builders import confirm, served, shanghai_time
from tests.volunteering.builders import People, create_family, create_people, publish_shift, sign_up


def days(api_since: int = 0, until: int = 60) -> dict[str, Any]:
    """A period of days around now."""
    return {
        "since": (today() + timedelta(days=api_since)).isoformat(),
        "until": (today() + timedelta(days=until)).isoformat(),
    }


async def served_twice(api: Api) -> People:
    """王秀英 has 2 h and 1 h 30 min of service."""
    people = await create_people(api)
    await save_details(people.first.person_id, real_name="王秀英")
    await served(people, people.first, shanghai_time(1, 9), 120)
    await served(people, people.first, shanghai_time(1, 9), 90)
    return people


async def issue(person: Api, **more: Any) -> Any:
    return await person.post("/me/certificates", days(-60) | more, expect=201)


async def checked(api: Api, number: str, code: str) -> Any:
    return await api.get("/certificates/verification", number=number, code=code)


async def test_issued_and_checked_by_anyone(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    assert (made["minutes"], made["times"], made["is_valid"]) == (210, 2, True)
    assert sum(period["minutes"] for period in made["periods"]) == 210
    assert made["issuer_name"].endswith("望海社区")
    assert made["until"] == today().isoformat()
    assert (await people.first.get("/me/certificates"))["items"] == [made]
    # Nobody is signed in; capitals and hyphens don't matter.
    found = await checked(api, made["number"], f"{made['code'][:4].lower()}-{made['code'][4:]}")
    assert (found["name"], found["minutes"], found["is_valid"], found["problem"]) == ("王**", 210, True, "")
    assert found["name_is_verified"] is False
    assert "person_id" not in found
    assert "code" not in found
    assert await AuditEntry.filter(action="issue_certificate", person_id=people.first.person_id).count() == 1


async def test_a_wrong_number_or_code_tells_nothing(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    answers = []
    for number, code in ((made["number"], "AAAAAAAA"), ("LL-2026-00000000", made["code"]), ("x", "y"), ("L" * 32, "y")):
        path = f"/certificates/verification?number={number}&code={code}"
        answers.append(await api.refused("GET", path, code="not_found"))
    assert len({answer["detail"] for answer in answers}) == 1


async def test_the_page_that_the_code_opens(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    page = await api.send("GET", "/certificates/check", params={"number": made["number"], "code": made["code"]})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in page.headers["content-security-policy"]
    for words in ("证明真实有效", "王**", "3 小时 30 分钟", made["number"], "望海社区"):
        assert words in page.text
    assert "王秀英" not in page.text
    wrong = await api.send("GET", "/certificates/check", params={"number": made["number"], "code": "<script>"})
    assert wrong.status_code == 404
    assert "<script>" not in wrong.text
    assert "未找到该证明" in wrong.text


async def test_the_picture_and_the_pdf_lead_to_the_check(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    picture = await people.first.send("GET", f"/certificates/{made['id']}/picture")
    assert picture.headers["content-type"] == "image/png"
    drawn = Image.open(io.BytesIO(picture.content))
    assert drawn.size == (1240, 1754)
    [code] = zxingcpp.read_barcodes(drawn)
    assert code.text.endswith(f"/api/v1/certificates/check?number={made['number']}&code={made['code']}")
    page = await api.client.get(code.text[code.text.index("/api/") :])
    assert "证明真实有效" in page.text
    pdf = await people.first.send("GET", f"/certificates/{made['id']}/pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.content.startswith(b"%PDF-")
    assert made["number"].encode("utf-16-be") in pdf.content or made["number"].encode() in pdf.content
    assert len(pdf.content) < 50_000
    stranger = await create_resident(api, people.community)
    for path in ("", "/picture", "/pdf"):
        await stranger.refused("GET", f"/certificates/{made['id']}{path}", code="not_found")


async def test_only_what_was_confirmed_and_is_volunteering(api: Api) -> None:
    people = await create_people(api)
    await save_details(people.first.person_id, real_name="王秀英")
    path = "/me/certificates"
    await people.first.refused("POST", path, days(-1, 1), code="nothing_to_certify")
    waiting = await served(people, people.first, shanghai_time(1, 8), 600)
    assert waiting.state == "waiting"
    await people.first.refused("POST", path, days(-60), code="nothing_to_certify")
    await served(people, people.second, shanghai_time(1, 8), 60)
    await people.second.refused("POST", path, days(-60), code="name_missing")
    backwards = {"since": "2026-05-02", "until": "2026-05-01"}
    await people.first.refused("POST", path, backwards, code="invalid_fields")
    await people.first.refused("POST", path, {"since": "2010-01-01", "until": "2026-05-01"}, code="invalid_fields")
    await people.first.refused("POST", path, days(1, 2), code="invalid_fields")
    nowhere = await create_resident(api, await create_community())
    await nowhere.refused("POST", path, days(-60) | {"person_id": people.first.person_id}, code="not_found")


async def test_the_days_are_those_of_shanghai(api: Api) -> None:
    """23:30 to 00:30: it counts for the day on which it began."""
    people = await create_people(api)
    await save_details(people.first.person_id, real_name="王秀英")
    row = await served(people, people.first, shanghai_time(1, 23, 30), 60)
    day = clock.shanghai(row.starts_at).date()
    made = await people.first.post("/me/certificates", {"since": day.isoformat(), "until": day.isoformat()}, expect=201)
    assert (made["minutes"], made["periods"][0]["label"]) == (60, f"{day.year}年{day.month}月")
    after = {"since": (day + timedelta(days=1)).isoformat(), "until": (day + timedelta(days=1)).isoformat()}
    await people.first.refused("POST", "/me/certificates", after, code="nothing_to_certify")


async def test_the_same_again_is_the_same_one(api: Api) -> None:
    people = await served_twice(api)
    answers = await asyncio.gather(*(issue(people.first) for _ in range(3)))
    assert len({answer["number"] for answer in answers}) == 1
    await served(people, people.first, shanghai_time(1, 9), 30)
    newer = await people.first.post("/me/certificates", days(-60), expect=201)
    assert newer["number"] != answers[0]["number"]
    assert newer["minutes"] == 240
    listed = (await people.first.get("/me/certificates", limit=1))["items"]
    assert [one["id"] for one in listed] == [newer["id"]]


async def test_hours_taken_back_end_it(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    rows = (await people.first.get("/me/hours"))["items"]
    # More minutes do not: what it says is still true.
    await people.staff.post(f"/staff/hours/{rows[1]['id']}/correct", {"minutes": 120, "reason": "x"})
    assert (await checked(api, made["number"], made["code"]))["is_valid"]
    await people.staff.post(f"/staff/hours/{rows[0]['id']}/correct", {"minutes": 30, "reason": "提前离开"})
    found = await checked(api, made["number"], made["code"])
    assert not found["is_valid"]
    assert "已经更正" in found["problem"]
    assert (await told(people.first))[-1] == "certificate_revoked"
    await people.first.refused("GET", f"/certificates/{made['id']}/picture", code="certificate_invalid")
    page = await api.send("GET", "/certificates/check", params={"number": made["number"], "code": made["code"]})
    assert "证明已经作废" in page.text
    again = await issue(people.first)
    assert (again["minutes"], again["is_valid"]) == (150, True)


async def test_another_name_ends_it(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    await save_details(people.first.person_id, real_name="李小明")
    found = await checked(api, made["number"], made["code"])
    assert not found["is_valid"]
    assert "姓名" in found["problem"]
    assert not (await people.first.get(f"/certificates/{made['id']}"))["is_valid"]


async def test_for_somebody_one_looks_after(api: Api) -> None:
    people = await create_people(api)
    [child] = await create_family(people.first, date(2012, 1, 1))
    await save_details(child, real_name="王小宝")
    begin = shanghai_time(1, 9)
    shift_id = await publish_shift(
        people, timedelta(), starts_at=begin, ends_at=begin + timedelta(hours=1), cancel_until=begin
    )
    signed = await sign_up(people.first, shift_id, child)
    move_clock_to(begin + timedelta(hours=2))
    family = signed["sign_up"]["family"][0]["sign_up_id"]
    await confirm(people.staff, shift_id, {"sign_up_id": family, "minutes": 60})
    made = await issue(people.first, person_id=child)
    assert (made["person_id"], made["person_name"], made["minutes"]) == (child, "王小宝", 60)
    listed = (await people.first.get("/me/certificates"))["items"]
    assert [(one["id"], one["person_name"]) for one in listed] == [(made["id"], "王小宝")]
    assert (await checked(api, made["number"], made["code"]))["name"] == "王**"


async def test_merged_persons_keep_their_certificates(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    await save_details(people.second.person_id, real_name="王秀英")
    await merge_persons(people.first.person_id, people.second.person_id, actor_id=None)
    assert (await people.second.get(f"/certificates/{made['id']}"))["is_valid"]


async def test_a_correction_and_a_certificate_at_once(api: Api) -> None:
    """Whatever comes first: no certificate that holds says more than what counts."""
    people = await served_twice(api)
    [_, row] = (await people.first.get("/me/hours"))["items"]
    await asyncio.gather(
        issue(people.first),
        people.staff.post(f"/staff/hours/{row['id']}/correct", {"minutes": 10, "reason": "x"}),
        issue(people.first),
    )
    for certificate in await Certificate.filter(revoked_at=None):
        assert certificate.minutes == 100


def test_periods_are_months_or_years() -> None:
    served_days = [(date(2026, 1, 31), 30), (date(2026, 2, 1), 60), (date(2026, 1, 1), 15)]
    assert split_into_periods(served_days) == [("2026年1月", 2, 45), ("2026年2月", 1, 60)]
    long = [(date(2020 + month // 12, month % 12 + 1, 1), 10) for month in range(30)]
    assert split_into_periods(long) == [("2020年", 12, 120), ("2021年", 12, 120), ("2022年", 6, 60)]


async def test_item_by_item_as_it_was_issued(api: Api) -> None:
    """Who checks the paper sees each service on it; what the activity is called later changes nothing."""
    people = await served_twice(api)
    await save_details(people.first.person_id, phone="13812345678")
    made = await issue(people.first)
    found = await checked(api, made["number"], made["code"])
    assert [item["minutes"] for item in found["items"]] == [120, 90]
    assert {item["organizer"] for item in found["items"]} == {"望海社区"}
    assert found["identity"] == "手机 138****5678"
    title = found["items"][0]["title"]
    assert title
    await execute("UPDATE activity SET title = '别的名称'")
    assert (await checked(api, made["number"], made["code"]))["items"][0]["title"] == title
    page = await api.send("GET", "/certificates/check", params={"number": made["number"], "code": made["code"]})
    assert title in page.text
    assert "手机 138****5678" in page.text


async def test_namesakes_without_a_phone_are_told_apart_by_birth(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    assert (await checked(api, made["number"], made["code"]))["identity"] == ""
    await execute("UPDATE person SET birth_date = '1956-03-09' WHERE id = $1", people.first.person_id)
    assert (await checked(api, made["number"], made["code"]))["identity"] == "1956年3月出生"


async def test_one_of_an_earlier_version_is_drawn_and_replaced(api: Api) -> None:
    people = await served_twice(api)
    made = await issue(people.first)
    await execute("UPDATE certificate SET items = '[]'")
    assert (await people.first.send("GET", f"/certificates/{made['id']}/pdf")).status_code == 200
    assert (await checked(api, made["number"], made["code"]))["items"] == []
    newer = await issue(people.first)
    assert newer["number"] != made["number"]
    assert len((await checked(api, newer["number"], newer["code"]))["items"]) == 2


def certificate_words(name: str, lines: int) -> CertificateWords:
    return CertificateWords(
        name=name,
        name_status="姓名已由社区核实",
        identity="手机 138****5678",
        period="2026年11月11日至2027年12月31日",
        times="1234 次",
        duration="12345 小时 59 分钟",
        items=[
            CertificateItem("2026年11月11日", "名" * 40, "名字特别特别长的社区", "10 小时 59 分钟")
            for _ in range(lines)
        ],
        rows=[
            CertificateRow(f"2026年{number}月", "100 次", "1000 小时 59 分钟")
            for number in range(1, min(lines, 12) + 1)
        ],
        issuer="山东省威海市环翠区竹岛街道一个名字特别特别长的社区居民委员会",
        issued_on="2026年11月24日",
        number="LL-2026-04839217",
        code="K7QM-3XPA",
        address="https://a-long-name-of-a-city.example.gov.cn/api/v1/certificates/check?number=LL-2026-0&code=K7QM3XPA",
    )


@pytest.mark.parametrize(
    ("name", "lines", "pages"), [("王一", 1, 1), ("阿卜杜热西提·买买提艾力江", 4, 1), ("欧阳一", 90, 7)]
)
async def test_long_names_and_full_tables_fit_on_the_page(name: str, lines: int, pages: int) -> None:
    """The outer frame and the margin beyond it stay free, and the code can be read. What does not fit follows."""
    words = certificate_words(name, lines)
    page = Image.open(io.BytesIO(await certificate_picture(words))).convert("RGB")
    assert [code.text for code in zxingcpp.read_barcodes(page)] == [words.address]
    paper = page.getpixel((5, 5))
    inner = 75  # pixels from the edge: within the golden line, where only corners are drawn
    for x in range(150, page.width - 150, 7):
        assert page.getpixel((x, inner)) == page.getpixel((x, page.height - inner)) == paper
    for y in range(150, page.height - 150, 7):
        assert page.getpixel((inner, y)) == page.getpixel((page.width - inner, y)) == paper
    document = await certificate_pdf(words)
    assert document.startswith(b"%PDF-")
    assert document.count(b"/Type/Page/") == pages
    assert len(document) < 60_000
    assert b"/FontFile3" in document, "the letters are text, in fonts that it brings along"
    assert b"/ToUnicode" in document, "and can be selected"
