"""The demo has a year behind it, so that figures have something to show; all of it could have come about."""

from server.accounts.models import WeChatIdentity
from server.background.sweeps import SWEEPS
from server.demo.city import fill_demo_city, fill_past
from server.foundation import clock
from server.foundation.database import fetch_value
from tests.builders import sign_in
from tests.clients import Api

FIGURES = ("figures_count", "figures_warn")


async def test_a_year_of_history(api: Api) -> None:
    await fill_demo_city()
    others = [sweep for sweep in SWEEPS if sweep.name not in FIGURES]
    for sweep in others:
        await sweep.run()
    await fill_past()
    # It is over: nothing in it is due, and nothing of it lies ahead.
    assert [sweep.name for sweep in others if await sweep.run()] == []
    for table in ("person", "wish", "sign_up", "attendance", "booking", "complaint", "service_entry"):
        assert await fetch_value(f'SELECT max(created_at) FROM "{table}"') <= clock.now()
    for sweep in SWEEPS:
        while sweep.name in FIGURES and await sweep.run():
            pass
    manager = await WeChatIdentity.get(openid="demo-manager").prefetch_related("person")
    caller = await sign_in(api, manager.person)
    street = (await caller.get("/me"))["roles"][0]["organization_id"]
    for code in ("wishes_fulfilled", "shifts", "attendances", "service_hours", "bookings"):
        series = await caller.get("/staff/figures/series", organization_id=street, code=code)
        values = [item["value"] for item in series["items"]]
        assert all(values[:-1]), (code, values)
        assert len(set(values)) > 5, (code, values)
    last = series["items"][-2]["month"]
    asked = {"organization_id": street, "code": "wishes_posted", "month": last}
    children = (await caller.get("/staff/figures/children", **asked))["items"]
    assert sum(child["value"] > 0 for child in children) == 3
    assert series["items"][-2]["month_on_month"] is not None
