"""Figures by month on the console's pages: as the API has them, with their rows and warnings."""

from datetime import timedelta
from typing import Any

from server.figures.models import FigureMonth
from server.figures.months import this_month
from server.figures.warnings.looking import look
from server.foundation import clock
from tests.builders import create_community, create_person, create_staff, move_clock_to
from tests.clients import Api
from tests.console.visiting import Browser
from tests.figures.builders import count, put_figure


async def test_a_figure_over_time_and_what_it_was_counted_from(app: Any, api: Api) -> None:
    here = await create_community(name="幸福社区")
    staff = await create_staff(api, here)
    for _ in range(6):
        await create_person(community=here)
    move_clock_to(clock.now() + timedelta(minutes=1))
    await count(this_month())
    browser = await Browser(app).sign_in(staff)
    await browser.open("/console/trends?code=residents")
    assert browser.status == 200
    assert "登记居民：6 人" in browser.text
    assert "本月未结束" in browser.text
    assert "无法比较" in browser.text
    await browser.open(browser.link("/console/trends/rows").replace("&amp;", "&"))
    assert browser.text.count('data-label="事项"') == 6
    assert (await browser.open("/console/trends?code=nonsense")).status == 422
    sheet = await browser.client.get("/console/trends/export")
    assert sheet.headers["content-type"].startswith("application/vnd.openxml")


async def test_a_warning_on_the_desk_is_dealt_with_there(app: Any, api: Api) -> None:
    here = await create_community(name="幸福社区")
    staff = await create_staff(api, here)
    await put_figure(here, "complaints_overdue", 2, month=this_month())
    await look((await FigureMonth.get()).id)
    browser = await Browser(app).sign_in(staff)
    assert "预警待处理" in browser.text
    await browser.open("/console/pages/warnings")
    assert "意见逾期未答复" in browser.text
    await browser.open(browser.link("/console/pages/warnings/"))
    await browser.open(browser.link("act_on_warning"))
    await browser.send(str(browser.url), {"doing": "今天答复"})
    await browser.open("/console/pages/warnings")
    assert "处理中" in browser.text
