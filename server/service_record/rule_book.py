"""What service is worth, as a city's managers set it: every change is a new version, and the old ones can be read."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec

from server.accounts.queries import describe_persons
from server.foundation import clock
from server.foundation.audit import record_audit
from server.foundation.bounds import Moment, RequiredText
from server.foundation.database import IntegrityError, fetch, fetch_structs, fetch_value, transaction, violates
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound
from server.foundation.ids import Id
from server.service_record.models import ServiceRule
from server.service_record.recording import ensure_default_rules
from server.service_record.rules import RULES_FOR_MEMBERS

_LONGEST_AHEAD = timedelta(days=366)
_Points = Annotated[int, msgspec.Meta(ge=0, le=1000)]
_Cap = Annotated[int, msgspec.Meta(ge=0, le=100_000)]


class RuleTerms(msgspec.Struct, kw_only=True):
    """What a rule gives. The caps bound one person's points under it in a day or month; null: no bound."""

    name: Annotated[RequiredText, msgspec.Meta(max_length=50)]
    points_per_event: _Points
    points_per_hour: _Points
    daily_cap: _Cap | None = None
    monthly_cap: _Cap | None = None


class RuleContent(RuleTerms, kw_only=True, forbid_unknown_fields=True):
    """`valid_from` left out: from now on."""

    valid_from: Moment | None = None


class RuleView(RuleTerms, kw_only=True):
    """A rule as it is in force now. `version` is the newest there is, which may be yet to come.

    `for_members`: it does not count in rankings.
    """

    code: str
    version: int
    valid_from: datetime
    for_members: bool


class RuleVersionView(RuleTerms, kw_only=True):
    """One version of a rule. `changed_by` is who made it, empty where it came with the program."""

    id: Id
    version: int
    valid_from: datetime
    changed_at: datetime
    changed_by: str
    is_in_force: bool


async def list_service_rules() -> list[RuleView]:
    """The rules as they are in force now."""
    await ensure_default_rules()
    return await fetch_structs(
        RuleView,
        "SELECT DISTINCT ON (r.code) r.code, r.name, (SELECT max(v.version) FROM service_rule v WHERE v.code = r.code) "
        "AS version, r.points_per_event, r.points_per_hour, r.daily_cap, r.monthly_cap, r.valid_from, "
        "r.code = ANY($2) AS for_members FROM service_rule r WHERE r.valid_from <= $1 ORDER BY r.code, r.version DESC",
        clock.now(),
        RULES_FOR_MEMBERS,
    )


async def list_rule_versions(code: str) -> list[RuleVersionView]:
    """A rule's history, the newest version first. Raises NotFound."""
    await ensure_default_rules()
    now = clock.now()
    rows = await fetch("SELECT * FROM service_rule WHERE code = $1 ORDER BY version DESC", code)
    if not rows:
        raise NotFound()
    people = await describe_persons({row["changed_by_id"] for row in rows if row["changed_by_id"]})
    in_force = next((row["version"] for row in rows if row["valid_from"] <= now), 0)
    return [
        RuleVersionView(
            changed_at=row["created_at"],
            changed_by=people[row["changed_by_id"]]["name"] if row["changed_by_id"] in people else "",
            is_in_force=row["version"] == in_force,
            **{name: row[name] for name in RuleVersionView.__struct_fields__ if name in row},
        )
        for row in rows
    ]


async def change_service_rule(actor_id: str, code: str, version: int, content: RuleContent) -> list[RuleVersionView]:
    """A new version of a rule, from now or a later time on; it also replaces one that is yet to come. What was recorded
    before keeps its points. `version` is the newest one that the actor knows.

    The rules are the whole city's, so only its managers change them. Raises NotAllowed, NotFound, EditedMeanwhile,
    InvalidFields.
    """
    await _require_city_manager(actor_id)
    await ensure_default_rules()
    now = clock.now()
    if content.valid_from is not None and not now <= content.valid_from <= now + _LONGEST_AHEAD:
        raise InvalidFields.of("valid_from", "生效时间应在今后一年之内")
    async with transaction():
        newest = await fetch_value("SELECT max(version) FROM service_rule WHERE code = $1", code)
        if newest is None:
            raise NotFound()
        if newest != version:
            raise EditedMeanwhile()
        try:
            async with transaction():
                rule = await ServiceRule.create(
                    code=code,
                    version=version + 1,
                    valid_from=content.valid_from or now,
                    **{name: getattr(content, name) for name in RuleTerms.__struct_fields__},
                    changed_by_id=actor_id,
                )
        except IntegrityError as error:
            # Two managers at once: the second one has not seen the first one's version.
            if violates(error, "service_rule_version"):
                raise EditedMeanwhile() from None
            raise
        await record_audit(
            "change_service_rule", actor_id=actor_id, subject=("service_rule", rule.id), code=code, version=version + 1
        )
        return await list_rule_versions(code)


async def _require_city_manager(actor_id: str) -> None:
    found = await fetch_value(
        "SELECT 1 FROM role_grant g JOIN organization o ON o.id = g.organization_id WHERE g.person_id = $1 "
        "AND g.kind = 'manager' AND g.ended_at IS NULL AND o.level = 'city' AND o.closed_at IS NULL",
        actor_id,
    )
    if not found:
        raise NotAllowed("积分规则由市级管理员维护")
