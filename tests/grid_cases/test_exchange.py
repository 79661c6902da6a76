"""Other platforms read and file by GeoReport v2, as JSON and as XML, and are told of what becomes of cases."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from xml.etree import ElementTree

import httpx
import pytest

from server.background.outbox import OutboxRow
from server.grid_cases.models import CasePartner, CaseState, GridCase
from server.grid_cases.partners import sign
from server.organizations.models import RoleKind
from tests.builders import create_staff
from tests.clients import Api
from tests.grid_cases.builders import Scene, create_scene, put_case
from tests.simulator import Simulator

NAME = {"name": "12345 热线"}


class GeoReport:
    """A client by hand, as those of the standard are."""

    def __init__(self, client: httpx.AsyncClient, key: str) -> None:
        self.client, self.key = client, key

    async def get(self, path: str, **query: Any) -> httpx.Response:
        return await self.client.get(f"/open311/v2/{path}", params={"api_key": self.key, **query})

    async def post(self, path: str, **form: Any) -> httpx.Response:
        return await self.client.post(f"/open311/v2/{path}", data={"api_key": self.key, **form})


class Told(NamedTuple):
    headers: dict[str, str]
    body: bytes


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[str, list[Told]]]:
    """A partner's server; what it was told."""
    told: list[Told] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        told.append(Told(headers, await reader.readexactly(int(headers["content-length"]))))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/cases", told


async def open_partner(api: Api, scene: Scene, **other: Any) -> tuple[GeoReport, dict[str, Any]]:
    manager = await create_staff(api, scene.subdistrict, RoleKind.MANAGER)
    body = {**NAME, "organization_id": scene.subdistrict.id, **other}
    made = await manager.post("/staff/case-partners", body, expect=201)
    return GeoReport(api.client, made["key"]), made


async def test_a_hotline_files_and_reads(api: Api) -> None:
    scene = await create_scene(api)
    partner, _ = await open_partner(api, scene)
    (service,) = (await partner.get("services.json")).json()
    assert (service["service_code"], service["service_name"], service["group"]) == (
        scene.category.code,
        "井盖",
        "公用设施",
    )
    form = {"service_code": service["service_code"], "description": "井盖不见了", "address_string": "幸福路"}
    answer = await partner.post("requests.json", **form, first_name="大爷", last_name="赵", phone="13911112222")
    assert answer.status_code == 400, "two communities, and no place to tell which"
    scene.community.location = (122.1, 37.5)
    await scene.community.save(update_fields=["location"])
    answer = await partner.post(
        "requests.json", **form, lat="37.5", long="122.1", first_name="大爷", last_name="赵", phone="13911112222"
    )
    assert answer.status_code == 201, answer.text
    case_id = answer.json()[0]["service_request_id"]
    case = await GridCase.get(id=case_id)
    assert (case.source, case.community_id, case.is_private) == ("partner", scene.community.id, True)
    contact = await scene.dispatcher.get(f"/staff/grid-cases/{case_id}/contact")
    assert contact == {"name": "赵大爷", "phone": "13911112222"}
    await scene.dispatcher.post(f"/staff/grid-cases/{case_id}/file")
    (told,) = (await partner.get(f"requests/{case_id}.json")).json()
    assert (told["status"], told["status_notes"], told["description"]) == ("open", "待派遣", "井盖不见了")
    assert (told["lat"], told["long"], told["agency_responsible"]) == (37.5, 122.1, "幸福社区")
    assert "赵" not in str(told)
    assert "13911112222" not in str(told)


async def test_the_same_as_xml(api: Api) -> None:
    scene = await create_scene(api)
    partner, _ = await open_partner(api, scene)
    case_id = await put_case(scene, CaseState.CLOSED)
    answer = await partner.get("requests.xml", service_request_id=case_id)
    assert answer.headers["content-type"].startswith("text/xml")
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "service_requests"
    (request,) = root.findall("request")
    assert [request.findtext(name) for name in ("service_request_id", "status", "status_notes", "service_name")] == [
        case_id,
        "closed",
        "已换上新的井盖",
        "井盖",
    ]
    services = ElementTree.fromstring((await partner.get("services.xml")).content)
    assert services.find("service/service_code").text == scene.category.code  # type: ignore[union-attr]
    errors = ElementTree.fromstring((await partner.get("requests/nothing.xml")).content)
    assert (errors.tag, errors.findtext("error/code")) == ("errors", "404")


async def test_what_a_partner_may_read(api: Api) -> None:
    scene = await create_scene(api)
    partner, made = await open_partner(api, scene)
    shown = await put_case(scene, CaseState.HANDLING)
    hidden_ones: tuple[dict[str, Any], ...] = ({"is_private": True}, {"is_shown": False})
    for hidden in hidden_ones:
        case_id = await put_case(scene, CaseState.HANDLING, **hidden)
        assert (await partner.get(f"requests/{case_id}.json")).status_code == 404
    listed = {each["service_request_id"] for each in (await partner.get("requests.json")).json()}
    assert listed == {shown, scene.bystander}, "the community beside is of the same subdistrict"
    for query, found in (
        ({"status": "closed"}, 0),
        ({"status": "open", "service_code": scene.category.code}, 2),
        ({"service_code": "nothing"}, 0),
        ({"start_date": "2020-01-01T00:00:00+08:00", "end_date": "2020-02-01T00:00:00+08:00"}, 0),
        ({"service_request_id": f"{shown},nothing"}, 1),
    ):
        assert len((await partner.get("requests.json", **query)).json()) == found, query
    other = await create_staff(api, scene.grid, RoleKind.MANAGER)
    key = (await other.post("/staff/case-partners", {**NAME, "organization_id": scene.grid.id}, expect=201))["key"]
    assert (await GeoReport(api.client, key).get("requests.json")).json() == []
    assert made["key"] not in str([bytes(each.key_hash) for each in await CasePartner.all()])


async def test_what_is_refused(api: Api) -> None:
    scene = await create_scene(api)
    partner, made = await open_partner(api, scene)
    nobody = GeoReport(api.client, "wrong")
    assert (await nobody.get("services.json")).status_code == 200, "what can be reported is for everybody"
    for answer in (await nobody.get("requests.json"), await nobody.post("requests.json", description="井盖")):
        assert (answer.status_code, answer.json()[0]["code"]) == (403, 403)
    code = scene.category.code
    for form in (
        {"service_code": "nothing", "description": "井盖"},
        {"service_code": code, "description": " "},
        {"service_code": code, "description": "井盖", "lat": "north", "long": "1"},
        {"service_code": code, "description": "井盖", "lat": "1", "long": "500"},
    ):
        assert (await partner.post("requests.json", **form)).status_code == 400, form
    assert (await partner.get("requests.json", start_date="yesterday")).status_code == 400
    assert (await partner.get("requests.json", start_date="2031-01-01T00:00:00")).status_code == 400
    assert (await partner.get("anything.json")).status_code == 404
    assert (await partner.post("services.json")).status_code == 404
    assert (await partner.get(f"services/{code}.json")).json() == [{"service_code": code, "attributes": []}]
    for url in ("http://partner.example/cases", "ftp://partner.example", "https://user:word@partner.example"):
        manager = await create_staff(api, scene.subdistrict, RoleKind.MANAGER)
        body = {**NAME, "organization_id": scene.subdistrict.id, "webhook_url": url}
        await manager.refused("POST", "/staff/case-partners", body, code="invalid_fields")
    for who in (scene.dispatcher, scene.liaison):
        body = {**NAME, "organization_id": scene.community.id}
        await who.refused("POST", "/staff/case-partners", body, code="not_allowed")
        query = f"/staff/case-partners?organization_id={scene.community.id}"
        await who.refused("GET", query, code="not_allowed")
        await who.refused("DELETE", f"/staff/case-partners/{made['id']}", code="not_found")


async def test_an_ended_key_is_of_no_use(api: Api) -> None:
    scene = await create_scene(api)
    partner, made = await open_partner(api, scene)
    manager = await create_staff(api, scene.subdistrict, RoleKind.MANAGER)
    (listed,) = await manager.get("/staff/case-partners", expect=200, organization_id=scene.subdistrict.id)
    assert (listed["name"], listed["ended_at"], "key" in listed) == ("12345 热线", None, False)
    for _ in range(2):
        await manager.delete(f"/staff/case-partners/{made['id']}")
    assert (await partner.get("requests.json")).status_code == 403
    await manager.refused("DELETE", f"/staff/case-partners/{'0' * 22}", code="not_found")


async def test_each_new_state_is_told_and_signed(
    api: Api, simulator: Simulator, receiver: tuple[str, list[Told]]
) -> None:
    url, told = receiver
    scene = await create_scene(api)
    _, made = await open_partner(api, scene, webhook_url=url)
    case_id, private = (
        await put_case(scene, CaseState.REPORTED),
        await put_case(scene, CaseState.REPORTED, is_private=True),
    )
    for each in (case_id, private):
        await scene.dispatcher.post(f"/staff/grid-cases/{each}/file")
    await scene.dispatcher.post(f"/staff/grid-cases/{case_id}/escalate", {"reason": "上报"})
    await simulator.settle()
    (one,) = told
    body = json.loads(one.body)
    assert (body["service_request_id"], body["status"], body["status_notes"]) == (case_id, "open", "待派遣")
    sent_at, signature = (part.split("=", 1)[1] for part in one.headers["x-linli-signature"].split(","))
    assert signature == sign(made["secret"], sent_at, one.body)
    assert signature != sign("another", sent_at, one.body)


async def test_a_partner_that_is_away_is_told_later(api: Api, simulator: Simulator) -> None:
    scene = await create_scene(api)
    await open_partner(api, scene, webhook_url="http://127.0.0.1:9/cases")
    case_id = await put_case(scene, CaseState.REPORTED)
    await scene.dispatcher.post(f"/staff/grid-cases/{case_id}/file")
    await simulator.settle()
    row = await OutboxRow.get(kind="case_webhook")
    assert (row.state, row.attempts) == ("waiting", 1)
    assert (await GridCase.get(id=case_id)).state is CaseState.FILED, "it hinders nobody"
