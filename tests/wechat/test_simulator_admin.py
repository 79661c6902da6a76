"""The simulator's admin side does what it says; people outlive a restart; the page is there."""

import base64
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from asgi_lifespan import LifespanManager

from server.foundation import clock
from server.foundation.settings import Environment, Settings
from server.wechat.simulator import create_simulator
from tests.wechat.conftest import MESSAGE, Simulator


async def test_persons_and_grants(simulator: Simulator) -> None:
    person = await simulator.admin("persons", {"openid": "oChosen", "nickname": "王芳", "phone_number": "13800000000"})
    assert (person["openid"], person["nickname"], person["phone_number"]) == ("oChosen", "王芳", "13800000000")
    again = await simulator.admin("persons", {"openid": "oChosen", "nickname": "王芳芳"})
    assert (again["nickname"], again["phone_number"]) == ("王芳芳", "13800000000")
    await simulator.accept("oChosen", "wish_progress", simulator.ids["place_free"], times=2)
    refused = await simulator.admin("persons/oChosen/refusals", {"templates": ["place_free"]})
    assert refused["grants"] == {"wish_progress": 2}
    assert [one["openid"] for one in (await simulator.look("persons"))["items"]] == ["oChosen"]
    names = [template["name"] for template in (await simulator.look("templates"))["items"]]
    assert "wish_progress" in names


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("persons/nobody/login-code", {}, 404),
        ("persons/nobody/subscriptions", {}, 404),
        ("persons", {"nickname": 1}, 400),
        ("persons", {"unknown": "x"}, 400),
        ("faults", {"when": "never"}, 400),
        ("nothing", {}, 404),
    ],
)
async def test_admin_says_what_is_wrong(simulator: Simulator, path: str, body: object, status: int) -> None:
    assert (await simulator.http.post(f"/admin/{path}", json=body)).status_code == status


async def test_other_sites_cannot_post_to_the_admin_side(simulator: Simulator) -> None:
    answer = await simulator.http.post("/admin/reset", content=b"{}", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


async def test_unknown_templates_cannot_be_accepted(simulator: Simulator) -> None:
    openid = await simulator.person()
    answer = await simulator.http.post(f"/admin/persons/{openid}/subscriptions", json={"accept": ["nothing"]})
    assert answer.status_code == 400


async def test_the_clock_moves(simulator: Simulator) -> None:
    moved = await simulator.admin("clock", {"by_seconds": 3600})
    assert moved["offset_seconds"] == 3600
    moved = await simulator.admin("clock", {"by_seconds": 60})
    assert moved["offset_seconds"] == 3660
    moved = await simulator.admin("clock", {"to": "2030-01-01T08:00:00"})
    assert moved["shanghai"].startswith("2030-01-01T08:00:0")
    assert clock.shanghai(clock.now()).year == 2030
    assert (await simulator.admin("clock", {"offset_seconds": 0}))["offset_seconds"] == 0
    shown = await simulator.look("clock")
    assert datetime.fromisoformat(shown["now"]) - clock.now() < timedelta(seconds=1)


async def test_the_outbox_can_be_read_in_parts(simulator: Simulator) -> None:
    openid, other = await simulator.person(), await simulator.person("wish_progress")
    await simulator.accept(openid, "wish_progress", times=3)
    wechat = simulator.wechat()
    for to in (openid, openid, other, openid):
        await wechat.send_subscribe_message(to, simulator.ids["wish_progress"], "", MESSAGE)
    numbers = [message["number"] for message in await simulator.outbox(openid)]
    assert numbers == [1, 2, 4]
    since = await simulator.look("outbox", openid=openid, since=2)
    assert [message["number"] for message in since["items"]] == [4]
    newest = await simulator.look("outbox", limit=2)
    assert [message["number"] for message in newest["items"]] == [3, 4]
    assert newest["count"] == 4
    persons = {person["openid"]: person["messages"] for person in (await simulator.look("persons"))["items"]}
    assert persons == {openid: 3, other: 1}


async def test_people_outlive_a_restart(tmp_path: Path) -> None:
    settings = Settings(environment=Environment.TEST, data_dir=tmp_path)
    wechat_code = ""
    for run in range(2):
        app = create_simulator(settings)
        async with LifespanManager(app):
            simulator = Simulator(app, settings, httpx.ASGITransport(app))
            async with simulator.kept():
                await simulator.admin("pushes", {"enabled": False})
                if run == 0:
                    openid = await simulator.person("wish_progress")
                    await simulator.accept(openid, "wish_progress")
                    wechat_code = await simulator.login_code(openid)
                wechat = simulator.wechat()
                await wechat.send_subscribe_message(openid, simulator.ids["wish_progress"], "", MESSAGE)
                if run == 1:
                    assert (await wechat.code_to_session(wechat_code)).openid == openid
                    assert len(await simulator.outbox(openid)) == 2
                    assert simulator.counter("tokens_issued") == 0


async def test_a_broken_snapshot_starts_empty(tmp_path: Path) -> None:
    (tmp_path / "wechat-simulator.json").write_bytes(b"{broken")
    app = create_simulator(Settings(environment=Environment.TEST, data_dir=tmp_path))
    assert app.ctx.state.saved.persons == {}


async def test_the_page_is_there_and_needs_nobody_else(simulator: Simulator) -> None:
    answer = await simulator.http.get("/")
    assert answer.headers["content-type"].startswith("text/html")
    assert "服务通知" in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text


async def test_encrypted_phones_are_for_their_session_key(simulator: Simulator) -> None:
    openid = await simulator.person()
    sealed = await simulator.admin(f"persons/{openid}/encrypted-phone")
    assert len(base64.b64decode(sealed["iv"])) == 16
