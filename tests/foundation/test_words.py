"""Enumerations with words: a StrEnum in every respect, and no member without a word."""

import pickle

import msgspec
import pytest
from tortoise import Model
from tortoise.fields import CharEnumField

from server.foundation.words import Worded, words_of


class Light(Worded):
    """Of a crossing."""

    GREEN = "green", "绿灯"
    RED = "red", "红灯"


class Crossing(msgspec.Struct):
    light: Light
    lights: dict[Light, int] = {}


def test_a_member_is_its_value_and_has_a_word() -> None:
    assert Light.GREEN == "green"
    assert f"{Light.GREEN}" == str(Light.GREEN) == Light.GREEN.value == "green"
    assert Light("green") is Light["GREEN"] is Light.GREEN
    assert {"red": 1}[Light.RED] == 1
    assert [light.word for light in Light] == ["绿灯", "红灯"]
    assert words_of(Light) == {"green": "绿灯", "red": "红灯"}


def test_it_is_pickled_by_value() -> None:
    assert pickle.loads(pickle.dumps(Light.RED)) is Light.RED


def test_json_knows_the_value_alone() -> None:
    text = b'{"light":"red","lights":{"green":2}}'
    crossing = msgspec.json.decode(text, type=Crossing)
    assert crossing == Crossing(Light.RED, {Light.GREEN: 2})
    assert msgspec.json.encode(crossing) == text
    with pytest.raises(msgspec.ValidationError, match="Invalid enum value"):
        msgspec.json.decode(b'{"light":"\xe7\xba\xa2\xe7\x81\xaf"}', type=Crossing)
    (_,), schemas = msgspec.json.schema_components([Light])
    assert schemas["Light"]["enum"] == ["green", "red"]


def test_the_database_knows_the_value_alone() -> None:
    field = CharEnumField(Light, max_length=8)
    assert type(field.to_db_value(Light.RED, Model)) is str
    assert field.to_python_value("red") is Light.RED


def test_a_member_without_a_word_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Broken\.OFF has no word"):

        class Broken(Worded):
            ON = "on", "亮"
            OFF = "off"
