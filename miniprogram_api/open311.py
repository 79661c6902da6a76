"""Open311 GeoReport v2 at `/open311/v2`: services, and requests that partners read and file by their key, as JSON and
as XML. Beside the API, since the standard has paths, forms and errors of its own."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from xml.etree import ElementTree

import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from miniprogram_api.admission import answer_within
from server.foundation.errors import InvalidFields, NotFound, Refusal
from server.foundation.rates import Group
from server.grid_cases import exchange
from server.grid_cases.partners import partner_of

_RESOURCE = re.compile(r"(services|requests)(?:/(\w+))?\.(json|xml)")
_TAGS = {
    "services": ("services", "service"),
    "requests": ("service_requests", "request"),
    "errors": ("errors", "error"),
}


def add_open311(app: Sanic[Any, Any]) -> None:
    """`GET` and `POST` below /open311/v2."""

    @app.get("/open311/v2/<resource:path>", name="open311_read")
    async def read(request: Request, resource: str) -> HTTPResponse:
        request.ctx.operation = "open311_read"
        return await _answered(request, resource, Group.READ, lambda name, id_: _read(request, name, id_))

    @app.post("/open311/v2/<resource:path>", name="open311_file")
    async def file(request: Request, resource: str) -> HTTPResponse:
        request.ctx.operation = "open311_file"
        return await _answered(request, resource, Group.WRITE, lambda name, id_: _file(request, name, id_), status=201)


async def _answered(request: Request, resource: str, group: Group, do: Any, status: int = 200) -> HTTPResponse:
    found = _RESOURCE.fullmatch(resource)
    name, id_, form = found.groups() if found else ("errors", None, "json")
    try:
        if not found:
            raise NotFound()
        rows = await answer_within(group, None, request.ctx.address, lambda: do(name, id_))
    except Refusal as refusal:
        # The standard knows 400 for whatever is wrong in a request.
        status = 400 if refusal.status in (409, 422) else refusal.status
        words = refusal.errors[0].problem if refusal.errors else refusal.detail or refusal.title
        name, rows = "errors", [{"code": status, "description": words}]
    if form == "xml":
        return HTTPResponse(_xml(name, rows), status=status, content_type="text/xml; charset=utf-8")
    return HTTPResponse(msgspec.json.encode(rows), status=status, content_type="application/json")


async def _read(request: Request, name: str, id_: str | None) -> Sequence[dict[str, Any]]:
    given = {key: values[0] for key, values in request.get_args(keep_blank_values=True).items()}
    if name == "services":
        services = await exchange.list_services()
        if id_ is None:
            return services
        return [
            {"service_code": each["service_code"], "attributes": []} for each in services if each["service_code"] == id_
        ]
    partner = await partner_of(given.get("api_key", ""))
    if id_:
        return [await exchange.get_request(partner, id_)]
    return await exchange.list_requests(
        partner,
        ids=_several(given.get("service_request_id", "")),
        codes=_several(given.get("service_code", "")),
        status=given.get("status", ""),
        since=_moment("start_date", given),
        until=_moment("end_date", given),
    )


async def _file(request: Request, name: str, id_: str | None) -> Sequence[dict[str, Any]]:
    if name != "requests" or id_:
        raise NotFound()
    form = {key: str(values[0]) for key, values in (request.form or {}).items()}
    partner = await partner_of(form.get("api_key", ""))
    return [{"service_request_id": await exchange.file_request(partner, form), "service_notice": "", "account_id": ""}]


def _several(text: str) -> list[str]:
    return [part for part in text.split(",") if part]


def _moment(field: str, given: dict[str, str]) -> datetime | None:
    if not given.get(field):
        return None
    try:
        moment = datetime.fromisoformat(given[field].replace(" ", "+"))
    except ValueError:
        raise InvalidFields.of(field, "时间格式不正确") from None
    if moment.tzinfo is None:
        raise InvalidFields.of(field, "时间须带时区")
    return moment


def _xml(name: str, rows: Sequence[dict[str, Any]]) -> bytes:
    outer, inner = _TAGS[name]
    root = ElementTree.Element(outer)
    for row in rows:
        item = ElementTree.SubElement(root, inner)
        for key, value in row.items():
            if not isinstance(value, list):
                ElementTree.SubElement(item, key).text = "" if value is None else str(value)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
