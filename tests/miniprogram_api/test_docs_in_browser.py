"""The documentation page in a real browser: words are found, and a request can be sent from it.

Needs Chromium (Debian: apt install chromium).
"""

import pytest

from tests import chromium as browser
from tests.builders import create_community, create_resident
from tests.clients import Api
from tests.console import test_browser
from tests.console.test_browser import Desk

pytestmark = test_browser.pytestmark
chromium, desk = browser.chromium, test_browser.desk
"""The browser, and the console's tab."""


@pytest.mark.timeout(300)
async def test_a_developer_looks_something_up_and_tries_it(api: Api, desk: Desk) -> None:
    reader = await create_resident(api, await create_community(), nickname="读文档的人")
    page = desk.page
    await desk.open("/docs")
    search = page.locator(".operation-filter-input")
    assert await search.get_attribute("placeholder") == "按说明、路径或操作名查找"
    # Words of a summary, and a name that only the operation has.
    for words, found in (("花名册核对", "对这条花名册核对能做什么"), ("get_me", "我的资料")):
        await search.fill(words)
        await page.get_by_text(found, exact=True).first.wait_for()
        assert await page.locator(".opblock").count() < 5
    await page.locator("button.authorize").first.click()
    await page.locator(".auth-container input").fill(reader.token)
    await page.locator(".auth-btn-wrapper .authorize").click()
    await page.locator(".auth-btn-wrapper .btn-done").click()
    await page.locator(".opblock-summary").first.click()
    await page.locator(".try-out__btn").click()
    await page.locator("button.execute").click()
    answer = page.locator(".live-responses-table .response").first
    await answer.wait_for()
    assert (await answer.locator(".response-col_status").inner_text()).startswith("200")
    assert "读文档的人" in await answer.inner_text()
    assert desk.wrong == []
