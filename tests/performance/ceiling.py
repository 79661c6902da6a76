"""The ceiling: a bare Sanic application with asyncpg, each request written by hand for nothing but its bytes.

It knows its callers by a dictionary and asks for no right, keeps no log and counts nothing. Run as
`python -m tests.performance.ceiling PORT DATABASE_URL`.
"""

import sys
from typing import Any

import asyncpg
import msgspec
from sanic import Request, Sanic
from sanic.response import HTTPResponse

from server.accounts.masking import mask_name
from server.foundation.clock import now
from server.foundation.crypto import keyring, use_keys
from server.foundation.database import _prepare_connection
from server.foundation.pages import Page, encode_cursor
from server.foundation.phrases import days_to_go
from server.foundation.settings import load_settings
from server.volunteering.queries import ActivityCard, ActivityView, ShiftRoleView, ShiftView
from server.volunteering.sign_ups.eligibility import WhoMayCome
from server.wishes.lists import WishCard
from server.wishes.queries import WishView
from server.wishes.rules import days_left
from tests.performance.ceiling_writes import writes
from tests.performance.city import TOKENS, token_of

app = Sanic("ceiling", configure_logging=False)
app.blueprint(writes)
app.config.update(ACCESS_LOG=False, RESPONSE_TIMEOUT=600, FALLBACK_ERROR_FORMAT="json", AUTO_EXTEND=False)
encode = msgspec.json.Encoder().encode

WALL = (
    "SELECT w.id, w.title, w.kind, w.audience, w.quantity, w.state, w.place, w.community_id, o.name AS community_name, "
    "d.real_name, w.wished_by FROM wish w JOIN organization o ON o.id = w.community_id "
    "JOIN person_details d ON d.person_id = w.beneficiary_id WHERE w.state = 'published' AND w.community_id = $1 "
    "ORDER BY w.wished_by, w.id LIMIT 21"
)
WISH = (
    "SELECT w.id, w.title, w.kind, w.audience, w.text, w.state, w.place, w.community_id, o.name AS community_name, "
    "d.real_name, w.author_id <> w.beneficiary_id AS is_on_behalf, w.quantity, w.wished_by, w.submitted_at, "
    "w.published_at, w.version FROM wish w JOIN organization o ON o.id = w.community_id "
    "JOIN person_details d ON d.person_id = w.beneficiary_id WHERE w.id = $1 AND w.state = 'published'"
)
ACTIVITIES = (
    "SELECT a.id, a.kind, a.title, o.name AS organizer_name, NULL::text AS team_name, a.audience, a.place_name, "
    "NULL::text AS location, NULL::int AS meters, NULL::text AS thumbnail_url, next.starts_at, next.ends_at, "
    "next.sign_up_closes_at, a.state, (SELECT sum(al.capacity) FROM shift_role r JOIN allotment al "
    "ON al.id = r.allotment_id WHERE r.shift_id = next.id)::int AS capacity, (SELECT "
    "sum(GREATEST(al.capacity - al.taken, 0)) FROM shift_role r JOIN allotment al ON al.id = r.allotment_id "
    "WHERE r.shift_id = next.id)::int AS free, NULL::text AS mine "
    "FROM (SELECT a.*, sh.id AS shift_id FROM activity a CROSS JOIN LATERAL ("
    "SELECT sh.id, sh.starts_at FROM shift sh WHERE sh.activity_id = a.id AND sh.state = 'scheduled' AND "
    "sh.ends_at > $2 ORDER BY sh.starts_at, sh.id LIMIT 1) sh WHERE a.state = 'published' AND a.area_id = ANY($1) "
    "AND a.ends_at > $2 ORDER BY sh.starts_at, a.id LIMIT 21) a JOIN shift next ON next.id = a.shift_id "
    "JOIN organization o ON o.id = a.organizer_id ORDER BY next.starts_at, a.id"
)
ACTIVITY = (
    "SELECT a.*, o.name AS organizer_name, (SELECT json_agg(row_to_json(x)) FROM (SELECT 1) x) FROM activity a "
    "JOIN organization o ON o.id = a.organizer_id WHERE a.id = $1"
)
SHIFTS = (
    "SELECT sh.id, sh.starts_at, sh.ends_at, sh.sign_up_opens_at, sh.sign_up_closes_at, sh.cancel_until, sh.minimum, "
    "sh.leader_id, sh.state, sh.reason, sh.version, r.id AS role_id, r.name, r.needed_skill, al.capacity, al.taken, "
    "al.may_wait, (SELECT count(*) FROM place p WHERE p.allotment_id = al.id AND p.state = 'waiting') AS waiting "
    "FROM shift sh JOIN shift_role r ON r.shift_id = sh.id JOIN allotment al ON al.id = r.allotment_id "
    "WHERE sh.activity_id = $1 ORDER BY sh.starts_at, sh.id"
)


@app.before_server_start
async def start(app: Sanic[Any, Any]) -> None:
    use_keys(load_settings())
    app.ctx.pool = await asyncpg.create_pool(sys.argv[2], min_size=1, max_size=10, init=_prepare_connection)
    rows = await app.ctx.pool.fetch(
        "SELECT p.id, p.community_id, o.path FROM session s JOIN person p ON p.id = s.person_id "
        "JOIN organization o ON o.id = p.community_id ORDER BY s.id"
    )
    app.ctx.communities = {f"Bearer {token_of(n)}": rows[n]["community_id"] for n in range(TOKENS)}
    app.ctx.persons = {f"Bearer {token_of(n)}": rows[n]["id"] for n in range(TOKENS)}
    app.ctx.areas = {f"Bearer {token_of(n)}": rows[n]["path"].split(".") for n in range(TOKENS)}


def _json(value: Any) -> HTTPResponse:
    return HTTPResponse(encode(value), content_type="application/json")


def _name(sealed: bytes) -> str:
    return mask_name(keyring().decrypt(sealed, "person_details.real_name"))


@app.get("/healthz")
async def healthz(_: Request) -> HTTPResponse:
    return _json({"status": "ok"})


@app.get("/api/v1/wishes")
async def wall(request: Request) -> HTTPResponse:
    rows = await app.ctx.pool.fetch(WALL, app.ctx.communities[request.headers["authorization"]])
    cursor = encode_cursor(0, rows[19]["wished_by"], rows[19]["id"]) if len(rows) > 20 else None
    cards = [
        WishCard(
            id=row["id"],
            title=row["title"],
            kind=row["kind"],
            audience=row["audience"],
            quantity=row["quantity"],
            state=row["state"],
            place=row["place"],
            community_id=row["community_id"],
            community_name=row["community_name"],
            meters=0,
            beneficiary_name=_name(row["real_name"]),
            wished_by=row["wished_by"],
            days_left=days_left(row["wished_by"]),
            time_left=days_to_go(days_left(row["wished_by"])),
            due_at=None,
            is_mine=False,
            reason="",
            thumbnail_url=None,
        )
        for row in rows[:20]
    ]
    return _json(Page(cards, cursor))


@app.get("/api/v1/wishes/<wish_id>")
async def wish(_: Request, wish_id: str) -> HTTPResponse:
    row = dict(await app.ctx.pool.fetchrow(WISH, wish_id))
    return _json(
        WishView(
            **row | {"beneficiary_name": _name(row.pop("real_name"))},
            days_left=days_left(row["wished_by"]),
            pictures=[],
            reason="",
            actors=["resident"],  # type: ignore[list-item]
            actions=["claim"],  # type: ignore[list-item]
            may_see_contact=False,
            grid_id=None,
            escalation=0,
            is_with_staff=False,
            claim=None,
        )
    )


@app.get("/api/v1/activities")
async def activities(request: Request) -> HTTPResponse:
    rows = await app.ctx.pool.fetch(ACTIVITIES, app.ctx.areas[request.headers["authorization"]], now())
    cursor = encode_cursor(rows[19]["starts_at"], rows[19]["id"]) if len(rows) > 20 else None
    return _json(Page([ActivityCard(*row) for row in rows[:20]], cursor))


@app.get("/api/v1/activities/<activity_id>")
async def activity(_: Request, activity_id: str) -> HTTPResponse:
    async with app.ctx.pool.acquire() as connection:
        row = await connection.fetchrow(ACTIVITY, activity_id)
        shifts = await connection.fetch(SHIFTS, activity_id)
    return _json(
        ActivityView(
            id=row["id"],
            kind=row["kind"],
            title=row["title"],
            text=row["text"],
            organizer_id=row["organizer_id"],
            organizer_name=row["organizer_name"],
            team_name=None,
            place_name=row["place_name"],
            location=None,
            sign_in_meters=row["sign_in_meters"],
            meeting_point=row["meeting_point"],
            contact=row["contact"],
            what_to_bring=row["what_to_bring"],
            pictures=[],
            who=WhoMayCome(**{name: row[name] for name in WhoMayCome.__struct_fields__}),
            visibility=row["visibility"],
            state=row["state"],
            reason=row["reason"],
            version=row["version"],
            shifts=[
                ShiftView(
                    **{name: each[name] for name in ShiftView.__struct_fields__[:11]},
                    roles=[
                        ShiftRoleView(
                            each["role_id"],
                            each["name"],
                            each["needed_skill"],
                            each["capacity"],
                            each["taken"],
                            max(each["capacity"] - each["taken"], 0),
                            each["waiting"],
                            each["may_wait"],
                        )
                    ],
                    mine=None,
                )
                for each in shifts
            ],
        )
    )


if __name__ == "__main__":
    app.run("127.0.0.1", int(sys.argv[1]), single_process=True, motd=False)
