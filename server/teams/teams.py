"""Teams 团队: a leader and up to nine others who claim wishes and serve together. People join by themselves, by
the leader's code, and is a volunteer."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from server.accounts.cancelling import MatterKind, OpenMatter
from server.accounts.consents import ConsentNeeded
from server.accounts.models import ConsentKind, Person
from server.accounts.queries import describe_persons, has_consent
from server.accounts.sharing import SharedCard, find_bar, make_card
from server.foundation import clock
from server.foundation.codes import RotatingCode
from server.foundation.database import execute, exists, fetch, fetch_one, transaction
from server.foundation.errors import EditedMeanwhile, InvalidFields, NotAllowed, NotFound, Refusal, WrongState
from server.foundation.ids import Id, new_id
from server.foundation.typed import require_no_number
from server.media.drawing.qr import qr_as_text
from server.moderation.models import Verdict
from server.moderation.verdicts import submit_for_check, verdict_of
from server.notifications.telling import notify
from server.teams import messages
from server.teams.models import Team, TeamMember

MAX_SIZE = 10
"""People in a team, the leader too."""
MAX_LED = 3
"""Teams that one person leads at a time."""
UNNAMED = "志愿团队"
"""What a team is called while the content check has not passed its name."""

_CODE = RotatingCode("team", "team_code", seconds=24 * 60 * 60)
"""What is joined by, for one day at least and two at most; it tells the team."""


class TeamFull(Refusal):
    """`limit`: how many a team may have."""

    code, title, status = "team_full", "团队人数已满", 409


class TooManyTeams(Refusal):
    """`limit`: how many one may lead at a time."""

    code, title, status = "too_many_teams", "您带领的团队已达上限", 409


class TeamCodeInvalid(Refusal):
    code, title, status = "team_code_invalid", "入队码无效或已过期，请向队长索取新的入队码", 422


class TeamCommunityNeeded(Refusal):
    code, title, status = "community_needed", "请先选择所在社区", 409


class TeamMemberView(msgspec.Struct):
    """Somebody of the team, as the others see them."""

    person_id: Id
    nickname: str
    is_leader: bool
    joined_at: datetime


class TeamBrief(msgspec.Struct):
    """A team on a list."""

    id: Id
    name: str
    size: int
    is_led_by_me: bool


class TeamView(msgspec.Struct, kw_only=True):
    """A team, for those in it. `name` is as others see it; `own_name`, the leader's alone, may not have passed yet."""

    id: Id
    name: str
    own_name: str
    community_id: Id
    size: int
    is_led_by_me: bool
    members: list[TeamMemberView]
    version: int


class TeamCode(msgspec.Struct):
    """What others join by, as text and as a PNG (base64)."""

    code: str
    valid_until: datetime
    picture: str


async def create_team(leader_id: str, name: str) -> TeamView:
    """A new team with its leader in it. The name goes to the content check.

    Raises ConsentNeeded for one who is no volunteer, TeamCommunityNeeded, TooManyTeams, InvalidFields.
    """
    async with transaction():
        await _require_volunteer(leader_id)
        # The leader's row: two taps at once would each count the other's team as not yet there.
        leader = await Person.filter(id=leader_id).select_for_update(no_key=True).get()
        if leader.community_id is None:
            raise TeamCommunityNeeded()
        if await Team.filter(leader_id=leader_id, ended_at=None).count() >= MAX_LED:
            raise TooManyTeams(limit=MAX_LED)
        team = await Team.create(
            id=new_id(), leader_id=leader_id, community_id=leader.community_id, name=_clean_name(name)
        )
        await TeamMember.create(team=team, person_id=leader_id)
        await _submit_name(team)
        return await get_team(leader_id, team.id)


async def rename_team(leader_id: str, team_id: str, version: int, name: str) -> TeamView:
    """Another name, shown once it has passed the check. Raises NotFound, NotAllowed, EditedMeanwhile, InvalidFields."""
    async with transaction():
        team = await _lock_led(leader_id, team_id)
        if team.version != version:
            raise EditedMeanwhile()
        team.name = _clean_name(name)
        team.version += 1
        await team.save(update_fields=["name", "version"])
        await _submit_name(team)
        return await get_team(leader_id, team_id)


async def show_team_code(leader_id: str, team_id: str) -> TeamCode:
    """The code that the leader passes on. Raises NotFound, NotAllowed."""
    if not await leads_team(leader_id, team_id):
        raise NotAllowed("只有队长可以进行此操作") if await is_in_team(leader_id, team_id) else NotFound()
    window = _CODE.window_at(clock.now())
    team = await Team.get(id=team_id)
    text = _CODE.write(window, team_id, str(team.code_number))
    # Taken in the window after this one too.
    valid_until = clock.shanghai(_CODE.ends_at(window + 1))
    return TeamCode(text, valid_until, qr_as_text(text))


async def join_team(person_id: str, code: str) -> TeamView:
    """Join by the leader's code. Joining twice changes nothing.

    Raises TeamCodeInvalid, ConsentNeeded for one who is no volunteer, TeamFull, WrongState where the team has ended.
    """
    team_id, number = _read_code(code)
    async with transaction():
        await _require_volunteer(person_id)
        # The team's row is what people race for who all want the tenth place.
        team = await Team.filter(id=team_id).select_for_update(no_key=True).get_or_none()
        if team is None or str(team.code_number) != number:
            raise TeamCodeInvalid()
        if team.ended_at:
            raise WrongState("团队已解散")
        if await is_in_team(person_id, team_id):
            return await get_team(person_id, team_id)
        if team.size >= MAX_SIZE:
            raise TeamFull(f"团队最多 {MAX_SIZE} 人", limit=MAX_SIZE)
        team.size += 1
        await team.save(update_fields=["size"])
        await TeamMember.create(team_id=team_id, person_id=person_id)
        await notify(team.leader_id, messages.JOINED, team=team_id, person=person_id)
        return await get_team(person_id, team_id)


async def show_shared_team(person_id: str | None, code: str) -> SharedCard:
    """The team that a code invites to, and what stands in the way of joining it. Raises TeamCodeInvalid."""
    team_id, number = _read_code(code)
    row = await fetch_one(
        "SELECT t.id, t.shown_name, t.code_number, o.name FROM team t JOIN organization o ON o.id = t.community_id "
        "WHERE t.id = $1 AND t.ended_at IS NULL",
        team_id,
    )
    if row is None or str(row["code_number"]) != number:
        raise TeamCodeInvalid()
    bar = await find_bar(person_id, consent=ConsentKind.VOLUNTEER_TERMS)
    return make_card(row["id"], row["shown_name"] or UNNAMED, row["name"], bar)


async def leave_team(person_id: str, team_id: str) -> None:
    """Raises NotFound for one who is not in it, and WrongState for its leader, who can only end it."""
    async with transaction():
        team = await _lock_team(person_id, team_id)
        if team.leader_id == person_id:
            raise WrongState("队长不能退出，可以解散团队")
        await _end_membership(team, person_id)


async def remove_from_team(leader_id: str, team_id: str, person_id: str) -> TeamView:
    """The leader takes somebody out; they are told, and the team has another code. Raises NotFound, NotAllowed,
    WrongState."""
    async with transaction():
        team = await _lock_led(leader_id, team_id)
        if person_id == leader_id:
            raise WrongState("队长不能退出，可以解散团队")
        await _end_membership(team, person_id)
        # Or they would come back with the code that they have.
        team.code_number += 1
        await team.save(update_fields=["code_number"])
        await notify(person_id, messages.LEFT, team=team_id, why="removed")
        return await get_team(leader_id, team_id)


async def end_team(leader_id: str, team_id: str) -> None:
    """The team is over; what it has claimed stays its leader's. Raises NotFound, NotAllowed."""
    async with transaction():
        await _end(await _lock_led(leader_id, team_id))


async def leave_all_teams(person_id: str) -> None:
    """The person is gone (blocked, or withdrew): teams that they lead end, others go on without them."""
    rows = await fetch(
        "SELECT team_id FROM team_member WHERE person_id = $1 AND left_at IS NULL ORDER BY team_id", person_id
    )
    for row in rows:
        team = await Team.filter(id=row["team_id"]).select_for_update(no_key=True).get()
        if team.ended_at:
            continue
        if team.leader_id == person_id:
            await _end(team)
        else:
            await _end_membership(team, person_id)


async def list_my_teams(person_id: str) -> list[TeamBrief]:
    """The teams that the person is in, oldest first."""
    rows = await fetch(
        "SELECT t.id, t.shown_name, t.size, t.leader_id FROM team_member m JOIN team t ON t.id = m.team_id "
        "WHERE m.person_id = $1 AND m.left_at IS NULL AND t.ended_at IS NULL ORDER BY t.id",
        person_id,
    )
    return [
        TeamBrief(row["id"], row["shown_name"] or UNNAMED, row["size"], row["leader_id"] == person_id) for row in rows
    ]


async def get_team(person_id: str, team_id: str) -> TeamView:
    """A team that the person is in. Raises NotFound."""
    team = await Team.get_or_none(id=team_id, ended_at=None)
    members = await TeamMember.filter(team_id=team_id, left_at=None).order_by("id")
    if team is None or person_id not in {member.person_id for member in members}:
        raise NotFound()
    people = await describe_persons([member.person_id for member in members])
    is_led_by_me = team.leader_id == person_id
    return TeamView(
        id=team.id,
        name=team.shown_name or UNNAMED,
        own_name=team.name if is_led_by_me else "",
        community_id=team.community_id,
        size=team.size,
        is_led_by_me=is_led_by_me,
        members=[
            TeamMemberView(
                member.person_id,
                people[member.person_id]["nickname"],
                member.person_id == team.leader_id,
                member.created_at,
            )
            for member in members
        ],
        version=team.version,
    )


async def team_people(team_id: str) -> set[str]:
    """Who is in a team now, the leader too; nobody, once it has ended."""
    rows = await fetch("SELECT person_id FROM team_member WHERE team_id = $1 AND left_at IS NULL", team_id)
    return {row["person_id"] for row in rows}


async def is_in_team(person_id: str, team_id: str) -> bool:
    return await TeamMember.exists(team_id=team_id, person_id=person_id, left_at=None)


async def is_in_team_of(person_id: str, path: str) -> bool:
    """Whether the person is in a team of a community whose path is `path` or below."""
    return await exists(
        "SELECT 1 FROM team_member m JOIN team t ON t.id = m.team_id JOIN organization o ON o.id = t.community_id "
        "WHERE m.person_id = $1 AND m.left_at IS NULL AND o.path <@ $2::ltree",
        person_id,
        path,
    )


async def leads_team(person_id: str, team_id: str) -> bool:
    """Whether the person leads this team, and it has not ended."""
    return await Team.exists(id=team_id, leader_id=person_id, ended_at=None)


async def describe_teams(team_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """The words for teams: their names, once they have passed the content check."""
    rows = await fetch("SELECT id, shown_name FROM team WHERE id = ANY($1)", list(team_ids))
    return {row["id"]: {"id": row["id"], "name": row["shown_name"] or UNNAMED} for row in rows}


async def settle_team_check(team_id: str) -> None:
    """The content check of a name has an answer: it is shown, or the leader is told to choose another."""
    team = await Team.filter(id=team_id).select_for_update(no_key=True).get_or_none()
    if team is None:
        return
    verdict = await verdict_of("team", team_id)
    if verdict is Verdict.PASSED:
        await Team.filter(id=team_id).update(shown_name=team.name)
    elif verdict is Verdict.REFUSED:
        await notify(team.leader_id, messages.NAME_REFUSED, team=team_id)


async def move_teams(from_id: str, into_id: str) -> None:
    """Two persons turned out to be one: the teams of `from_id` are those of `into_id`, who is in each only once."""
    await execute("UPDATE team SET leader_id = $2 WHERE leader_id = $1", from_id, into_id)
    await execute(
        "UPDATE team_member m SET person_id = $2 WHERE person_id = $1 AND (left_at IS NOT NULL OR NOT EXISTS "
        "(SELECT 1 FROM team_member o WHERE o.team_id = m.team_id AND o.person_id = $2 AND o.left_at IS NULL))",
        from_id,
        into_id,
    )
    doubled = await fetch(
        "UPDATE team_member SET left_at = $2 WHERE person_id = $1 AND left_at IS NULL RETURNING team_id",
        from_id,
        clock.now(),
    )
    await execute("UPDATE team SET size = size - 1 WHERE id = ANY($1)", [row["team_id"] for row in doubled])


async def _lock_team(person_id: str, team_id: str) -> Team:
    """The team under lock, for somebody in it. Raises NotFound."""
    team = await Team.filter(id=team_id, ended_at=None).select_for_update(no_key=True).get_or_none()
    if team is None or not await is_in_team(person_id, team_id):
        raise NotFound()
    return team


async def _lock_led(leader_id: str, team_id: str) -> Team:
    team = await _lock_team(leader_id, team_id)
    if team.leader_id != leader_id:
        raise NotAllowed("只有队长可以进行此操作")
    return team


async def _end(team: Team) -> None:
    now = clock.now()
    rows = await fetch(
        "UPDATE team_member SET left_at = $2 WHERE team_id = $1 AND left_at IS NULL RETURNING person_id", team.id, now
    )
    await Team.filter(id=team.id).update(ended_at=now)
    others = {row["person_id"] for row in rows} - {team.leader_id}
    await notify(others, messages.LEFT, team=team.id, why="ended")


async def _end_membership(team: Team, person_id: str) -> None:
    """Raises NotFound for one who is not in the team."""
    ended = await execute(
        "UPDATE team_member SET left_at = $3 WHERE team_id = $1 AND person_id = $2 AND left_at IS NULL",
        team.id,
        person_id,
        clock.now(),
    )
    if not ended:
        raise NotFound()
    team.size -= 1
    await team.save(update_fields=["size"])


async def _submit_name(team: Team) -> None:
    await submit_for_check("team", team.id, author_id=team.leader_id, organization_id=team.community_id)


async def _require_volunteer(person_id: str) -> None:
    if not await has_consent(person_id, ConsentKind.VOLUNTEER_TERMS):
        raise ConsentNeeded("请先阅读并同意志愿者协议")


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if len(name) < 2:
        raise InvalidFields.of("name", "团队名称至少 2 个字")
    require_no_number("name", name)
    return name


def _read_code(code: str) -> tuple[str, str]:
    """The team that the code is of, and its number. Raises TeamCodeInvalid when it is none of ours, or too old."""
    read = _CODE.read(code.strip())
    if read is None or len(read.told) != 2 or not _CODE.is_current(read.window, clock.now()):
        raise TeamCodeInvalid()
    return read.told[0], read.told[1]


async def open_teams_of(person_id: str) -> list[OpenMatter]:
    """The teams that the person is in."""
    return [OpenMatter(MatterKind.TEAM, team.name) for team in await list_my_teams(person_id)]
