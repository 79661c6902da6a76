"""A roster from the console: each row with what is wrong at its cell, and imported only when nothing is."""

import re
from typing import Any

from server.members.models import Membership
from tests.builders import create_community, create_staff
from tests.check_in.test_roster import row, xlsx
from tests.clients import Api
from tests.console.visiting import Browser


async def upload(browser: Browser, data: bytes, **fields: str) -> None:
    await browser.open("/console/roster")
    answer = await browser.client.post(
        "/console/roster",
        data={"csrf": browser.hidden["csrf"], "members_agreed": "on"} | fields,
        files={"file": ("名册.xlsx", data)},
    )
    browser._shows(answer)


async def test_each_row_is_shown_with_its_problems(app: Any, api: Api) -> None:
    community = await create_community()
    browser = await Browser(app).sign_in(await create_staff(api, community))
    rows = [row(), row("李敏", "123"), row("张三", "13812340003", "党员")]
    await upload(browser, xlsx(rows))
    assert browser.status == 422
    marked = re.findall(r'<td class="wrong">([^<]*)<small class="problem">([^<]+)', browser.text)
    assert [text for text, _ in marked] == ["123", "党员"]
    assert browser.text.count("有误</span>") == 2
    assert "名册中有错误，没有导入任何内容" in browser.text
    await upload(browser, xlsx(rows), sure="1")
    assert browser.status == 422
    assert await Membership.all().count() == 0
    await upload(browser, xlsx(rows[:1]))
    assert "核对无误，可以导入：共 1 人，新登记 1 人" in browser.text
    assert await Membership.all().count() == 0, "it was only looked through"
    await upload(browser, xlsx(rows[:1]), sure="1")
    assert "已导入" in browser.text
    assert await Membership.all().count() == 1


async def test_what_is_no_roster_is_said(app: Any, api: Api) -> None:
    community = await create_community()
    browser = await Browser(app).sign_in(await create_staff(api, community))
    await upload(browser, xlsx([["张三"]], heading=["姓名", "生日"]))
    assert "不认识的列“生日”" in browser.text
    await upload(browser, b"no sheet at all")
    assert browser.status == 422
    await upload(browser, xlsx([row()]), members_agreed="")
    assert browser.status == 422
    await upload(browser, xlsx([row()]), csrf="made up", sure="1")
    assert browser.status == 403
    assert await Membership.all().count() == 0
    template = await browser.client.get("/console/files/download_roster_template")
    assert template.content.startswith(b"PK")
