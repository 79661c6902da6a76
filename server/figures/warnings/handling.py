"""What staff see of warnings, and do about them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from server.accounts.queries import describe_persons
from server.figures.reading import name_of
from server.figures.warnings.models import FigureWarning, WarningState
from server.figures.warnings.rules import BY_RULE, WARNING_TABLE, WarningAction, WarningActor, reason
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.database import fetch, transaction
from server.foundation.errors import NotFound
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery, fetch_page
from server.foundation.rows import lock_row
from server.organizations.access import WORKERS, require_role, require_role_or_hide
from server.organizations.desk import DeskQueue
from server.organizations.tree import within


class WarningView(msgspec.Struct, kw_only=True):
    """A warning. `reason` tells why, with the facts as they were last seen; of few people without the number. `words`
    is what it is about, `doing` what is done about it and `dismissal` why it was none."""

    id: Id
    rule_code: str
    words: str
    reason: str
    organization_id: Id
    organization_name: str
    state: WarningState
    figure: str
    month: str
    raised_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str
    acting_at: datetime | None
    acting_by: str
    doing: str
    dismissed_at: datetime | None
    dismissed_by: str
    dismissal: str
    over_at: datetime | None


_SELECT = (
    "SELECT w.*, o.name AS organization_name FROM figure_warning w JOIN organization o ON o.id = w.organization_id "
)


_AS_STORED = (
    *("id", "organization_id", "organization_name", "state", "raised_at", "acknowledged_at", "acting_at"),
    *("dismissed_at", "dismissal", "over_at"),
)


async def list_warnings(
    actor_id: str, organization_id: str, state: WarningState | None, page: PageQuery
) -> Page[WarningView]:
    """Of an organization and all below, the latest first; by default those that are not over. Raises NotAllowed."""
    await require_role(actor_id, organization_id, WORKERS)
    rows = await fetch_page(
        f"{_SELECT} WHERE {within('o.path', '$1')} AND w.state <> 'watched' AND CASE WHEN $2::text IS NULL "
        "THEN w.state IN ('raised', 'acknowledged', 'acting') ELSE w.state = $2 END "
        "AND ($3::uuid IS NULL OR w.id < $3) ORDER BY w.id DESC LIMIT $4",
        organization_id,
        state and str(state),
        page=page,
    )
    return Page(await _views(rows.items), rows.next_cursor)


async def show_warning(actor_id: str, warning_id: str) -> WarningView:
    """Raises NotFound, also to those who do not work there."""
    rows = await fetch(f"{_SELECT} WHERE w.id = $1 AND w.state <> 'watched'", warning_id)
    if not rows:
        raise NotFound()
    await require_role_or_hide(actor_id, rows[0]["organization_id"])
    return (await _views(rows))[0]


async def acknowledge_warning(actor_id: str, warning_id: str) -> WarningView:
    """Somebody knows of it. Raises NotFound, WrongState."""
    return await _do(actor_id, warning_id, WarningAction.ACKNOWLEDGE, "")


async def act_on_warning(actor_id: str, warning_id: str, words: str) -> WarningView:
    """Something is done about it, as the words say. Raises NotFound, WrongState."""
    return await _do(actor_id, warning_id, WarningAction.ACT, words)


async def dismiss_warning(actor_id: str, warning_id: str, words: str) -> WarningView:
    """It is none, for this reason; it is not raised again before its cause has gone. Raises NotFound, WrongState."""
    return await _do(actor_id, warning_id, WarningAction.DISMISS, words)


async def _do(actor_id: str, warning_id: str, action: WarningAction, words: str) -> WarningView:
    async with transaction():
        # Two who act at once, or the sweep that clears it: the second sees what the first made of it.
        warning = await lock_row(FigureWarning, warning_id)
        if warning is None or warning.state is WarningState.WATCHED:
            raise NotFound()
        await require_role_or_hide(actor_id, warning.organization_id)
        warning.state = WARNING_TABLE.next_state(warning.state, action, [WarningActor.WORKER])
        now = clock.now()
        match action:
            case WarningAction.ACKNOWLEDGE:
                warning.acknowledged_at, warning.acknowledged_by_id = now, actor_id
            case WarningAction.ACT:
                warning.acting_at, warning.acting_by_id, warning.acting_words = now, actor_id, words
            case WarningAction.DISMISS:
                warning.dismissed_at, warning.dismissed_by_id, warning.dismissal = now, actor_id, words
        await warning.save()
        await record_audit(
            f"{action}_warning",
            actor_id=actor_id,
            subject=("figure_warning", warning.id),
            organization_id=warning.organization_id,
            rule=warning.rule,
        )
        return (await _views(await fetch(f"{_SELECT} WHERE w.id = $1", warning_id)))[0]


async def _views(rows: Iterable[Any]) -> list[WarningView]:
    shown = list(rows)
    by = ("acknowledged_by", "acting_by", "dismissed_by")
    people = await describe_persons({row[f"{name}_id"] for row in shown for name in by if row[f"{name}_id"]})
    names = {
        name: {row["id"]: people[row[f"{name}_id"]]["name"] for row in shown if row[f"{name}_id"] in people}
        for name in by
    }
    return [
        WarningView(
            rule_code=row["rule"],
            words=BY_RULE[row["rule"]].words,
            reason=reason(BY_RULE[row["rule"]], row["numerator"], row["denominator"]),
            figure=BY_RULE[row["rule"]].figure,
            month=name_of(row["month"]),
            doing=row["acting_words"],
            acknowledged_by=names["acknowledged_by"].get(row["id"], ""),
            acting_by=names["acting_by"].get(row["id"], ""),
            dismissed_by=names["dismissed_by"].get(row["id"], ""),
            **{name: row[name] for name in _AS_STORED},
        )
        for row in shown
    ]


async def describe_warnings(warning_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Words for messages: what it is about, where, and why."""
    rows = await fetch(f"{_SELECT} WHERE w.id = ANY($1::uuid[])", list(warning_ids))
    return {
        row["id"]: {
            "id": row["id"],
            "title": BY_RULE[row["rule"]].words,
            "organization": row["organization_name"],
            "reason": reason(BY_RULE[row["rule"]], row["numerator"], row["denominator"]),
        }
        for row in rows
    }


QUEUE = DeskQueue(
    kind="figure_warning",
    words="预警待处理",
    path="/staff/warnings",
    subject=("figure_warning", "title"),
    sql="SELECT id, id AS subject_id, organization_id, raised_at AS since FROM figure_warning WHERE state = 'raised'",
)
