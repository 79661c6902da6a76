"""The OpenAPI document: valid, complete, and the same wherever it comes from."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from miniprogram_api.openapi import EXAMPLES, PROPERTIES, Example, is_schema, openapi_document
from miniprogram_api.routes import ROUTES
from miniprogram_api.routing import Route, Who
from server.foundation.http import PROBLEM_TYPE
from server.foundation.settings import Settings
from server.foundation.words import Worded
from server.wishes.models import WishState
from tests.clients import Api
from tests.examples import only_right


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi_document(ROUTES, Settings()))
    return found


def operation_of(document: dict[str, Any], route: Route) -> dict[str, Any]:
    path = "/api/v1" + re.sub(r"<(\w+)>", r"{\1}", route.path)
    found: dict[str, Any] = document["paths"][path][route.method.lower()]
    return found


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """What stands there, or what it refers to."""
    if "$ref" not in node:
        return node
    *_, kind, name = node["$ref"].split("/")
    found: dict[str, Any] = document["components"][kind][name]
    return found


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(document).validate()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    for kind in ("schemas", "responses"):
        named = set(re.findall(rf'"#/components/{kind}/([^"]+)"', json.dumps(document)))
        assert named == set(document["components"][kind])


def test_no_two_types_share_a_name(document: dict[str, Any]) -> None:
    """Where two do, both get their module's name before theirs, and a query's parameter would not know which it is."""
    assert not [name for name in document["components"]["schemas"] if "." in name]
    names = [kind.__name__ for kind in Worded.__subclasses__() if kind.__module__.startswith("server.")]
    assert sorted(names) == sorted(set(names))


def test_generators_of_clients_can_read_it(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name)] == []
    assert schemas["WishCardPage"]["properties"]["items"]["items"] == {"$ref": "#/components/schemas/WishCard"}
    assert '"items": false' not in json.dumps(document)


def _successes(document: dict[str, Any]) -> Iterator[Any]:
    """What the paths say apart from their refusals."""
    for methods in document["paths"].values():
        for operation in methods.values():
            answers = {status: one for status, one in operation["responses"].items() if status.startswith("2")}
            yield {**operation, "responses": answers}


def test_every_enumeration_has_words(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    enumerations = [schema for schema in schemas.values() if "enum" in schema]
    types = {name: schema for name, schema in schemas.items() if "allOf" not in schema}
    elsewhere = json.dumps([types, [*_successes(document)]])
    assert elsewhere.count('"enum": [') == len(enumerations), (
        "each is a type of its own, but for the codes of a refusal"
    )
    for schema in enumerations:
        words = schema["x-enum-descriptions"]
        for value, word in zip(schema["enum"], words, strict=True):
            assert re.search(r"[\u4e00-\u9fff]", word)
            assert f"- `{value}` {word}" in schema["description"].splitlines()
    assert schemas["WishState"]["x-enum-descriptions"] == [
        WishState(state).word for state in schemas["WishState"]["enum"]
    ]


def test_every_property_says_what_it_is(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    silent, names = [], set()
    for kind, schema in schemas.items():
        for name, told in schema.get("properties", {}).items():
            names.add(name)
            references = [one["$ref"].rsplit("/")[-1] for one in (told, *told.get("anyOf", [])) if "$ref" in one]
            is_enumeration = any("enum" in schemas[reference] for reference in references)
            if not is_enumeration and not re.search(r"[\u4e00-\u9fff]", told.get("description", "")):
                silent.append(f"{kind}.{name}")
    for methods in document["paths"].values():
        for operation in methods.values():
            for parameter in operation["parameters"]:
                if parameter["in"] == "query":
                    names.add(parameter["name"])
                    assert re.search(r"[\u4e00-\u9fff]", parameter.get("description", "")), parameter["name"]
    assert silent == [], "words for them belong into miniprogram_api/properties.json"
    assert json.loads(PROPERTIES.read_text()).keys() <= names


def test_every_request_and_answer_has_an_example(document: dict[str, Any]) -> None:
    """One that somebody sent and the app gave, and that is still right. `pytest --record-examples` takes what lacks."""
    examples = msgspec.json.decode(EXAMPLES.read_bytes(), type=dict[str, Example])
    assert examples.keys() <= {route.operation_id for route in ROUTES}
    for route in ROUTES:
        example = examples.get(route.operation_id, Example())
        assert only_right(route, example) == example, f"{route.operation_id}: the example is not right any more"
        operation = operation_of(document, route)
        if route.body_type:
            assert operation["requestBody"]["content"]["application/json"]["example"] == example.request is not None
        if is_schema(route.response_type):
            answer = operation["responses"][str(route.status)]
            assert answer["content"]["application/json"]["example"] == example.response is not None


def test_operation_ids_are_unique() -> None:
    ids = [route.operation_id for route in ROUTES]
    assert sorted(ids) == sorted(set(ids))


def test_no_two_routes_have_the_same_path(document: dict[str, Any]) -> None:
    assert sum(len(methods) for methods in document["paths"].values()) == len(ROUTES)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_every_route_is_documented(document: dict[str, Any], route: Route) -> None:
    operation = operation_of(document, route)
    assert re.search(r"[\u4e00-\u9fff]", operation["summary"]), "the summary is what people see in the documentation"
    assert operation["operationId"] == route.operation_id
    assert operation["tags"]
    responses = {status: resolved(document, answer) for status, answer in operation["responses"].items()}
    assert [status for status in responses if status.startswith("2")]
    assert "default" in responses
    problems = {status: answer for status, answer in responses.items() if not status.startswith("2")}
    for status, answer in problems.items():
        pages = set() if status == "default" else {"text/html"} & set(route.options.raw)
        assert answer["content"].keys() == {PROBLEM_TYPE, *pages}
        schema = answer["content"][PROBLEM_TYPE]["schema"]
        if status == "default":
            assert schema == {"$ref": "#/components/schemas/Problem"}
        else:
            problem, told = resolved(document, schema)["allOf"]
            assert problem == {"$ref": "#/components/schemas/Problem"}
            code = told["properties"]["code"]
            expected = {error.code: error.title for error in route.errors if str(error.status) == status}
            assert dict(zip(code["enum"], code["x-enum-descriptions"], strict=True)) == expected
    for error in route.errors:
        assert f"{error.code} {error.title}" in problems[str(error.status)]["description"]
    assert not set(route.options.errors) & set(route.implied_errors()), (
        "what follows from a declaration is not repeated"
    )
    assert ("401" in problems) is (route.who is not Who.ANYONE)
    assert bool(operation["security"]) is (route.who is not Who.ANYONE)
    named = [parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"]
    assert named == route.path_parameters


def test_every_request_is_read_strictly() -> None:
    """And whatever is in it."""
    for route in ROUTES:
        kinds = [kind for kind in (route.body_type, route.query_type) if kind]
        _, schemas = msgspec.json.schema_components(kinds)
        for name, schema in schemas.items():
            assert "properties" not in schema or schema.get("additionalProperties") is False, (route.operation_id, name)


async def test_the_server_serves_it(api: Api, settings: Settings) -> None:
    served = await api.client.get("/api/v1/openapi.json")
    assert served.headers["content-type"] == "application/json"
    assert served.content == openapi_document(ROUTES, settings)


def test_the_command_prints_it() -> None:
    command = [sys.executable, "-m", "server", "openapi"]
    printed = subprocess.run(command, capture_output=True, check=True, env={}).stdout
    assert printed == openapi_document(ROUTES, Settings()) + b"\n"
