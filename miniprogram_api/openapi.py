"""The OpenAPI 3.1 document, written from the declared routes."""

from typing import Any

import msgspec
from sanic.response import BaseHTTPResponse, ResponseStream

from miniprogram_api.routing import Route, Who
from server.foundation.errors import Refusal
from server.foundation.http import PROBLEM_TYPE, Problem
from server.foundation.settings import Settings

_REF = "#/components/schemas/{name}"


def openapi_document(routes: list[Route], settings: Settings) -> bytes:
    """OpenAPI 3.1 as JSON bytes. The same declarations decode the requests, so the two cannot disagree."""
    types = [Problem]
    for route in routes:
        types += [kind for kind in (route.body_type, route.response_type) if is_schema(kind)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        path = "/api/v1" + route.path.replace("<", "{").replace(">", "}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_type, components)
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "邻里 Linli",
            "version": "1",
            "description": "城市社区小程序后端：双报到、微心愿、志愿服务、邻里中心预约与微信通知。",
        },
        "servers": [{"url": settings.public_base}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer", "description": "登录后得到的令牌"}},
        },
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1)


def _operation(route: Route, by_type: dict[int, Any], components: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": _parameters(route, components),
        "responses": _responses(route, by_type),
        "security": [] if route.who is Who.ANYONE else [{"session": []}],
    }
    if route.description.strip():
        operation["description"] = route.description.strip()
    if route.body_type:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": by_type[id(route.body_type)]}},
        }
    elif route.reads_raw_body:
        operation["requestBody"] = {"required": True, "content": _raw_content(route)}
    return operation


def _raw_content(route: Route) -> dict[str, Any]:
    """The bodies of a raw route by media type; a form has one file, named `file`."""
    form = {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]}
    return {kind: {"schema": form if kind == "multipart/form-data" else {}} for kind in route.options.raw}


def _parameters(route: Route, components: dict[str, Any]) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = []
    for name in route.path_parameters:
        (schema,), _ = msgspec.json.schema_components([route.parameters[name]], ref_template=_REF)
        parameters.append({"name": name, "in": "path", "required": True, "schema": schema})
    if route.query_type:
        for field in msgspec.structs.fields(route.query_type):
            (schema,), added = msgspec.json.schema_components([field.type], ref_template=_REF)
            components.update(added)
            parameters.append({"name": field.encode_name, "in": "query", "required": field.required, "schema": schema})
    if route.idempotent:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "description": "重复提交时返回第一次的结果，保留 24 小时",
                "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{8,64}$"},
            }
        )
    return parameters


def _responses(route: Route, by_type: dict[int, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "成功"}
    if is_schema(route.response_type):
        answer["content"] = {"application/json": {"schema": by_type[id(route.response_type)]}}
    elif route.options.raw:
        answer["content"] = _raw_content(route)
    elif route.response_type is not None:
        answer["content"] = {"*/*": {"schema": {}}}
    responses: dict[str, Any] = {str(route.status): answer}
    refusals: dict[int, list[type[Refusal]]] = {}
    for error in route.errors:
        refusals.setdefault(error.status, []).append(error)
    for status, errors in sorted(refusals.items()):
        responses[str(status)] = {
            "description": "；".join(f"{error.code} {error.title}" for error in errors),
            "content": {PROBLEM_TYPE: {"schema": by_type[id(Problem)]}},
        }
    responses["default"] = {
        "description": "其他错误",
        "content": {PROBLEM_TYPE: {"schema": by_type[id(Problem)]}},
    }
    return responses


def is_schema(kind: Any) -> bool:
    """Whether a request or response type is data (and not nothing, or a raw response)."""
    is_raw = isinstance(kind, type) and issubclass(kind, (BaseHTTPResponse, ResponseStream))
    return kind not in (None, type(None)) and not is_raw
