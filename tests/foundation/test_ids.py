"""Ids sort by the time they were made, no matter who makes them."""

from uuid import UUID

from server.foundation import clock
from server.foundation.database import fetch_value
from server.foundation.ids import decode_id, is_id, new_id, new_id_sql


async def test_ids_made_by_the_database_are_like_those_made_here(app: object) -> None:
    before = new_id()
    made = [await fetch_value(f"SELECT {new_id_sql('$1::timestamptz')}", clock.real_now()) for _ in range(3)]
    assert len(set(made)) == 3
    for id_ in made:
        assert is_id(id_)
        assert UUID(bytes=decode_id(id_)).version == 7
        assert abs(int.from_bytes(decode_id(id_)[:6], "big") - int.from_bytes(decode_id(before)[:6], "big")) < 60_000
