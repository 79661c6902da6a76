"""What the simulator pushes is what our decoder reads: over HTTP, encrypted, repeated, late, in both notations."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from asgi_lifespan import LifespanManager
from PIL import Image
from sanic import Request, Sanic
from sanic.response import HTTPResponse, text

from server.foundation.settings import PLAIN_PUSHES, Environment, Settings
from server.wechat import ContentScene, Suggest
from server.wechat.push import PictureVerdict, PushDecoder, PushEvent, SubscribeAnswer, SubscribeChange, SubscribeSent
from server.wechat.simulator import create_simulator
from tests.wechat.conftest import MESSAGE, Simulator


class Receiver:
    """Stands for our server: decodes what arrives, and shows pictures."""

    def __init__(self, settings: Settings) -> None:
        self.decoder = PushDecoder(settings)
        self.events: list[PushEvent] = []
        self.bodies: list[dict[str, Any] | bytes] = []
        self.fails = 0
        self.pictures: dict[str, bytes] = {}
        self.app = Sanic(f"receiver_{id(self)}", configure_logging=False)
        self.app.config.TOUCHUP = False
        self.app.add_route(self.receive, "/wechat/push", methods=["POST"], name="receive")
        self.app.add_route(self.show, "/pictures/<name>", name="show")

    async def receive(self, request: Request) -> HTTPResponse:
        if self.fails:
            self.fails -= 1
            return text("later", status=500)
        self.bodies.append(request.body)
        self.events += self.decoder.decode({key: values[0] for key, values in request.args.items()}, request.body)
        return text("success")

    async def show(self, _request: Request, name: str) -> HTTPResponse:
        found = self.pictures.get(name)
        return HTTPResponse(found or b"", status=200 if found else 404, content_type="image/png")


@asynccontextmanager
async def connected(tmp_path: Path) -> AsyncIterator[tuple[Simulator, Receiver]]:
    settings = Settings(environment=Environment.TEST, data_dir=tmp_path)
    receiver = Receiver(settings)
    app = create_simulator(settings, persist=False, push_transport=httpx.ASGITransport(receiver.app))
    async with LifespanManager(receiver.app), LifespanManager(app):
        simulator = Simulator(app, settings, httpx.ASGITransport(app))
        async with simulator.kept():
            await simulator.admin("pushes", {"retry_pause_seconds": 0})
            yield simulator, receiver


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[Simulator, Receiver]]:
    async with connected(tmp_path) as found:
        yield found


Both = tuple[Simulator, Receiver]


@pytest.mark.parametrize("notation", ["json", "xml"])
@pytest.mark.parametrize("count", [1, 2])
async def test_an_answered_popup(both: Both, notation: str, count: int) -> None:
    simulator, receiver = both
    await simulator.admin("pushes", {"format": notation})
    openid = await simulator.person()
    names = ["wish_progress", "place_free"][:count]
    await simulator.accept(openid, *names)
    await simulator.app.ctx.pushes.drain()
    answers = [event for event in receiver.events if isinstance(event, SubscribeAnswer)]
    assert [(event.openid, event.template_id, event.accepted) for event in answers] == [
        (openid, simulator.ids[name], True) for name in names
    ]


async def test_accepting_and_rejecting_at_once(both: Both) -> None:
    simulator, receiver = both
    openid = await simulator.person()
    body = {"accept": ["wish_progress"], "reject": ["place_free"]}
    assert (await simulator.admin(f"persons/{openid}/subscriptions", body))["grants"] == {"wish_progress": 1}
    await simulator.admin(f"persons/{openid}/refusals", {"templates": ["wish_progress"]})
    await simulator.app.ctx.pushes.drain()
    answers = {event.template_id: event.accepted for event in receiver.events if isinstance(event, SubscribeAnswer)}
    assert answers == {simulator.ids["wish_progress"]: True, simulator.ids["place_free"]: False}
    (change,) = [event for event in receiver.events if isinstance(event, SubscribeChange)]
    assert (change.template_id, change.accepted) == (simulator.ids["wish_progress"], False)


async def test_a_sent_message_is_reported(both: Both) -> None:
    simulator, receiver = both
    openid = await simulator.person("wish_progress")
    msgid = await simulator.wechat().send_subscribe_message(openid, simulator.ids["wish_progress"], "", MESSAGE)
    await simulator.app.ctx.pushes.drain()
    (sent,) = [event for event in receiver.events if isinstance(event, SubscribeSent)]
    assert (sent.msgid, sent.error_code, sent.openid) == (msgid, 0, openid)


async def test_duplicates_have_the_same_key(both: Both) -> None:
    simulator, receiver = both
    await simulator.admin("pushes", {"duplicates": 2, "delay_seconds": 0.01})
    await simulator.person("wish_progress")
    await simulator.app.ctx.pushes.drain()
    assert len(receiver.events) == 3
    assert len({event.key for event in receiver.events}) == 1


async def test_a_failed_push_is_tried_again_up_to_three_times(both: Both) -> None:
    simulator, receiver = both
    for fails, arrives in ((3, 1), (4, 0)):
        receiver.events.clear()
        receiver.fails = fails
        await simulator.person("wish_progress")
        await simulator.app.ctx.pushes.drain()
        assert len(receiver.events) == arrives
    assert simulator.counter("pushes given up") == 1


async def test_pushes_can_be_plain_or_off(both: Both) -> None:
    simulator, receiver = both
    await simulator.admin("pushes", {"enabled": False})
    await simulator.person("wish_progress")
    await simulator.app.ctx.pushes.drain()
    assert receiver.bodies == []
    receiver.decoder = PushDecoder(Settings(wechat_push_aes_key=PLAIN_PUSHES))
    await simulator.admin("pushes", {"encrypted": False})
    await simulator.person("wish_progress")
    await simulator.app.ctx.pushes.drain()
    assert len(receiver.events) == 1


def picture(colour: tuple[int, int, int], kind: str = "PNG") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(content, kind)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "suggest", "errcode"),
    [
        (picture((60, 120, 200)), Suggest.PASS, 0),
        (picture((230, 10, 10)), Suggest.RISKY, 0),
        (picture((230, 10, 10), "JPEG"), Suggest.RISKY, 0),
        (picture((240, 220, 20)), Suggest.REVIEW, 0),
        (b"no picture", Suggest.REVIEW, 0),
        (None, Suggest.REVIEW, -1008),
    ],
)
async def test_pictures_are_fetched_and_judged(
    both: Both, content: bytes | None, suggest: Suggest, errcode: int
) -> None:
    simulator, receiver = both
    if content:
        receiver.pictures["a"] = content
    openid, url = await simulator.person(), f"{simulator.settings.public_base}/pictures/a"
    trace_id = await simulator.wechat().check_picture_async(openid, ContentScene.FORUM, url)
    await simulator.app.ctx.pushes.drain()
    (verdict,) = [event for event in receiver.events if isinstance(event, PictureVerdict)]
    assert (verdict.trace_id, verdict.suggest, verdict.errcode) == (trace_id, suggest, errcode)


@pytest.mark.parametrize("url", ["http://example.com/a", "file:///etc/passwd", "nonsense", "http://10.0.0.1/a", ""])
async def test_pictures_from_elsewhere_are_not_fetched(both: Both, url: str) -> None:
    simulator, receiver = both
    await simulator.wechat().check_picture_async(await simulator.person(), ContentScene.FORUM, url)
    await simulator.app.ctx.pushes.drain()
    (verdict,) = [event for event in receiver.events if isinstance(event, PictureVerdict)]
    assert (verdict.suggest, verdict.errcode) == (Suggest.REVIEW, -1008)


async def test_the_next_pictures_verdict_can_be_set(both: Both) -> None:
    simulator, receiver = both
    receiver.pictures["a"] = picture((60, 120, 200))
    await simulator.admin("picture-verdicts", {"suggest": "risky", "label": 20002})
    openid, url = await simulator.person(), f"{simulator.settings.public_base}/pictures/a"
    for expected in (Suggest.RISKY, Suggest.PASS):
        receiver.events.clear()
        await simulator.wechat().check_picture_async(openid, ContentScene.FORUM, url)
        await simulator.app.ctx.pushes.drain()
        assert [event.suggest for event in receiver.events if isinstance(event, PictureVerdict)] == [expected]
