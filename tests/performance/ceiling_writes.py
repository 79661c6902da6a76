"""The ceiling of the writes: the same locks, looks and writes in a transaction written by hand, each route for nothing
but its own case; the answer is made of what the transaction has in its hands."""

import json
from datetime import timedelta
from typing import Any

import asyncpg
from sanic import Blueprint, Request
from sanic.response import HTTPResponse

from server.accounts.details import open_name
from server.accounts.masking import mask_name
from server.foundation.clock import now
from server.foundation.ids import new_id
from server.volunteering.attendance.codes import SHIFT_CODE
from server.wishes.rules import claim_due_at, days_left
from tests.performance.answers import as_json

writes = Blueprint("writes")

CALLER = "SELECT merged_into_id, closed_at FROM person WHERE id = $1 FOR KEY SHARE"
CONSENT = (
    "SELECT 1 FROM consent WHERE person_id = $1 AND kind = 'privacy' AND text_version = '1' AND withdrawn_at IS NULL "
    "FOR SHARE"
)
WISH = (
    "SELECT w.id, w.title, w.kind, w.audience, w.text, w.state, w.place, w.community_id, o.name AS community_name, "
    "d.real_name, w.author_id <> w.beneficiary_id AS is_on_behalf, w.quantity, w.wished_by, w.submitted_at, "
    "w.published_at, w.version, w.author_id, w.beneficiary_id FROM wish w JOIN organization o ON o.id = w.community_id "
    "JOIN person_details d ON d.person_id = w.beneficiary_id WHERE w.id = $1 FOR NO KEY UPDATE OF w"
)
CLAIMER = (
    "SELECT p.nickname, d.phone_verified_at IS NOT NULL AND d.real_name IS NOT NULL AS is_known, EXISTS (SELECT 1 FROM "
    "consent c WHERE c.person_id = p.id AND c.kind = 'volunteer_terms' AND c.withdrawn_at IS NULL) AS is_volunteer, "
    "(SELECT count(*) FROM wish_claim c WHERE c.claimer_id = p.id AND c.unit_id IS NULL AND (c.state = 'open' "
    "OR c.state = 'released' AND c.ended_at > $3)) AS held, (SELECT t.max_open_claims FROM wish_terms t "
    "JOIN organization o ON o.id = t.organization_id WHERE o.path @> (SELECT path FROM organization WHERE id = $2) "
    "ORDER BY nlevel(o.path) DESC LIMIT 1) AS allowed FROM person p JOIN person_details d ON d.person_id = p.id "
    "WHERE p.id = $1"
)
CLAIM = (
    "WITH claim AS (INSERT INTO wish_claim (id, created_at, wish_id, claimer_id, state, quantity, pledged, due_at, "
    "note, picture_ids, note_is_shown, words, thanks_picture_ids, words_are_shown, dispute_reason, staff_note, "
    "end_reason) VALUES ($1, $2, $3, $4, 'open', $5, 0, $6, '', '{}', false, '', '{}', false, '', '', '')) "
    "UPDATE wish SET state = 'claimed', first_claimed_at = COALESCE(first_claimed_at, $2), escalate_at = NULL, "
    "changed_at = $2 WHERE id = $3"
)
TELL = (
    "WITH told AS (INSERT INTO inbox_message (id, created_at, person_id, event, facts, hidden, delivery, delivery_note)"
    " VALUES ($1, $2, $3, $4, $5, false, 'queued', '')) INSERT INTO outbox (id, created_at, kind, payload, lane, "
    "priority, state, due_at, expires_at, attempts, dedupe_key, error) VALUES ($6, $2, 'subscribe_message', $7, $3, 1, "
    "'queued', $2, $8, 0, $9, '')"
)


async def tell(connection: asyncpg.Connection, person_id: str, event: str, **facts: Any) -> None:
    at, message = now(), new_id()
    await connection.execute(
        TELL,
        message,
        at,
        person_id,
        event,
        json.dumps(facts),
        new_id(),
        json.dumps({"message": message}),
        at + timedelta(days=2),
        f"subscribe_message:{message}",
    )


def who(request: Request) -> str:
    person_id: str = request.app.ctx.persons[request.headers["authorization"]]
    return person_id


@writes.post("/api/v1/wishes/<wish_id>/claim")
async def claim(request: Request, wish_id: str) -> HTTPResponse:
    me, claim_id, at = who(request), new_id(), now()
    async with request.app.ctx.pool.acquire() as connection, connection.transaction():
        await connection.fetchrow(CALLER, me)
        wish = dict(await connection.fetchrow(WISH, wish_id))
        await connection.fetchrow("SELECT closed_at FROM person WHERE id = $1 FOR NO KEY UPDATE", me)
        claimer = await connection.fetchrow(CLAIMER, me, wish["community_id"], at - timedelta(days=1))
        may = claimer["is_known"] and claimer["is_volunteer"] and claimer["held"] < (claimer["allowed"] or 3)
        if wish["state"] != "published" or me in (wish["author_id"], wish["beneficiary_id"]) or not may:
            return HTTPResponse(status=409)
        due_at = claim_due_at(at, wish["wished_by"], 14)
        await connection.execute(CLAIM, claim_id, at, wish_id, me, wish["quantity"], due_at)
        facts = {"wish": wish_id, "claimer": me, "due": {"time": due_at.isoformat()}, "at": {"time": at.isoformat()}}
        await tell(connection, wish["author_id"], "wish_claimed", **facts)
    del wish["author_id"], wish["beneficiary_id"]
    name = mask_name(open_name(wish.pop("real_name")))
    seen = wish | {
        "state": "claimed",
        "beneficiary_name": name,
        "days_left": days_left(wish["wished_by"]),
        "pictures": [],
        "reason": "",
        "actors": ["claimer"],
        "actions": ["release", "add_note", "report_done", "hand_over"],
        "may_see_contact": True,
        "grid_id": None,
        "escalation": 0,
        "is_with_staff": False,
        "claim": {
            "id": claim_id,
            "state": "open",
            "claimer_name": claimer["nickname"],
            "unit_name": None,
            "team_name": None,
            "quantity": wish["quantity"],
            "pledged": 0,
            "shares": [],
            "claimed_at": at,
            "due_at": due_at,
            "progress": [],
            "reported_at": None,
            "handed_over_by": None,
            "note": "",
            "pictures": [],
            "rating": None,
            "thanks_pictures": [],
            "confirmed_at": None,
            "confirmed_as": None,
            "dispute_reason": "",
            "staff_note": "",
            "wisher_agrees_to_show": False,
            "claimer_agrees_to_show": False,
            "ended_at": None,
            "end_reason": "",
        },
    }
    return as_json(seen, 201)


TIMES = (
    "WITH held AS MATERIALIZED (SELECT id FROM shift WHERE id = ANY(ARRAY(SELECT s.shift_id FROM sign_up s "
    "JOIN place p ON p.id = s.place_id WHERE s.person_id = $2 AND p.state IN ('waiting', 'offered', 'confirmed')) "
    "|| $1::uuid) ORDER BY id FOR SHARE) SELECT r.id AS role_id, r.name, al.id, al.capacity, al.taken, al.last_number, "
    "al.starts_at FROM shift_role r JOIN allotment al ON al.id = r.allotment_id WHERE r.shift_id = $1 "
    "AND (SELECT count(*) FROM held) > 0 AND al.state = 'open' FOR NO KEY UPDATE OF al"
)
MAY_COME = (
    "WITH RECURSIVE home AS (SELECT o.id, o.parent_id FROM person p JOIN organization o ON o.id = p.community_id "
    "WHERE p.id = $2 UNION ALL SELECT o.id, o.parent_id FROM home JOIN organization o ON o.id = home.parent_id) "
    "SELECT sh.activity_id, a.title, a.place_name, a.meeting_point, sh.starts_at, sh.ends_at, sh.cancel_until, "
    "sh.state AS shift_state, a.state AS activity_state, d.real_name, a.area_id IN (SELECT id FROM home) "
    "AND a.state = 'published' AND sh.state = 'scheduled' AND sh.sign_up_opens_at <= $4 AND sh.sign_up_closes_at > $4 "
    "AND a.audience = 'everyone' AND a.min_age IS NULL AND a.max_age IS NULL AND a.min_minutes = 0 "
    "AND NOT EXISTS (SELECT 1 FROM sign_up s JOIN place p ON p.id = s.place_id WHERE s.person_id = $2 AND (s.shift_id "
    "= $1 AND p.end_reason = 'removed_by_organizer' OR s.shift_role_id = $3 AND p.ended_at IS NULL)) "
    "AND NOT EXISTS (SELECT 1 FROM block WHERE person_id = $2 AND purpose = 'shift_role' AND lifted_at IS NULL "
    "AND until > $4) AND NOT EXISTS (SELECT 1 FROM sign_up s JOIN place p ON p.id = s.place_id JOIN shift o "
    "ON o.id = s.shift_id WHERE s.person_id = $2 AND p.state IN ('waiting', 'offered', 'confirmed') "
    "AND o.state = 'scheduled' AND o.starts_at < sh.ends_at AND sh.starts_at < o.ends_at) AS may, (SELECT count(*) "
    "FROM place w WHERE w.allotment_id = $5 AND w.state = 'waiting') AS waiting FROM shift sh JOIN activity a "
    "ON a.id = sh.activity_id LEFT JOIN person_details d ON d.person_id = $2 WHERE sh.id = $1"
)
TAKE = (
    "WITH taken AS (UPDATE allotment SET taken = taken + $9, last_number = last_number + 1 WHERE id = $1), "
    "place AS (INSERT INTO place (id, created_at, allotment_id, person_id, party_size, number, state, confirmed_at, "
    "due_at, passed_count, hold_used, end_reason) VALUES ($2, $3, $1, $4, 1, $5, $10, $11, $12, 0, false, '')) "
    "INSERT INTO sign_up (id, created_at, place_id, shift_role_id, shift_id, person_id, signed_up_by_id, "
    "removal_reason) VALUES ($6, $3, $2, $7, $8, $4, $4, '')"
)


@writes.post("/api/v1/shifts/<shift_id>/sign-ups")
async def sign_up(request: Request, shift_id: str) -> HTTPResponse:
    me, place_id, sign_up_id, at = who(request), new_id(), new_id(), now()
    async with request.app.ctx.pool.acquire() as connection, connection.transaction():
        await connection.fetchrow(CALLER, me)
        await connection.fetchrow(CONSENT, me)
        await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", me)
        al = await connection.fetchrow(TIMES, shift_id, me)
        shift = dict(await connection.fetchrow(MAY_COME, shift_id, me, al["role_id"], at, al["id"]))
        if not shift.pop("may"):
            return HTTPResponse(status=409)
        waiting = shift.pop("waiting")
        is_in = not waiting and al["taken"] < al["capacity"]
        state = "confirmed" if is_in else "waiting"
        await connection.execute(
            TAKE,
            al["id"],
            place_id,
            at,
            me,
            al["last_number"] + 1,
            sign_up_id,
            al["role_id"],
            shift_id,
            int(is_in),
            state,
            at if is_in else None,
            None if is_in else al["starts_at"],
        )
        await tell(connection, me, f"shift_{state}", shift=shift_id)
    name = open_name(shift.pop("real_name"))
    mine: dict[str, Any] = {
        "id": sign_up_id,
        "shift_role_id": al["role_id"],
        "person_id": me,
        "person_name": name,
        "state": state,
    }
    mine |= {"party_size": 1, "position": None if is_in else waiting + 1, "offered_until": None, "held_until": None}
    mine |= {"passed_count": 0, "passes": [], "end_reason": "", "why": "" if is_in else "名额已满"}
    mine |= {"sign_in_at": None, "sign_out_at": None, "confirmed_minutes": None, "family": []}
    return as_json({"shift_id": shift_id, "role_name": al["name"], **shift, "sign_up": mine}, 201)


COMER = (
    "SELECT s.id, s.shift_role_id, s.person_id, p.state, p.party_size, sh.starts_at, sh.ends_at, sh.cancel_until, "
    "sh.state AS shift_state, a.state AS activity_state, sh.activity_id, a.title, a.place_name, a.meeting_point, "
    "r.name AS role_name, d.real_name FROM sign_up s JOIN place p ON p.id = s.place_id "
    "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id "
    "JOIN shift_role r ON r.id = s.shift_role_id LEFT JOIN person_details d ON d.person_id = s.person_id "
    "WHERE s.shift_id = $1 AND s.person_id = $2 ORDER BY (p.state IN ('confirmed', 'attended', 'no_show')) DESC, "
    "s.id DESC LIMIT 1 FOR UPDATE OF s"
)
THERE = (
    "SELECT t.id, EXISTS (SELECT 1 FROM hours h WHERE h.sign_up_id = s.id AND h.state IN ('waiting', 'effective')) "
    "AS is_confirmed FROM sign_up s LEFT JOIN attendance t ON t.sign_up_id = s.id WHERE s.id = $1"
)
CAME = (
    "WITH scan AS (INSERT INTO shift_scan (id, created_at, shift_id, sign_up_id, person_id, by_id, direction, method, "
    "scanned_at, refusal) VALUES ($1, $2, $3, $4, $5, $5, 'in', 'code', $2, '')) INSERT INTO attendance (id, "
    "created_at, sign_up_id, sign_in_at, sign_in_method) VALUES ($6, $2, $4, $2, 'code')"
)


@writes.post("/api/v1/shifts/<shift_id>/sign-in")
async def sign_in(request: Request, shift_id: str) -> HTTPResponse:
    me, at = who(request), now()
    read = SHIFT_CODE.read(request.json["code"])
    if read is None or read.told != [shift_id, "in"] or not SHIFT_CODE.is_current(read.window, at):
        return HTTPResponse(status=409)
    async with request.app.ctx.pool.acquire() as connection, connection.transaction():
        await connection.fetchrow(CALLER, me)
        row = dict(await connection.fetchrow(COMER, shift_id, me))
        there = await connection.fetchrow(THERE, row["id"])
        is_time = row["starts_at"] - timedelta(hours=1) <= at <= row["ends_at"]
        if row["state"] != "confirmed" or there["id"] or there["is_confirmed"] or not is_time:
            return HTTPResponse(status=409)
        await connection.execute(CAME, new_id(), at, shift_id, row["id"], me, new_id())
    own = {name: row.pop(name) for name in ("id", "shift_role_id", "person_id", "state", "party_size")}
    own |= {"person_name": open_name(row.pop("real_name")), "position": None, "offered_until": None, "passes": []}
    own |= {"held_until": None, "passed_count": 0, "end_reason": "", "why": "", "sign_in_at": at, "sign_out_at": None}
    return as_json({"shift_id": shift_id, **row, "sign_up": own | {"confirmed_minutes": None, "family": []}}, 200)


VENUE = (
    "SELECT s.name AS service_name, s.kind AS service_kind, s.mode, s.documents, s.capacity, s.cancel_until_minutes, "
    "s.max_open_per_person, s.max_per_day, s.days_ahead, v.id AS venue_id, v.name AS venue_name, "
    "v.address AS venue_address, v.phone AS venue_phone, v.location[0] AS longitude, v.location[1] AS latitude, "
    "s.state = 'offered' AND v.state = 'open' AND s.who_may_book = 'anyone' AND NOT s.needs_approval AS may, "
    "(SELECT json_agg(r) FROM opening_rule r WHERE r.service_id = s.id) AS rules, (SELECT json_agg(e) FROM "
    "opening_exception e WHERE e.venue_id = v.id AND e.ended_at IS NULL AND e.day = $4) AS exceptions, d.real_name, "
    "(SELECT count(*) FROM booking b JOIN place p ON p.id = b.place_id JOIN slot t ON t.id = b.slot_id "
    "WHERE b.person_id = $2 AND b.starts_at >= $3 AND p.ended_at IS NULL AND t.service_id = s.id) AS held, "
    "(SELECT max(until) FROM block WHERE person_id = $2 AND purpose = 'slot' AND lifted_at IS NULL AND until > $3) "
    "AS blocked_until FROM service s JOIN venue v ON v.id = s.venue_id LEFT JOIN person_details d ON d.person_id = $2 "
    "WHERE s.id = $1"
)
SLOT = (
    "SELECT t.id AS slot_id, t.ends_at, al.id, al.capacity, al.taken, al.last_number FROM slot t JOIN allotment al "
    "ON al.id = t.allotment_id WHERE t.service_id = $1 AND t.starts_at = $2 AND al.state = 'open' "
    "FOR NO KEY UPDATE OF al"
)
BOOK = (
    "WITH taken AS (UPDATE allotment SET taken = taken + 1, last_number = last_number + 1 WHERE id = $1), "
    "place AS (INSERT INTO place (id, created_at, allotment_id, person_id, party_size, number, state, confirmed_at, "
    "passed_count, hold_used, end_reason) VALUES ($2, $3, $1, $4, 1, $5, 'confirmed', $3, 0, false, '')) "
    "INSERT INTO booking (id, created_at, slot_id, place_id, person_id, booked_by_id, walk_in, party_size, starts_at, "
    "approval, remind_at, staff_reason) VALUES ($6, $3, $7, $2, $4, $4, false, 1, $8, 'not_needed', $9, '')"
)


@writes.post("/api/v1/services/<service_id>/bookings")
async def book(request: Request, service_id: str) -> HTTPResponse:
    me, booking_id, at = who(request), new_id(), now()
    starts_at = at.fromisoformat(request.json["starts_at"]).astimezone(at.tzinfo)
    async with request.app.ctx.pool.acquire() as connection, connection.transaction():
        await connection.fetchrow(CALLER, me)
        await connection.fetchrow(
            "SELECT 1 FROM person p CROSS JOIN venue v WHERE p.id = $1 AND v.id = (SELECT venue_id FROM service "
            "WHERE id = $2) FOR NO KEY UPDATE OF p FOR SHARE OF v",
            me,
            service_id,
        )
        await connection.fetchrow(CONSENT, me)
        row = dict(await connection.fetchrow(VENUE, service_id, me, at, starts_at.date()))
        slot = await connection.fetchrow(SLOT, service_id, starts_at)
        rules, exceptions = json.loads(row.pop("rules")), row.pop("exceptions")
        may = row.pop("may") and rules and not exceptions and row.pop("held") < row["max_open_per_person"]
        if not may or row.pop("blocked_until") or slot["taken"] >= slot["capacity"] or starts_at <= at:
            return HTTPResponse(status=409)
        await connection.execute(
            BOOK,
            slot["id"],
            new_id(),
            at,
            me,
            slot["last_number"] + 1,
            booking_id,
            slot["slot_id"],
            starts_at,
            starts_at - timedelta(days=1),
        )
        await tell(connection, me, "slot_booked", booking=booking_id, slot=slot["slot_id"])
    own: dict[str, Any] = {"id": booking_id, "state": "booked", "approval": "not_needed", "service_id": service_id}
    own |= {name: row[name] for name in _OF_VENUE}
    own["location"] = {"longitude": row["longitude"], "latitude": row["latitude"]}
    own |= {"starts_at": starts_at, "ends_at": slot["ends_at"], "series_id": None, "person_id": me, "party_size": 1}
    own |= {"person_name": open_name(row["real_name"]), "note": "", "address": "", "area_id": None, "answer_by": None}
    own |= {"position": None, "offered_until": None, "arrived_at": None, "end_reason": "", "staff_reason": ""}
    own |= {
        "change_until": starts_at - timedelta(minutes=row["cancel_until_minutes"]),
        "rating": None,
        "created_at": at,
    }
    return as_json(own, 201)


_OF_VENUE = (
    *("service_name", "service_kind", "mode", "venue_id", "venue_name", "venue_address", "venue_phone"),
    "documents",
)
