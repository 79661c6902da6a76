"""Residents' evaluation 居民评价 of their community: once a half-year."""

import msgspec

from server.foundation import clock
from server.foundation.database import execute, fetch, fetch_value, transaction
from server.foundation.errors import WrongState
from server.foundation.personal_copy import Copied, Shown
from server.organizations.access import holds_role_anywhere
from server.service_record.periods import half_year_of


class EvaluationView(msgspec.Struct, kw_only=True):
    """Of which community and half-year, and how satisfied one is, from 1 to 5; null: none yet."""

    organization_name: str | None
    period: str
    satisfaction: int | None


async def get_my_evaluation(person_id: str) -> EvaluationView:
    """This half-year's."""
    period = half_year_of(clock.now()).code
    rows = await fetch(
        "SELECT o.name, e.stars FROM person p JOIN organization o ON o.id = p.community_id "
        "LEFT JOIN community_evaluation e ON e.person_id = p.id AND e.period = $2 WHERE p.id = $1",
        person_id,
        period,
    )
    if not rows:
        return EvaluationView(organization_name=None, period=period, satisfaction=None)
    return EvaluationView(organization_name=rows[0]["name"], period=period, satisfaction=rows[0]["stars"])


async def evaluate_community(person_id: str, stars: int) -> EvaluationView:
    """Say what one thinks of the community in which one lives, or say it anew. Raises WrongState for those who chose
    none, and for those who work for one: nobody assesses themselves."""
    async with transaction():
        community_id = await fetch_value("SELECT community_id FROM person WHERE id = $1", person_id)
        if community_id is None:
            raise WrongState("请先选择所在社区")
        if await holds_role_anywhere(person_id):
            raise WrongState("社区工作者不参加居民评价")
        await execute(
            "INSERT INTO community_evaluation (id, created_at, organization_id, person_id, period, stars) "
            "VALUES (gen_random_uuid(), $1, $2, $3, $4, $5) ON CONFLICT (person_id, period) "
            "DO UPDATE SET organization_id = EXCLUDED.organization_id, stars = EXCLUDED.stars",
            clock.now(),
            community_id,
            person_id,
            half_year_of(clock.now()).code,
            stars,
        )
    return await get_my_evaluation(person_id)


async def move_evaluations(from_id: str, into_id: str) -> None:
    """Two persons turn out to be one, who has one voice a half-year."""
    await execute(
        "UPDATE community_evaluation e SET person_id = $2 WHERE e.person_id = $1 AND NOT EXISTS (SELECT 1 "
        "FROM community_evaluation o WHERE o.period = e.period AND o.person_id = $2)",
        from_id,
        into_id,
    )
    await erase_evaluations(from_id)


async def erase_evaluations(person_id: str) -> None:
    """What the person said is forgotten; what was checked before has counted it."""
    await execute("DELETE FROM community_evaluation WHERE person_id = $1", person_id)


SHEETS = (
    Copied(
        "对社区的评价",
        "SELECT o.name, e.period, e.stars, e.created_at FROM community_evaluation e "
        "JOIN organization o ON o.id = e.organization_id WHERE e.person_id = $1 ORDER BY e.id DESC",
        Shown("社区", "name", 24),
        Shown("半年", "period"),
        Shown("星级", "stars"),
        Shown("时间", "created_at", 22),
    ),
)
