"""The main job by taps and typing, through the mini-program's own pages in a real browser.

Needs Chromium (Debian: apt install chromium); the bundle is committed, so it needs no node.
"""

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser

from server.accounts.details import save_details
from server.accounts.models import ConsentKind
from server.foundation import clock
from server.foundation.settings import Settings
from server.organizations.models import Level
from tests.builders import agree, create_community, create_organization, create_resident, create_staff
from tests.check_in.builders import create_post
from tests.chromium import CHROMIUM, MISSING, find_faults
from tests.clients import Api
from tests.neighbor_center.builders import create_service
from tests.phone.standing import City, standing
from tests.phone.test_client import SOURCE
from tests.volunteering.builders import publish, shift

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason=MISSING), pytest.mark.timeout(300)]


@pytest.fixture
async def city(chromium: Browser, settings: Settings, tmp_path: Path) -> AsyncIterator[City]:
    async with standing(settings, tmp_path, chromium) as city:
        yield city


async def test_a_wish_from_the_wall_to_the_thanks(api: Api, city: City) -> None:
    community = await create_community(name="海滨社区")
    staff = await city.phone(of=await create_staff(api, community))
    wisher, helper = await city.phone("李阿姨"), await city.phone("小赵")
    # Somebody new opens a page that needs a session, and comes back to it.
    await wisher.open("pages/wish/mine")
    await wisher.join("海滨社区")
    await wisher.see("您还没有许过心愿")
    await wisher.tap("许一个心愿")
    await wisher.fill(心愿="想要一盏台灯", 大致地点="海滨路", 详细情况="夜里看书，灯太暗了。")
    await wisher.tap("保存，下一步")
    # What is wrong is said at its field, and what was typed is still there.
    await wisher.page.locator("[role=alert]").first.wait_for()
    await wisher.tap("物品", "为老人")
    await wisher.fill(希望在哪天前实现=(clock.shanghai(clock.now()) + timedelta(days=20)).date().isoformat())
    await wisher.choose_picture()
    await wisher.tap("保存，下一步")
    await wisher.see("还是草稿")
    await wisher.tap("提交审核", "允许")
    await wisher.see("正在审核")

    await staff.open("pages/staff/today")
    await staff.sign_in()
    await staff.wait_for("1 件待办")
    await staff.touch("想要一盏台灯")
    await staff.tap("发布", "确定")
    await staff.see("正等待认领")
    message = await wisher.told("审核结果通知")

    # The helper is new too: what they lack for claiming is told before the tap, and done on the way.
    await helper.open()
    await helper.join("海滨社区")
    await helper.tap("我的")
    await helper.touch("我的资料")
    await helper.tap("绑定手机号", "使用微信手机号", "允许")
    await helper.tap("填写姓名和住址")
    await helper.fill(姓名="赵磊")
    await helper.tap("填写姓名和住址")
    await helper.see("赵\\*")
    await helper.open("pages/wish/wall")
    await helper.touch("想要一盏台灯")
    await helper.tap("我来认领")
    await helper.see("志愿者协议")
    await helper.tap("阅读并同意")
    await helper.tap("我来认领")
    await helper.tap("确定")
    await helper.tap("允许")
    await helper.see("已被认领")
    await helper.tap("报告完成")
    await helper.choose_picture()
    await helper.tap("报告完成", "允许")
    await helper.wait_for("正等待许愿人确认")

    # The message opens the page that it points to.
    await wisher.open(message["page"])
    await wisher.tap("确认并评价")
    await wisher.page.get_by_label("5星").click()
    await wisher.fill(想说的话="谢谢小赵，灯很亮。")
    await wisher.tap("确认并评价")
    await wisher.see("已实现")
    await wisher.see("谢谢小赵，灯很亮")


async def test_an_activity_from_the_waiting_list_to_the_certificate(api: Api, city: City) -> None:
    community = await create_community(name="海滨社区")
    leader = await create_staff(api, community)
    first, second = await create_resident(api, community), await create_resident(api, community)
    for resident in (first, second):
        await agree(resident.person_id, ConsentKind.VOLUNTEER_TERMS)
        await save_details(resident.person_id, real_name="赵磊")
    activity = await publish(leader, community.id, shift(timedelta(days=2), capacity=1))
    starts = datetime.fromisoformat(activity["shifts"][0]["starts_at"])
    staff = await city.phone(of=leader)
    early, late = await city.phone(of=first), await city.phone(of=second)
    for phone in (early, late):
        await phone.open(f"pages/activity/detail?id={activity['id']}")
        await phone.sign_in()
    await early.tap("报名", "允许")
    await early.see("已确认")
    await late.reload()
    await late.tap("候补", "允许")
    await late.see("候补第1位")
    await early.tap("取消报名", "确定")
    await early.see("已取消|本人取消")
    await late.wait_for("已确认")

    # On the day: the code stands on the leader's phone, and is scanned off its screen.
    await city.move_clock(starts)
    await staff.open(f"pages/staff/shift?id={activity['shifts'][0]['id']}")
    await staff.sign_in()
    await staff.tap("签到码")
    await late.reload()
    await late.tap("扫现场的码")
    await late.scan(await staff.code())
    await late.see("签到成功")
    await city.move_clock(starts + timedelta(hours=2))
    await staff.page.get_by_label("返回").locator("visible=true").click()
    await staff.tap("签退码")
    await late.reload()
    await late.tap("扫现场的码")
    await late.scan(await staff.code())
    await late.see("已签退")
    await city.move_clock(starts + timedelta(hours=3))
    await staff.page.get_by_label("返回").locator("visible=true").click()
    await staff.reload()
    await staff.tap("确认出勤", "确定")
    await staff.see("小时")
    await late.open("pages/me/certificates")
    await late.tap("开具证明")
    day = clock.shanghai(starts).date()
    await late.fill(从哪天=(day - timedelta(days=9)).isoformat(), 到哪天=day.isoformat())
    await late.tap("开具证明")
    await late.see("核验码")


async def test_a_booking_is_made_moved_and_cancelled(api: Api, city: City) -> None:
    community = await create_community(name="海滨社区")
    resident = await create_resident(api, community)
    service = await create_service(community, name="家庭医生咨询")
    await city.move_clock(datetime(2031, 3, 3, 7, tzinfo=clock.SHANGHAI))
    phone = await city.phone(of=resident)
    await phone.open(f"pages/venue/detail?id={service.venue_id}")
    await phone.sign_in()
    await phone.touch("家庭医生咨询")
    await phone.touch("^09:30$")
    await phone.tap("预约")
    await phone.fill(备注="量血压")
    await phone.tap("预约", "允许")
    await phone.see("已预约")
    await phone.see("今天 09:30")
    await phone.tap("改期")
    await phone.touch("^明天$")
    # Today this time is one's own; until tomorrow's times stand there, another tap would be of today.
    await phone.see("^09:30\\s*余1$")
    await phone.touch("^10:00$")
    await phone.touch("改到明天 10:00")
    await phone.see("明天 10:00")
    await phone.tap("取消预约", "确定")
    await phone.see("已取消")


async def test_a_member_checks_in_and_takes_a_post(api: Api, city: City) -> None:
    community = await create_community(name="海滨社区")
    await create_organization(Level.GRID, parent=community, name="第一网格")
    office = await create_staff(api, community)
    await create_post(office, community)
    member, staff = await city.phone("王老师"), await city.phone(of=office)
    # The code on the community's wall opens this page.
    await member.open(f"pages/check-in/apply?id={community.id}")
    await member.sign_in()
    await member.see("您住在哪个社区")
    await member.page.get_by_placeholder("输入社区名称").fill("海滨社区")
    await member.page.get_by_placeholder("输入社区名称").press("Enter")
    await member.touch("^海滨社区$")
    await member.tap("跳过", "阅读并同意")
    await member.see("处理党员身份信息")
    await member.tap("阅读并同意")
    await member.fill(居住小区="海滨花园")
    await member.page.get_by_label("所属党组织（手填）").locator("visible=true").fill("市教育局机关党委")
    await member.tap("提交报到", "允许")
    await member.see("待社区确认")

    await staff.open("pages/staff/today")
    await staff.sign_in()
    await staff.touch("党员报到")
    await staff.tap("确认报到")
    await staff.tap("第一网格")
    await staff.tap("确认报到")
    await staff.see("已报到")
    await member.wait_for("已报到")
    await member.tap("认领岗位")
    await member.touch("还缺|余")
    await member.tap("申请这个岗位", "允许")
    await member.see("待社区同意")


async def test_staff_sign_in_to_the_console_by_its_code(api: Api, city: City) -> None:
    staff = await city.phone(of=await create_staff(api, await create_community()))
    desk = await city.browser.new_page()
    await desk.goto(city.server + "/console/sign-in")
    number = await desk.inner_text(".number")
    await staff.open("pages/staff/today")
    await staff.sign_in()
    await staff.tap("扫一扫")
    await staff.scan(await desk.screenshot())
    await staff.page.get_by_label("电脑屏幕上的两位数字").fill(number)
    await staff.tap("同意登录")
    await desk.wait_for_url("**/console/")


async def test_every_page_of_somebody_new_is_sound(api: Api, city: City) -> None:
    """Nothing is wider than the phone, and axe finds no serious fault; in large text too."""
    community = await create_community(name="海滨社区")
    resident = await create_resident(api, community)
    phone = await city.phone(of=resident)
    await phone.open("pages/me/index")
    await phone.sign_in()
    pages = json.loads((SOURCE / "app.json").read_text())["pages"]
    wrong = []
    for large in (False, True):
        await phone.page.evaluate("large => wx.setStorageSync('large', large)", large)
        for path in pages[:: 4 if large else 1]:
            await phone.open(path)
            await phone.loaded()
            wide = await phone.page.evaluate(
                "Math.max(...[...document.querySelectorAll('.page-body')].map(e => e.scrollWidth))"
            )
            if wide > 375:
                wrong.append(f"{path} is {wide} pixels wide")
            wrong += [f"{path}: {fault}" for fault in await find_faults(phone.page)]
    assert wrong == [], "\n".join(wrong)
