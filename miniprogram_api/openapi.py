"""The OpenAPI 3.1 document, written from the declared routes."""

import inspect
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sanic.response import BaseHTTPResponse, ResponseStream

from miniprogram_api.routing import Route, Who
from server.foundation.errors import Refusal
from server.foundation.http import PROBLEM_TYPE, Problem
from server.foundation.settings import Settings
from server.foundation.words import Worded, words_of

EXAMPLES = Path(__file__).parent / "examples.json"
"""By operation; recorded by the tests (tests/examples.py), whose every answer they are taken from."""

PROPERTIES = Path(__file__).parent / "properties.json"
"""What each name of a property says, wherever it stands (as a rule; a declaration may tell its own more exactly)."""

_REF = "#/components/schemas/{name}"
_GENERIC = re.compile(r"\b([A-Z][A-Za-z0-9]*)_([A-Z][A-Za-z0-9]*)_$")


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """What somebody once sent to a route, and what it answered; None where it takes or gives no JSON."""

    request: Any = None
    response: Any = None


def openapi_document(routes: list[Route], settings: Settings) -> bytes:
    """OpenAPI 3.1 as JSON bytes. The same declarations decode the requests, so the two cannot disagree."""
    types = [Problem]
    for route in routes:
        types += [kind for kind in (route.body_type, route.response_type) if is_schema(kind)]
        types += [field.type for field in _query_fields(route)]
        types += [route.parameters[name] for name in route.path_parameters]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    _tell_words(components)
    _tell_properties(components)
    by_type = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    shared: dict[str, Any] = {}
    for route in routes:
        path = "/api/v1" + route.path.replace("<", "{").replace(">", "}")
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, by_type, shared)
    for name, response in shared.items():
        content = response["content"][PROBLEM_TYPE]
        # Named, so that a generated client has one type for it and not one for each route.
        components[f"{name}Problem"], content["schema"] = (
            content["schema"],
            {"$ref": _REF.format(name=f"{name}Problem")},
        )
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
            "responses": dict(sorted(shared.items())),
            "securitySchemes": {"session": {"type": "http", "scheme": "bearer", "description": "登录后得到的令牌"}},
        },
    }
    made = _for_generators(document)
    _show_examples(made)
    return msgspec.json.format(msgspec.json.encode(made), indent=1)


def _show_examples(document: dict[str, Any]) -> None:
    examples = msgspec.json.decode(EXAMPLES.read_bytes(), type=dict[str, Example])
    for methods in document["paths"].values():
        for operation in methods.values():
            example = examples.get(operation["operationId"], Example())
            if example.request is not None:
                operation["requestBody"]["content"]["application/json"]["example"] = example.request
            if example.response is not None:
                answer = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
                answer["content"]["application/json"]["example"] = example.response


def _for_generators(node: Any) -> Any:
    """Without what makes generators of clients stumble: `items: false` (`maxItems` says the same), and the names that
    msgspec gives to generics (`Page_WishCard_` becomes `WishCardPage`)."""
    if isinstance(node, dict):
        kept = {key: value for key, value in node.items() if not (key == "items" and value is False)}
        return {_GENERIC.sub(r"\2\1", key): _for_generators(value) for key, value in kept.items()}
    if isinstance(node, list):
        return [_for_generators(item) for item in node]
    if isinstance(node, str) and node.startswith(_REF.format(name="")):
        return _GENERIC.sub(r"\2\1", node)
    return node


def _tell_words(components: dict[str, Any]) -> None:
    """Add what people read for each member of an enumeration: to its description, and as a list beside `enum`."""
    words = {kind.__name__: words_of(kind) for kind in Worded.__subclasses__()}
    for name, schema in components.items():
        if "enum" in schema:
            lines = [f"- `{value}` {words[name][value]}" for value in schema["enum"]]
            about = inspect.cleandoc(schema.get("description", ""))
            schema["description"] = "\n".join([about, "", *lines] if about else lines)
            schema["x-enum-descriptions"] = [words[name][value] for value in schema["enum"]]


@cache
def _property_words() -> dict[str, str]:
    return msgspec.json.decode(PROPERTIES.read_bytes(), type=dict[str, str])


def _tell_properties(components: dict[str, Any]) -> None:
    """Say of each property in Chinese what its name says, unless it has words of its own."""
    words = _property_words()
    for schema in components.values():
        for name, told in schema.get("properties", {}).items():
            if name in words and told.get("description", "").isascii():
                told["description"] = words[name]


def _operation(route: Route, by_type: dict[int, Any], shared: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.operation_id,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": _parameters(route),
        "responses": _responses(route, by_type, shared),
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


def _query_fields(route: Route) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(route.query_type) if route.query_type else ()


def _schema(kind: Any) -> dict[str, Any]:
    """Of one type alone; what has a name is a reference into the components."""
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=_REF)
    return schema


def _parameters(route: Route) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _schema(route.parameters[name])}
        for name in route.path_parameters
    ]
    parameters += [
        {"name": field.encode_name, "in": "query", "required": field.required, "schema": _schema(field.type)}
        | ({"description": words} if (words := _property_words().get(field.encode_name)) else {})
        for field in _query_fields(route)
    ]
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


def _responses(route: Route, by_type: dict[int, Any], shared: dict[str, Any]) -> dict[str, Any]:
    """By status. A refusal with one code is the same for every route, so it stands once, in `shared`."""
    answer: dict[str, Any] = {"description": "成功"}
    if is_schema(route.response_type):
        answer["content"] = {"application/json": {"schema": by_type[id(route.response_type)]}}
    elif route.options.raw:
        answer["content"] = _raw_content(route)
    responses: dict[str, Any] = {str(route.status): answer}
    refusals: dict[int, list[type[Refusal]]] = {}
    for error in route.errors:
        refusals.setdefault(error.status, []).append(error)
    for status, errors in sorted(refusals.items()):
        name = "".join(part.capitalize() for part in errors[0].code.split("_"))
        is_page = "text/html" in route.options.raw
        if len(errors) == 1 and not is_page:
            if name not in shared:
                shared[name] = _refusal(errors, by_type)
            responses[str(status)] = {"$ref": f"#/components/responses/{name}"}
        else:
            responses[str(status)] = _refusal(errors, by_type)
        if is_page:
            # A page for people may tell a refusal in its own words.
            responses[str(status)]["content"]["text/html"] = {"schema": {}}
    responses["default"] = {"description": "其他错误", "content": {PROBLEM_TYPE: {"schema": by_type[id(Problem)]}}}
    return responses


def _refusal(errors: list[type[Refusal]], by_type: dict[int, Any]) -> dict[str, Any]:
    """A response that is a problem with one of these codes."""
    schema = {"allOf": [by_type[id(Problem)], _with_codes(errors)]}
    refusal: dict[str, Any] = {
        "description": "；".join(f"{error.code} {error.title}" for error in errors),
        "content": {PROBLEM_TYPE: {"schema": schema}},
    }
    if any(error.retry_after for error in errors):
        refusal["headers"] = {
            "Retry-After": {"description": "多少秒后可以再试", "schema": {"type": "integer", "minimum": 1}}
        }
    return refusal


def _with_codes(errors: list[type[Refusal]]) -> dict[str, Any]:
    """A problem whose code is one of these, each told in its words."""
    titles = {error.code: error.title for error in errors}
    code = {"type": "string", "enum": list(titles), "x-enum-descriptions": list(titles.values())}
    return {"type": "object", "properties": {"code": code}, "required": ["code"]}


def is_schema(kind: Any) -> bool:
    """Whether a request or response type is data (and not nothing, or a raw response)."""
    is_raw = isinstance(kind, type) and issubclass(kind, (BaseHTTPResponse, ResponseStream))
    return kind not in (None, type(None)) and not is_raw
