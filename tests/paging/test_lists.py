"""Every list that has pages: each row once and in order, while earlier rows change and others are added."""

from typing import Any

import asyncpg

from miniprogram_api.routes import ROUTES
from server.foundation.ids import decode_id, new_id
from server.foundation.settings import Settings
from tests.clients import Api
from tests.paging.lists import LISTS, List, group_of
from tests.paging.rows import as_uuid, insert
from tests.paging.scene import create_scene

PAGED = {
    route.operation_id: route for route in ROUTES if route.query_type and "cursor" in route.query_type.__struct_fields__
}
SHOWN = ("id", "booking_id", "sign_up", "membership_id", "check_in_id", "community_id", "wish")
"""Where the id of a row stands."""
SHUFFLED = (3, 0, 5, 1, 4, 2)
"""In which order rows are written: not that of their ids, nor of what they are sorted by."""


def test_every_list_is_here() -> None:
    assert LISTS.keys() == PAGED.keys()


async def test_each_row_once_and_in_order(api: Api, settings: Settings) -> None:
    scene, wrong = await create_scene(api), list[str]()
    connection = await asyncpg.connect(settings.database_url)
    try:
        await connection.execute("SET session_replication_role = replica")
        for name, each in LISTS.items():
            try:
                await check_list(connection, scene, PAGED[name].path, each)
            except (AssertionError, asyncpg.PostgresError) as error:
                wrong.append(f"{name}: {error}")
    finally:
        await connection.close()
    assert not wrong, "\n".join(wrong)


async def check_list(connection: Any, scene: dict[str, Any], path: str, each: List) -> None:
    ids = sorted((new_id() for _ in SHUFFLED), key=decode_id)
    for number in SHUFFLED:
        await add(connection, scene, each, ids[number], number)
    for name, value in scene.items():
        path = path.replace(f"<{name}_id>", str(value))
    query = {name: scene.get(value, value) if name.endswith("_id") else value for name, value in each.query.items()}
    table, shown, cursor = each.rows[0][0], list[str](), ""
    numbers = sorted(range(len(ids)), key=lambda number: (0 if each.by.endswith("id") else group_of(number), number))
    expected = [ids[number] for number in (reversed(numbers) if each.by.startswith("-") else numbers)]
    for page in range(20):
        # What was shown first, and what comes next, are written anew, so that they lie last in the table.
        for id_ in (expected[0], *expected[2 * page : 2 * page + 1]):
            await connection.execute(f'UPDATE "{table}" SET id = id WHERE id = $1', as_uuid(id_))
        answer = await scene[each.who].get(path, limit=2, **query, **({"cursor": cursor} if cursor else {}))
        if "items" not in answer:  # beside sums
            (answer,) = (part for part in answer.values() if isinstance(part, dict))
        shown += map(id_of, answer["items"])
        cursor = answer["next_cursor"]
        if not cursor:
            break
        if page < 3:
            await add(connection, scene, each, new_id(), page)
    assert len(shown) == len(set(shown)), f"twice: {shown}"
    assert [ids.index(id_) for id_ in shown if id_ in ids] == [ids.index(id_) for id_ in expected]


async def add(connection: Any, scene: dict[str, Any], each: List, id_: str, number: int) -> None:
    """A row of the list, which is the `number`th: see `group_of`."""
    ids = {table: new_id() for table, _ in each.rows} | {each.rows[0][0]: id_}
    for table, told in each.rows:
        values: dict[str, Any] = {"id": ids[table]}
        for name, value in told.items():
            value = value(number, ids[table]) if callable(value) else value
            if isinstance(value, str):
                value = ids[value[1:]] if value.startswith("@") else value
                value = scene.get(value, value) if name.endswith(("_id", "lane", "path")) else value
            values[name] = getattr(value, "person_id", value)
        await insert(connection, table, values)


def id_of(item: Any) -> str:
    found = next(item[name] for name in SHOWN if item.get(name))
    return id_of(found) if isinstance(found, dict) else found
