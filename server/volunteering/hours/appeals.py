"""No-shows of shifts 爽约 as their people see them, and appeals against them, which the organizer's staff decide."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons, names_for, ours, require_dependant
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import (
    fetch,
    fetch_one,
    fetch_value,
    transaction,
)
from server.foundation.errors import NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.notifications.telling import notify
from server.organizations.access import (
    READERS,
    WORKERS,
    holds_role,
    require_another,
    require_role,
    require_role_or_hide,
    role_holders,
)
from server.organizations.tree import within
from server.places.models import NoShowReason, Purpose
from server.places.no_shows import blocked_until, forgive_no_show
from server.volunteering.hours import messages
from server.volunteering.hours.errors import AlreadyAppealed, AppealClosed
from server.volunteering.hours.models import AppealState, NoShowAppeal
from server.volunteering.hours.rules import APPEAL_WITHIN


class MyNoShowView(msgspec.Struct):
    """A no-show of one's own, or of somebody one looks after. `counts`: it has not been forgiven; `appeal_until`: until
    when one can appeal, once."""

    id: Id
    sign_up_id: Id
    person_id: Id
    person_name: str
    title: str
    shift_starts_at: datetime
    reason: NoShowReason
    happened_at: datetime
    counts: bool
    appeal_until: datetime
    appeal_id: Id | None
    appeal_state: AppealState | None
    appeal_decision: str


class MyNoShows(msgspec.Struct):
    """One's no-shows, the latest first, and until when they keep one from signing up."""

    blocked_until: datetime | None
    no_shows: Page[MyNoShowView]


class AppealView(msgspec.Struct):
    """An appeal as the staff see it; the name is masked."""

    id: Id
    no_show_id: Id
    sign_up_id: Id
    shift_id: Id
    person_id: Id
    name: str
    title: str
    shift_starts_at: datetime
    reason: NoShowReason
    text: str
    state: AppealState
    decision: str
    appealed_at: datetime
    decided_at: datetime | None


class AppealsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Appeals about activities of this organization's subtree; of one state, where it is given."""

    organization_id: Id
    state: AppealState | None = None


_APPEAL = (
    "SELECT p.id, p.no_show_id, p.sign_up_id, s.shift_id, n.person_id, a.title, sh.starts_at AS shift_starts_at, "
    "n.reason, p.text, p.state, p.decision, p.created_at AS appealed_at, p.decided_at FROM no_show_appeal p "
    "JOIN no_show n ON n.id = p.no_show_id JOIN sign_up s ON s.id = p.sign_up_id JOIN shift sh ON sh.id = s.shift_id "
    "JOIN activity a ON a.id = sh.activity_id JOIN organization o ON o.id = p.organizer_id"
)


async def list_my_no_shows(person_id: str, page: PageQuery) -> MyNoShows:
    """One's own no-shows at shifts and one's dependants', forgiven ones too, and the block that one is under."""
    rows = await fetch_page(
        "SELECT n.id, s.id AS sign_up_id, n.person_id, a.title, sh.starts_at AS shift_starts_at, n.reason, "
        "n.happened_at, n.forgiven_at IS NULL AS counts, n.happened_at + $2::interval AS appeal_until, "
        "p.id AS appeal_id, p.state AS appeal_state, COALESCE(p.decision, '') AS appeal_decision FROM no_show n "
        "JOIN sign_up s ON s.place_id = n.place_id JOIN shift sh ON sh.id = s.shift_id "
        "JOIN activity a ON a.id = sh.activity_id LEFT JOIN no_show_appeal p ON p.no_show_id = n.id "
        f"WHERE {ours('n.person_id')} AND n.purpose = 'shift_role' AND ($3::uuid IS NULL OR n.id < $3) "
        "ORDER BY n.id DESC LIMIT $4",
        person_id,
        APPEAL_WITHIN,
        page=page,
    )
    names = await names_for(person_id, {row["person_id"] for row in rows.items})
    views = [MyNoShowView(**row, person_name=names[row["person_id"]]) for row in rows.items]
    return MyNoShows(await blocked_until(person_id, Purpose.SHIFT_ROLE), Page(views, rows.next_cursor))


async def appeal_no_show(caller_id: str, no_show_id: str, text: str) -> MyNoShows:
    """Say why a no-show of one's own (or of somebody one looks after) should not count; the first page of one's own.

    Raises NotFound, WrongState when it no longer counts, AppealClosed, AlreadyAppealed.
    """
    async with transaction():
        row = await fetch_one(
            "SELECT n.person_id, n.happened_at, n.forgiven_at, s.id AS sign_up_id, a.organizer_id FROM no_show n "
            "JOIN sign_up s ON s.place_id = n.place_id JOIN shift sh ON sh.id = s.shift_id "
            "JOIN activity a ON a.id = sh.activity_id WHERE n.id = $1",
            no_show_id,
        )
        if row is None:
            raise NotFound()
        await require_dependant(caller_id, row["person_id"])
        if row["forgiven_at"]:
            raise WrongState("该次爽约已不再计入")
        if clock.now() > row["happened_at"] + APPEAL_WITHIN:
            raise AppealClosed()
        async with transaction(no_show_appeal_once=AlreadyAppealed):
            made = await NoShowAppeal.create(
                no_show_id=no_show_id,
                sign_up_id=row["sign_up_id"],
                organizer_id=row["organizer_id"],
                by_id=caller_id,
                text=text,
            )
        await notify(
            set(await role_holders(row["organizer_id"], WORKERS)) - {caller_id},
            messages.NO_SHOW_APPEALED,
            appeal=made.id,
        )
        return await list_my_no_shows(caller_id, PageQuery())


async def list_no_show_appeals(person_id: str, query: AppealsQuery) -> Page[AppealView]:
    """Appeals about an organization's activities, the oldest first. Raises NotAllowed."""
    await require_role(person_id, query.organization_id, READERS)
    rows = await fetch_page(
        f"{_APPEAL} WHERE {within('o.path', '$1')} "
        "AND ($2::text IS NULL OR p.state = $2) AND ($3::uuid IS NULL OR p.id > $3) ORDER BY p.id LIMIT $4",
        query.organization_id,
        query.state and str(query.state),
        page=query,
    )
    return Page(await _appeals(rows.items), rows.next_cursor)


async def decide_no_show_appeal(actor_id: str, appeal_id: str, *, accept: bool, decision: str) -> AppealView:
    """Accepted, the no-show no longer counts and a block that rests on it ends; the person is told. Deciding the same
    twice changes nothing.

    Raises NotFound, NotAllowed, OwnMatter, WrongState when it was decided otherwise.
    """
    async with transaction():
        # Two members of staff decide at once: the second sees what the first decided.
        appeal = await NoShowAppeal.filter(id=appeal_id).select_for_update(no_key=True).get_or_none()
        if appeal is None:
            raise NotFound()
        if not await holds_role(actor_id, appeal.organizer_id, WORKERS):
            await require_role_or_hide(actor_id, appeal.organizer_id, READERS)
            raise NotAllowed()
        person_id = await fetch_value("SELECT person_id FROM no_show WHERE id = $1", appeal.no_show_id)
        require_another(actor_id, person_id, appeal.by_id)
        wanted = AppealState.ACCEPTED if accept else AppealState.REFUSED
        if appeal.state is not AppealState.SUBMITTED:
            if appeal.state is wanted:
                return await _appeal(appeal_id)
            raise WrongState()
        appeal.state, appeal.decision = wanted, decision
        appeal.decided_by_id, appeal.decided_at = actor_id, clock.now()
        await appeal.save(update_fields=["state", "decision", "decided_by_id", "decided_at"])
        if accept:
            await forgive_no_show(await fetch_value("SELECT place_id FROM no_show WHERE id = $1", appeal.no_show_id))
        await record_audit(
            "decide_no_show_appeal",
            actor_id=actor_id,
            subject=("no_show_appeal", appeal_id),
            person_id=person_id,
            organization_id=appeal.organizer_id,
            state=str(appeal.state),
        )
        await notify({person_id, appeal.by_id}, messages.NO_SHOW_APPEAL_DECIDED, appeal=appeal_id, decision=str(wanted))
        return await _appeal(appeal_id)


async def describe_appeals(appeal_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for appeals: the activity's `title`, and the `decision` of the staff."""
    rows = await fetch(
        "SELECT p.id, a.title, p.decision FROM no_show_appeal p JOIN sign_up s ON s.id = p.sign_up_id "
        "JOIN shift sh ON sh.id = s.shift_id JOIN activity a ON a.id = sh.activity_id WHERE p.id = ANY($1::uuid[])",
        list(appeal_ids),
    )
    return {row["id"]: dict(row) for row in rows}


async def _appeal(appeal_id: str) -> AppealView:
    return (await _appeals(await fetch(f"{_APPEAL} WHERE p.id = $1", appeal_id)))[0]


async def _appeals(rows: list[Any]) -> list[AppealView]:
    words = await describe_persons({row["person_id"] for row in rows})
    return [AppealView(**dict(row), name=words.get(row["person_id"], {}).get("name", "")) for row in rows]
