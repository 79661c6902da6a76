"""Rosters: all rows checked first, errors by row and column, nothing half-imported, nothing twice; and the races."""

import asyncio
import io
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx
import openpyxl
import pytest

from server.accounts.details import save_details
from server.accounts.models import Person
from server.accounts.persons import give_details, give_phone
from server.check_in.registering import place_member
from server.check_in.roster import COLUMNS, MAX_ROWS
from server.foundation.database import fetch, fetch_value
from server.foundation.ids import new_id
from server.media.spreadsheets import XLSX, Column, Sheet, read_rows, write_workbook
from server.members.memberships import membership_of
from server.members.models import MemberKind
from server.organizations.models import Organization, PartyOrganization, RoleKind
from tests.builders import create_community, create_person, create_resident, create_staff, sign_in, told
from tests.check_in.builders import audited, create_known_person, register
from tests.clients import Api

HEADING = [column.heading for column in COLUMNS.values()]
COLUMN_OF = {name: place for place, name in enumerate(COLUMNS)}
Rows = list[list[Any]]


def row(name: str = "王小明", phone: str = "13812340001", kind: str = "在职党员", **changes: str) -> list[Any]:
    told = {"home": "市教育局机关党委", "estate": "阳光花园", "building": "3号楼", "note": ""} | changes
    return [name, phone, kind, *told.values()]


def xlsx(rows: Rows, heading: Sequence[str] = HEADING) -> bytes:
    workbook = openpyxl.Workbook()
    page = workbook.active
    page.append(list(heading))
    for one in rows:
        page.append(one)
    written = io.BytesIO()
    workbook.save(written)
    return written.getvalue()


def as_csv(rows: Rows, encoding: str = "utf-8-sig") -> bytes:
    return "\r\n".join(",".join(map(str, one)) for one in [HEADING, *rows]).encode(encoding)


async def send(staff: Api, community: Organization, data: bytes, kind: str = XLSX, **query: Any) -> httpx.Response:
    query = {"community_id": community.id, "members_agreed": True} | query
    return await staff.send("POST", "/staff/rosters", content=data, headers={"content-type": kind}, params=query)


async def load(staff: Api, community: Organization, rows: Rows, **query: Any) -> dict[str, Any]:
    response = await send(staff, community, xlsx(rows), **query)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()
    return result


async def problems(staff: Api, community: Organization, data: bytes, kind: str = XLSX) -> dict[str, str]:
    response = await send(staff, community, data, kind)
    assert (response.status_code, response.json()["code"]) == (422, "roster_invalid"), response.text
    return {one["field"]: one["problem"] for one in response.json()["errors"]}


ROSTER = [
    row(),
    row("李秀兰", "138 1234 0002", "离退休党员", note="支部书记"),
    row("赵磊", "13812340003", "流动", home="某县某镇党委", building=""),
    row("陈建国", "13812340004", "直管党员"),
]


async def test_a_roster_is_imported(api: Api) -> None:
    community = await create_community(name="竹岛社区")
    staff = await create_staff(api, community)
    party = await PartyOrganization.create(name="市教育局机关党委", place="本市", path="r1")
    tried = await load(staff, community, ROSTER, check_only=True)
    assert tried == {"rows": 4, "created": 4, "updated": 0, "unchanged": 0, "imported": False}
    assert await fetch_value("SELECT count(*) FROM person WHERE origin = 'roster'") == 0
    assert await load(staff, community, ROSTER) == tried | {"imported": True}
    cards = (await staff.get("/staff/members", organization_id=community.id))["items"]
    assert [(card["name"], card["kind"], card["home_is_matched"]) for card in cards] == [
        ("王**", "in_service", True),
        ("李**", "retired", True),
        ("赵*", "floating", False),
        ("陈**", "direct", True),
    ]
    seen = await staff.get(f"/staff/members/{cards[1]['membership_id']}")
    assert (seen["phone"], seen["note"], seen["home_organization_id"]) == ("13812340002", "支部书记", party.id)
    assert seen["transfer"]["state"] == "offered"
    assert await told(seen["person_id"]) == ["transfer_offered", "member_registered"]
    assert await audited("import_roster", actor_id=staff.person_id, organization_id=community.id)


async def test_the_same_roster_again_changes_nothing(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    await load(staff, community, ROSTER)
    before = await fetch("SELECT id, version FROM membership UNION ALL SELECT id, version FROM check_in ORDER BY 1")
    messages = await fetch_value("SELECT count(*) FROM inbox_message")
    again = await load(staff, community, ROSTER)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, 4)
    now = await fetch("SELECT id, version FROM membership UNION ALL SELECT id, version FROM check_in ORDER BY 1")
    assert now == before
    assert await fetch_value("SELECT count(*) FROM inbox_message") == messages
    assert await fetch_value("SELECT count(*) FROM person WHERE origin = 'roster'") == 4
    changed = await load(staff, community, [row(estate="海悦小区"), row("新来的", "13812340009"), *ROSTER[1:]])
    assert (changed["created"], changed["updated"], changed["unchanged"]) == (1, 1, 3)
    cards = (await staff.get("/staff/members", organization_id=community.id))["items"]
    seen = await staff.get(f"/staff/members/{cards[1]['membership_id']}")
    assert seen["note"] == "支部书记", "a roster that says nothing leaves what is known"


async def test_every_error_is_told_by_row_and_column_and_nothing_is_imported(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    wrong = [
        row(),
        row("", "13812340002"),
        row("李四", "1381234"[:6]),
        row("李五", "手机"),
        row("李六", "13812340006", "入党积极分子"),
        row("李七", "13812340007", home="", estate=""),
        row("长" * 41, "13812340008"),
        row("李九", "13812340009", building="楼" * 51, note="备" * 201),
        row("王小明", "138-1234-0001"),
        [],
        row("最后", ""),
    ]
    assert await problems(staff, community, xlsx(wrong)) == {
        "rows.3.name": "必填",
        "rows.4.phone": "手机号格式不正确",
        "rows.5.phone": "手机号格式不正确",
        "rows.6.kind": "应为直管党员、在职党员、流动党员、离退休党员之一",
        "rows.7.home": "必填",
        "rows.7.estate": "必填",
        "rows.8.name": "长度不能超过 40",
        "rows.9.building": "长度不能超过 50",
        "rows.9.note": "长度不能超过 200",
        "rows.10.phone": "与第 2 行重复",
        "rows.12.phone": "必填",
    }
    for table in ("membership", "check_in", "member_contact"):
        assert await fetch_value(f"SELECT count(*) FROM {table}") == 0
    assert await fetch_value("SELECT count(*) FROM person WHERE origin = 'roster'") == 0
    assert await audited("refuse_roster", actor_id=staff.person_id, organization_id=community.id)


async def test_wrong_columns(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    found = await problems(staff, community, xlsx([row()], ["姓名", "手机号", "党员类别", "身份证号", "姓名"]))
    assert found == {
        "rows.1.4": "不认识的列“身份证号”，请使用下载的模板",
        "rows.1.name": "这一列出现了两次",
        "rows.1.home": "缺少“所属党组织”列",
        "rows.1.estate": "缺少“小区”列",
    }
    assert await problems(staff, community, xlsx([])) == {"rows.2": "没有可以导入的党员"}
    assert await problems(staff, community, b"", "text/csv") == {"rows.1": "表格是空的"}
    turned = xlsx([row()[::-1]], HEADING[::-1])
    response = await send(staff, community, turned)
    assert response.json()["created"] == 1, "the order of the columns does not matter"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
async def test_csv_in_what_excel_writes(api: Api, encoding: str) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    response = await send(staff, community, as_csv(ROSTER, encoding), "text/csv")
    assert (response.status_code, response.json()["created"]) == (200, 4), response.text


async def test_phones_that_excel_took_for_numbers(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    one = row()
    one[1] = 13812340001
    other = row("李四")
    other[1] = 13812340002.0
    assert (await load(staff, community, [one, other]))["created"] == 2


async def test_it_comes_by_wx_upload_file_too(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    query = {"community_id": community.id, "members_agreed": True}
    files = {"file": ("名册.xlsx", xlsx(ROSTER), XLSX)}
    response = await staff.send("POST", "/staff/rosters", files=files, params=query)
    assert (response.status_code, response.json()["created"]) == (200, 4)


async def test_what_cannot_be_read(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    for data, kind, status, code in (
        (b"PK\x03\x04 not a workbook", XLSX, 422, "sheet_unreadable"),
        (b"\xd0\xcf\x11\xe0" + b"x" * 100, XLSX, 422, "sheet_unreadable"),
        (b"\xff\xfe\x00\xff", "text/csv", 422, "sheet_unreadable"),
        (b'"never closed\r\n', "text/csv", 422, "sheet_unreadable"),
        (b"x" * (2 * 1024 * 1024 + 1), "text/csv", 413, "too_large"),
        (as_csv([row()] * (MAX_ROWS + 1)), "text/csv", 413, "too_large"),
        (as_csv([row()]), "application/json", 415, "unsupported_type"),
    ):
        response = await send(staff, community, data, kind)
        assert (response.status_code, response.json()["code"]) == (status, code), (data[:20], response.text)


async def test_who_may_import(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff = await create_staff(api, community)
    for caller in (
        await create_staff(api, other),
        await create_staff(api, community, RoleKind.OBSERVER),
        await create_resident(api, community),
    ):
        response = await send(caller, community, xlsx(ROSTER))
        assert (response.status_code, response.json()["code"]) == (403, "not_allowed")
    response = await send(staff, community, xlsx(ROSTER), members_agreed=False)
    assert response.json()["errors"][0]["field"] == "members_agreed"
    subdistrict = await Organization.get(id=community.parent_id)
    above = await create_staff(api, subdistrict)
    response = await send(above, subdistrict, xlsx(ROSTER))
    assert response.json()["errors"][0]["field"] == "community_id"
    assert (await load(above, community, ROSTER))["created"] == 4


async def test_a_member_who_is_active_elsewhere_stops_the_roster(api: Api) -> None:
    community, other = await create_community(), await create_community()
    staff, other_staff = await create_staff(api, community), await create_staff(api, other)
    await register(other_staff, other, real_name="王小明", phone="13812340001")
    found = await problems(staff, community, xlsx(ROSTER))
    assert found == {"rows.2.phone": "该人员暂不能由工作人员登记，请本人在小程序中申请报到"}
    assert (await staff.get("/staff/members", organization_id=community.id))["items"] == []


async def test_somebody_who_has_signed_in_is_registered_at_once(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    caller, _ = await create_known_person(api, "王小明", "13812340001")
    # Whose name staff have seen; others are asked first, see accounts/test_names.py.
    await save_details(caller.person_id, real_name="王小明", is_name_verified=True)
    await load(staff, community, ROSTER)
    assert (await caller.get("/me/membership"))["kind"] == "in_service"
    titles = [message["title"] for message in await caller.inbox()]
    assert titles == ["社区已为您登记"]


async def test_the_template_is_a_roster(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    response = await staff.send("GET", "/staff/rosters/template.xlsx")
    assert response.headers["content-type"] == XLSX
    assert "attachment" in response.headers["content-disposition"]
    assert read_rows(response.content, 10) == [HEADING]
    workbook = openpyxl.load_workbook(io.BytesIO(response.content))
    page = workbook["党员名册"]
    assert page.data_validations.dataValidation[0].formula1 == f'"{",".join(kind.word for kind in MemberKind)}"'
    for one in ROSTER:
        page.append(one)
    filled = io.BytesIO()
    workbook.save(filled)
    response = await send(staff, community, filled.getvalue())
    assert (response.status_code, response.json()["created"]) == (200, 4)
    await (await create_resident(api, community)).refused("GET", "/staff/rosters/template.xlsx", code="not_allowed")


async def test_a_roster_and_sign_ins_at_once(api: Api) -> None:
    """The one who comes last finds the other: nobody on the roster is left unlinked, and nobody is registered twice."""
    community = await create_community()
    staff = await create_staff(api, community)
    people = [(f"王{number:02}", f"138123400{number:02}") for number in range(12)]
    rows = [row(name, phone) for name, phone in people]
    persons = [await create_person() for _ in people]

    async def arrive(person: Person, name: str, phone: str, *, name_first: bool) -> None:
        if not name_first:
            await give_phone(person.id, phone)
        await give_details(person.id, real_name=name, address=None, birth_date=None)
        if name_first:
            await give_phone(person.id, phone)

    arrivals = [
        arrive(person, *who, name_first=number % 2 == 0)
        for number, (person, who) in enumerate(zip(persons, people, strict=True))
    ]
    imports = [send(staff, community, xlsx(rows)) for _ in range(2)]
    answers, _ = await asyncio.gather(asyncio.gather(*imports), asyncio.gather(*arrivals))
    first, second = answers
    assert (first.status_code, second.status_code) == (200, 200), first.text + second.text
    assert first.json()["created"] + second.json()["created"] == 12
    # Whichever came first, staff are asked about each, once.
    waiting = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    assert sorted(link["person_id"] for link in waiting) == sorted(person.id for person in persons)
    for link in waiting:
        await staff.post(f"/staff/roster-links/{link['id']}/confirm", expect=200)
    for person in persons:
        assert await membership_of(person.id)
    assert await fetch_value("SELECT count(*) FROM membership WHERE ended_at IS NULL") == 12
    assert await fetch_value("SELECT count(*) FROM check_in WHERE state = 'confirmed'") == 12
    unlinked = "SELECT count(*) FROM person WHERE origin = 'roster' AND merged_into_id IS NULL"
    assert await fetch_value(unlinked) == 0


async def test_without_the_lock_an_entry_stays_unlinked(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The race itself: the import has looked for the person, the person has looked for the entry, then both commit."""
    from server.check_in import roster

    community = await create_community()
    staff = await create_staff(api, community)
    person = await create_person()
    looked, arrived = asyncio.Event(), asyncio.Event()
    place = place_member

    async def place_slowly(*arguments: Any) -> Any:
        placed = await place(*arguments)
        looked.set()
        await arrived.wait()
        return placed

    async def no_lock(indexes: Any) -> None:
        return None

    monkeypatch.setattr(roster, "place_member", place_slowly)
    monkeypatch.setattr(roster, "lock_phones", no_lock)

    async def arrive() -> None:
        await looked.wait()
        await give_phone(person.id, "13812340001")
        await give_details(person.id, real_name="王小明", address=None, birth_date=None)
        arrived.set()

    response, _ = await asyncio.gather(send(staff, community, xlsx([row()])), arrive())
    assert response.status_code == 200
    assert await membership_of(person.id) is None, "this is what the lock is for"
    await (await sign_in(api, person)).put("/me/details", {"real_name": "王小明"})
    links = await staff.get("/staff/roster-links", organization_id=community.id)
    assert links["items"], "and the next time the person tells their name, it heals"


@pytest.mark.full
async def test_the_largest_roster(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    rows = [row(f"党员{number}", str(13900000000 + number)) for number in range(MAX_ROWS)]
    data = write_workbook([Sheet("党员名册", [Column(text) for text in HEADING], rows)])
    began = time.perf_counter()
    response = await send(staff, community, data)
    seconds = time.perf_counter() - began
    assert response.json()["created"] == MAX_ROWS
    assert seconds < 60, seconds


async def test_what_is_written_otherwise_is_linked(api: Api) -> None:
    """Numbers and names of public reports, as they come from contacts, input methods and other lists."""
    community = await create_community()
    staff = await create_staff(api, community)
    written = {
        ("宽甲", "16010000001"): ("宽甲", "１６０１００００００１"),
        ("宽乙", "16010000002"): ("宽乙", "8616010000002"),
        ("古丽·艾山", "16010000003"): ("古丽・艾山", "86-160 1000 0003"),
        ("隐甲", "16010000004"): ("隐甲\u2060", "\u202d16010000004\u202c"),
        ("John Smith", "16010000005"): ("JohnSmith", "١٦٠١٠٠٠٠٠٠٥"),
    }
    result = await load(staff, community, [row(name, phone) for name, phone in written.values()])
    assert result["created"] == len(written)
    for name, phone in written:
        person = await create_person(community=community)
        caller = await sign_in(api, person)
        await give_phone(person.id, phone)
        me = await caller.put("/me/details", {"real_name": name})
        assert me["phone"] == f"{phone[:3]}****{phone[-4:]}"
    links = (await staff.get("/staff/roster-links", organization_id=community.id))["items"]
    assert len(links) == len(written)


async def test_one_member_twice_is_told_however_it_is_written(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    twice = [row("John Smith", "13812340001"), row("JohnSmith", "+86 138-1234-0001")]
    assert await problems(staff, community, xlsx(twice)) == {"rows.3.phone": "与第 2 行重复"}


async def test_a_date_in_a_column_of_texts_is_refused(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    dated: list[Any] = row(building="")
    dated[COLUMN_OF["building"]] = datetime(2026, 3, 2)
    assert list(await problems(staff, community, xlsx([row(phone="13812340002"), dated]))) == ["rows.3.building"]
    told = await problems(staff, community, xlsx([dated]))
    assert "文本" in told["rows.2.building"]
    template = openpyxl.load_workbook(io.BytesIO((await staff.send("GET", "/staff/rosters/template.xlsx")).content))
    page = template.worksheets[0]
    formats = {page.column_dimensions[letter].number_format for letter in "ABCDEFG"}
    assert formats == {"@"}


async def test_a_title_may_stand_above_the_headings(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    titled = xlsx([["截至十一月"], HEADING, row(), row("李四", "138123400")], heading=["望海社区党员名册"])
    assert await problems(staff, community, titled) == {"rows.5.phone": "手机号应为 11 位"}
    response = await send(staff, community, xlsx([HEADING, row()], heading=["望海社区党员名册"]))
    assert (response.status_code, response.json()["created"]) == (200, 1)


async def test_brackets_of_either_width_name_one_party_organization(api: Api) -> None:
    community = await create_community()
    staff = await create_staff(api, community)
    home = await PartyOrganization.create(name="机关党委（第二支部）", path=new_id())
    await PartyOrganization.create(name="机关党委第二支部", path=new_id())
    await load(staff, community, [row(home="机关党委(第二支部)")])
    (member,) = (await staff.get("/staff/members", organization_id=community.id))["items"]
    assert (member["home_is_matched"], member["home_organization"]) == (True, home.name)
