"""Each figure counts what its definition says, as somebody would who counts the rows by hand."""

from datetime import datetime

import pytest

from server.figures.definitions import ALL
from server.figures.definitions.definition import Kind
from server.foundation import clock
from server.foundation.settings import Settings
from server.notifications.rendering import SUBJECTS
from tests.builders import create_community, move_clock_to
from tests.figures.builders import count, figures, put_rows, writing
from tests.figures.cases import CASES

NOW = datetime(2031, 3, 15, 12, tzinfo=clock.SHANGHAI)


def test_each_has_rows_that_were_counted_by_hand() -> None:
    assert CASES.keys() == {definition.code for definition in ALL}


@pytest.mark.parametrize("code", CASES)
async def test_a_figure_is_what_a_hand_counts(app: object, settings: Settings, code: str) -> None:
    here = await create_community(name="幸福社区")
    there = await create_community(name="别的社区")
    move_clock_to(NOW)
    case = CASES[code]
    async with writing(settings) as connection:
        await put_rows(connection, case.rows, here=here.id)
    await count()
    found = await figures()
    assert found[here.id, code] == (case.numerator, case.denominator, case.excluded)
    assert found[here.parent_id or "", code] == found[here.id, code]
    assert (there.id, code) not in found


def test_all_are_told_apart_and_in_words() -> None:
    assert len({definition.words for definition in ALL}) == len(ALL)
    for definition in ALL:
        assert all((definition.what_counts, definition.source, definition.unit))
        assert definition.subject[0] in SUBJECTS
        assert not (definition.is_state and definition.is_told_late)
        assert (definition.unit == "%") == (definition.kind is Kind.SHARE)
