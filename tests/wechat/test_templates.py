"""The templates that are declared, and their ids."""

import msgspec
import pytest

from server.__main__ import main
from server.foundation import clock
from server.foundation.settings import Environment, Settings
from server.wechat.message_fields import FIELD_LIMIT, FieldInvalid, clean_field
from server.wechat.templates import BY_NAME, TEMPLATES, TemplateIds, fill_template
from tests.servers import PRODUCTION

SAMPLES = {"thing": "说明", "phrase": "已通过", "time": "15:01", "number": "3"}


def test_declarations_are_possible() -> None:
    assert len(BY_NAME) == len(TEMPLATES)
    for template in TEMPLATES:
        assert 1 <= len(template.fields) <= FIELD_LIMIT
        for key, label in template.fields.items():
            assert clean_field(key, SAMPLES[key.rstrip("0123456789")])
            assert label


def test_made_up_ids_are_always_the_same_and_all_different() -> None:
    ids = TemplateIds(Settings())
    assert ids.all() == TemplateIds(Settings()).all()
    assert len(set(ids.all().values())) == len(TEMPLATES)
    assert ids.find(ids["wish_progress"]) is BY_NAME["wish_progress"]
    assert ids.find("unknown") is None


def test_given_ids_are_used() -> None:
    ids = TemplateIds(Settings(wechat_templates="wish_progress=abc, place_free = def ,"))
    assert (ids["wish_progress"], ids["place_free"]) == ("abc", "def")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nothing=abc", "there are no templates nothing"),
        ("wish_progress", "wish_progress is not name=id"),
        ("wish_progress=", "wish_progress= is not name=id"),
        ("wish_progress=a,wish_progress=b", "wish_progress is given twice"),
        ("wish_progress=a,place_free=a", "a is given to two templates"),
    ],
)
def test_ids_that_cannot_be_meant(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        TemplateIds(Settings(wechat_templates=text))


def test_a_wrong_name_is_one_sentence_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (PRODUCTION | {"DATABASE_URL": "postgresql://127.0.0.1:1/x"}).items():
        monkeypatch.setenv(name, value)
    others = ", ".join(sorted(BY_NAME.keys() - {"wish_progress"}))
    for text, sentence in (
        ("nothing=abc", "there are no templates nothing"),
        ("wish_progress=a", f"production needs the ids of {others} too"),
        ("wish_progress", "wish_progress is not name=id"),
    ):
        monkeypatch.setenv("WECHAT_TEMPLATES", text)
        for command in ("serve", "worker", "simulator"):
            assert main([command]) == 2
            printed = capsys.readouterr().err.splitlines()
            assert printed == ["The settings cannot be used:", f"  - WECHAT_TEMPLATES: {sentence}"]


def test_production_needs_every_id() -> None:
    settings = Settings(environment=Environment.PRODUCTION, wechat_templates="wish_progress=a")
    with pytest.raises(ValueError, match="place_free"):
        TemplateIds(settings)
    whole = ",".join(f"{name}=id{name}" for name in BY_NAME)
    assert TemplateIds(msgspec.structs.replace(settings, wechat_templates=whole))["place_free"] == "idplace_free"


def test_filling_wants_exactly_the_fields() -> None:
    values = {"thing1": "轮椅", "phrase2": "已认领", "time3": clock.now(), "thing4": ""}
    assert list(fill_template("wish_progress", values)) == list(BY_NAME["wish_progress"].fields)
    with pytest.raises(FieldInvalid):
        fill_template("wish_progress", {"thing1": "轮椅"})
    with pytest.raises(FieldInvalid):
        fill_template("wish_progress", {**values, "thing5": "x"})
