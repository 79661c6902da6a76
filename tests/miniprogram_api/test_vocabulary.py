"""One vocabulary: what is the same has one name and one form in every request and answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from miniprogram_api.openapi import openapi_document
from miniprogram_api.routes import ROUTES
from server.foundation.settings import Settings

SCANNED = ("what the QR code says", "what the code shown says")


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    document = json.loads(openapi_document(ROUTES, Settings()))
    found: dict[str, Any] = document["components"]["schemas"]
    return found


def properties_of(schemas: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Schema, property, and what it is, null aside."""
    for name, schema in schemas.items():
        for member, kind in schema.get("properties", {}).items():
            kinds = [one for one in kind.get("anyOf", [kind]) if one != {"type": "null"}]
            yield name, member, kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def reference(name: str) -> str:
    return f"#/components/schemas/{name}"


def test_a_location_has_one_form(schemas: dict[str, Any]) -> None:
    assert set(schemas["Location"]["properties"]) == {"longitude", "latitude"}
    for name, member, kind in properties_of(schemas):
        assert member not in {"longitude", "latitude", "lng", "lat"} or name == "Location", name
        is_location = kind.get("$ref") == reference("Location")
        assert (member == "location") == is_location, (name, member)
    assert '"prefixItems"' not in json.dumps(schemas), "a bare pair"


def test_a_distance_has_one_form(schemas: dict[str, Any]) -> None:
    for name, member, kind in properties_of(schemas):
        if member.endswith("meters"):
            assert kind["type"] == "integer", (name, member)
        elif member == "distance":
            assert "$ref" in kind, (name, "how far is told in `meters`")


def test_a_rating_has_one_form(schemas: dict[str, Any]) -> None:
    fields = {"stars", "text", "rated_at"}
    assert set(schemas["Rating"]["properties"]) == fields
    assert set(schemas["NewRating"]["properties"]) == fields - {"rated_at"}
    for name, member, kind in properties_of(schemas):
        assert member not in {"comment", "score", "rated", "average", "star"}, (name, member)
        beside = schemas[name]["properties"]
        if member == "stars":
            told = fields - {"rated_at"} if schemas[name].get("additionalProperties") is False else fields
            assert {one: beside[one] for one in told} == {
                one: schemas["NewRating" if "rated_at" not in told else "Rating"]["properties"][one] for one in told
            }, name
        if member == "rating":
            assert kind.get("$ref") == reference("Rating"), name
        assert (member != "average_stars") or "rating_count" in beside, name


def test_a_code_is_answered_and_sent_under_one_name(schemas: dict[str, Any]) -> None:
    shown = 0
    for name, member, kind in properties_of(schemas):
        assert member != "code" or kind["type"] == "string", name
        if kind.get("description") in SCANNED:
            assert member == "code", (name, member)
        if member == "picture" and kind.get("type") == "string":
            shown += 1
            beside = schemas[name]["properties"]
            assert "code" in beside, (name, "what the picture of the code says")
            assert "text" not in beside, name
    assert shown >= 6
