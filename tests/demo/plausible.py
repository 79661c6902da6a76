"""Plausible requests to any route, in a city with a past."""

import json
import random
from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import msgspec.inspect as kinds

from miniprogram_api import routes
from miniprogram_api.routing import Route
from server.accounts.sessions import open_session
from server.foundation import clock
from server.foundation.database import fetch
from tests.clients import Api
from tests.demo.touring import touring
from tests.simulator import Simulator

ROUTES = [
    route
    for route in routes.ROUTES
    if route.operation_id != "follow_inbox"  # it ends when the client leaves
]


class City:
    """Who is there to call, and which things there are."""

    def __init__(self, callers: list[Api], things: dict[str, list[str]], draw: random.Random) -> None:
        self.callers, self.things, self.draw = callers, things, draw

    def id_for(self, name: str) -> str:
        """An id of a thing that `name` (`wish_id`, `picture_ids`) may mean."""
        thing = name.removesuffix("s").removesuffix("_id")
        found = [table for table in self.things if table == thing or thing.endswith(f"_{table}")]
        known = self.things[found[0]] if found else [each for ids in self.things.values() for each in ids]
        return self.draw.choice(known)

    def plausible(self, kind: kinds.Type, name: str = "") -> Any:
        """A value that decoding accepts, or nearly."""
        match kind:
            case kinds.Metadata():
                return self.plausible(kind.type, name)
            case kinds.StructType():
                return {field.encode_name: self.plausible(field.type, field.encode_name) for field in kind.fields}
            case kinds.UnionType():
                return self.plausible(next(part for part in kind.types if not isinstance(part, kinds.NoneType)), name)
            case kinds.ListType():
                return [self.plausible(kind.item_type, name) for _ in range(kind.min_length or 1)]
            case kinds.DictType():
                return {self.plausible(kind.key_type, name): self.plausible(kind.value_type, name)}
            case kinds.EnumType():
                return self.draw.choice(list(kind.cls)).value
            case kinds.StrType():
                return self._text(kind, name)
            case kinds.BoolType():
                return self.draw.random() < 0.5
            case kinds.IntType() | kinds.FloatType():
                return self._number(kind)
            case kinds.DateTimeType():
                return (clock.now() + timedelta(days=self.draw.randrange(1, 20))).isoformat()
            case kinds.DateType():
                return str(date.today() + timedelta(days=self.draw.randrange(1, 20)))
            case _:
                return None

    def _number(self, kind: kinds.IntType | kinds.FloatType) -> float:
        least = kind.ge if kind.ge is not None else 0 if kind.gt is None else kind.gt + 1
        return least if kind.le is None else self.draw.choice([least, kind.le, min(least + 1, kind.le)])

    def _text(self, kind: kinds.StrType, name: str) -> str:
        samples = {"^[0-6]": self.id_for(name), "^(([01]": "09:00", "^[01]": "06-01", "^20": "2026H1", "^[a-z": "hours"}
        found = next((text for start, text in samples.items() if (kind.pattern or "").startswith(start)), None)
        if found is None:
            found = "13900001234" if "phone" in name else "社区服务，大家一起来"
        return found[: kind.max_length or 200]


class Attempt(msgspec.Struct):
    """One request."""

    route: Route
    caller: Api
    path: str
    query: Any = None
    body: Any = None
    headers: list[tuple[bytes, bytes]] = []

    async def send(self) -> httpx.Response:
        headers = {b"authorization": f"Bearer {self.caller.token}".encode()}
        content = b""
        if self.body is not None:
            headers[b"content-type"] = b"application/json"
            content = _json(self.body)
        query = {name: _in_query(value) for name, value in (self.query or {}).items() if value is not None}
        return await self.caller.client.request(
            self.route.method,
            f"/api/v1{self.path}",
            params=query or None,
            content=content,
            headers=list((headers | dict(self.headers)).items()),
        )


def _json(value: Any) -> bytes:
    """The standard library's, since msgspec refuses some of what is sent here on purpose."""
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _in_query(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_query(part) for part in value]
    return str(value).encode("utf-8", "replace").decode()


async def play_city(app: Any, api: Api, simulator: Simulator) -> City:
    """The demo's city after its tour, with all who are in it as callers."""
    async with touring(app, simulator) as (tour, _):
        await tour.play()
    tables = await fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'id' "
        "AND data_type = 'uuid' ORDER BY table_name"
    )
    things = {}
    for row in tables:
        found = await fetch(f'SELECT id FROM "{row["table_name"]}" ORDER BY id DESC LIMIT 8')
        if found:
            things[row["table_name"]] = [each["id"] for each in found]
    for level in ("community", "area", "unit"):
        things[level] = things["organization"]
    people = await fetch("SELECT DISTINCT person_id FROM wechat_identity ORDER BY person_id")
    callers = []
    for row in people:
        session = await open_session(row["person_id"], timedelta(days=30))
        callers.append(api.as_(session.token, row["person_id"]))
    return City(callers, things, random.Random(random.random()))
