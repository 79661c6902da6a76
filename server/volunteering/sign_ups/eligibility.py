"""Who may come: the rules of an activity, and a refusal that says which of them somebody does not meet."""

from datetime import date, datetime
from typing import Annotated, NamedTuple

import msgspec

from server.accounts.models import Person
from server.foundation.bounds import RequiredText
from server.foundation.database import fetch, transaction
from server.foundation.dates import age_on, day_of
from server.foundation.errors import InvalidFields
from server.foundation.ids import Id
from server.members.homes import host_of_home
from server.members.memberships import is_member, membership_of, open_memberships
from server.organizations.access import holds_role_at
from server.organizations.models import Level, Organization
from server.service_record.queries import service_totals
from server.service_record.recording import BELONGING
from server.volunteering.models import ActivityAudience, VolunteerSkill
from server.volunteering.sign_ups.errors import NotEligible

Skill = Annotated[RequiredText, msgspec.Meta(max_length=20)]
_Age = Annotated[int, msgspec.Meta(ge=0, le=120)]


class WhoMayCome(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """The `audience` (`unit_id` where it is one unit's people), ages in years on the day of the shift, a skill, and
    minutes of service so far."""

    audience: ActivityAudience = ActivityAudience.EVERYONE
    unit_id: Id | None = None
    min_age: _Age | None = None
    max_age: _Age | None = None
    needed_skill: Annotated[str, msgspec.Meta(max_length=20)] = ""
    min_minutes: Annotated[int, msgspec.Meta(ge=0, le=600_000)] = 0


class ShiftTerms(msgspec.Struct, frozen=True):
    """The same as one role of one shift asks it: both its `skills`, where there are any."""

    audience: ActivityAudience
    unit_id: str | None
    min_age: int | None
    max_age: int | None
    skills: list[str]
    min_minutes: int
    starts_at: datetime


class Comer(NamedTuple):
    """What of a person is asked for most often."""

    person_id: str
    birth_date: date | None
    is_volunteer: bool


async def check_who(who: WhoMayCome) -> None:
    """Raises InvalidFields for rules that nobody could meet."""
    if (who.audience is ActivityAudience.UNIT) != (who.unit_id is not None):
        raise InvalidFields.of("who.unit_id", "仅限一个单位的人员时，请选择该单位")
    if who.unit_id and not await Organization.exists(id=who.unit_id, level=Level.UNIT, closed_at=None):
        raise InvalidFields.of("who.unit_id", "请选择一个单位")
    if who.min_age is not None and who.max_age is not None and who.min_age > who.max_age:
        raise InvalidFields.of("who.max_age", "最大年龄不能小于最小年龄")


async def ensure_eligible(comer: Comer, terms: ShiftTerms) -> None:
    """Raises NotEligible with the `rule` that the person does not meet: audience, age, skill or minutes."""
    if text := await _audience_problem(comer, terms):
        raise NotEligible(text, rule="audience")
    if text := _age_problem(comer, terms):
        raise NotEligible(text, rule="age")
    for skill in filter(None, terms.skills):
        if _plain(skill) not in await _skills_of(comer.person_id):
            raise NotEligible(f"需要“{skill}”特长，如果您会，请先在“我的特长”中添加", rule="skill", skill=skill)
    if terms.min_minutes:
        minutes = (await service_totals(comer.person_id)).minutes
        if minutes < terms.min_minutes:
            needed, has = _hours(terms.min_minutes), _hours(minutes)
            raise NotEligible(f"需累计服务满 {needed} 小时，您目前有 {has} 小时", rule="minutes")


async def list_my_skills(person_id: str) -> list[str]:
    """What the person says they can do."""
    rows = await fetch("SELECT name FROM volunteer_skill WHERE person_id = $1 ORDER BY name", person_id)
    return [row["name"] for row in rows]


async def set_my_skills(person_id: str, skills: list[str]) -> list[str]:
    """What the person can do, in place of what they said before; the list as it is kept."""
    names = {_plain(skill) for skill in skills} - {""}
    async with transaction():
        # The person's row, so that two lists saved at once are not mixed.
        await Person.filter(id=person_id).select_for_update(no_key=True).get()
        await VolunteerSkill.filter(person_id=person_id).exclude(name__in=names or [""]).delete()
        await VolunteerSkill.bulk_create(
            [VolunteerSkill(person_id=person_id, name=name) for name in sorted(names)], ignore_conflicts=True
        )
    return await list_my_skills(person_id)


async def _audience_problem(comer: Comer, terms: ShiftTerms) -> str:
    match terms.audience:
        case ActivityAudience.VOLUNTEERS:
            if not comer.is_volunteer:
                return "仅限志愿者，请先同意志愿者服务协议"
        case ActivityAudience.MEMBERS:
            if not await is_member(comer.person_id):
                return "仅限党员"
        case ActivityAudience.UNIT:
            assert terms.unit_id
            if not await _belongs_to(comer.person_id, terms.unit_id):
                unit = await Organization.get(id=terms.unit_id)
                return f"仅限“{unit.name}”的人员"
    return ""


def _age_problem(comer: Comer, terms: ShiftTerms) -> str:
    low, high = terms.min_age, terms.max_age
    if low is None and high is None:
        return ""
    wanted = _ages(low, high)
    if comer.birth_date is None:
        return f"{wanted}，请先填写出生日期"
    age = age_on(comer.birth_date, day_of(terms.starts_at))
    fits = (low is None or low <= age) and (high is None or age <= high)
    return "" if fits else f"{wanted}（以活动当天计，当天 {age} 岁）"


async def _skills_of(person_id: str) -> set[str]:
    return set(await list_my_skills(person_id))


async def _belongs_to(person_id: str, unit_id: str) -> bool:
    """Whether the person works for the unit: holds a role there, is known to belong there, or has their membership in
    a Party organization that it hosts."""
    if await holds_role_at(person_id, unit_id):
        return True
    for tell in BELONGING:
        if (await tell(person_id)).unit_id == unit_id:
            return True
    membership_id = await membership_of(person_id)
    if membership_id is None:
        return False
    home_id = (await open_memberships([membership_id]))[membership_id].home_organization_id
    return home_id is not None and await host_of_home(home_id) == unit_id


def _ages(low: int | None, high: int | None) -> str:
    if low is None:
        return f"限 {high} 岁及以下"
    return f"限 {low} 岁及以上" if high is None else f"限 {low} 至 {high} 岁"


def _plain(skill: str) -> str:
    """A skill's word as it is compared: without spaces around, in small letters."""
    return skill.strip().casefold()


def _hours(minutes: int) -> str:
    return f"{minutes / 60:.1f}".removesuffix(".0")
