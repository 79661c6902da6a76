"""团队 teams: a leader and up to nine others who do things together."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import SignedCode, Strict
from miniprogram_api.routing import Routes, Who
from server.accounts.consents import ConsentNeeded
from server.accounts.sessions import Caller
from server.accounts.sharing import SharedCard
from server.foundation.actions import ActionView
from server.foundation.bounds import RequiredText, Version
from server.foundation.errors import EditedMeanwhile, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.rates import Group
from server.teams import actions, teams
from server.teams.teams import (
    TeamBrief,
    TeamCode,
    TeamCodeInvalid,
    TeamCommunityNeeded,
    TeamFull,
    TeamView,
    TooManyTeams,
)

routes = Routes("团队 teams")

TeamName = Annotated[RequiredText, msgspec.Meta(max_length=20)]


class CreateTeam(Strict):
    name: TeamName


@routes.post("/teams", status=201, errors=[NotFound, ConsentNeeded, TeamCommunityNeeded, TooManyTeams])
async def create_team(caller: Caller, body: CreateTeam) -> TeamView:
    """组建志愿团队

    名称通过内容安全检查后才对他人显示。
    """
    return await teams.create_team(caller.person_id, body.name)


@routes.get("/teams")
async def list_my_teams(caller: Caller) -> list[TeamBrief]:
    """我的团队"""
    return await teams.list_my_teams(caller.person_id)


class JoinTeam(Strict):
    code: SignedCode
    """What the leader's code says."""


@routes.post("/teams/join", group=Group.CODES, errors=[NotFound, ConsentNeeded, TeamCodeInvalid, TeamFull, WrongState])
async def join_team(caller: Caller, body: JoinTeam) -> TeamView:
    """扫队长的入队码加入团队"""
    return await teams.join_team(caller.person_id, body.code)


class InvitationQuery(Strict):
    code: SignedCode


@routes.get("/teams/shared", who=Who.ANYONE, group=Group.CODES, errors=[TeamCodeInvalid])
async def show_shared_team(caller: Caller | None, query: InvitationQuery) -> SharedCard:
    """入队码打开的团队卡片

    任何人都可查看。`why` 和 `advice` 说明还差什么、怎么办。
    """
    return await teams.show_shared_team(caller.person_id if caller else None, query.code)


@routes.get("/teams/<team_id>")
async def get_team(caller: Caller, team_id: Id) -> TeamView:
    """团队详情（仅成员可见）"""
    return await teams.get_team(caller.person_id, team_id)


@routes.get("/teams/<team_id>/actions")
async def list_team_actions(caller: Caller, team_id: Id) -> list[ActionView]:
    """我在团队里能做什么

    改名、退出、解散、移出（`of` 为移出哪一位）；不能做的说明原因。
    """
    return await actions.list_team_actions(caller.person_id, team_id)


class RenameTeam(Strict):
    version: Version
    name: TeamName


@routes.put("/teams/<team_id>", errors=[EditedMeanwhile, NotAllowed])
async def rename_team(caller: Caller, team_id: Id, body: RenameTeam) -> TeamView:
    """修改团队名称（队长）"""
    return await teams.rename_team(caller.person_id, team_id, body.version, body.name)


@routes.get("/teams/<team_id>/code", errors=[NotAllowed])
async def show_team_code(caller: Caller, team_id: Id) -> TeamCode:
    """入队码（队长出示，一至两天内有效）"""
    return await teams.show_team_code(caller.person_id, team_id)


@routes.post("/teams/<team_id>/leave", errors=[WrongState])
async def leave_team(caller: Caller, team_id: Id) -> None:
    """退出团队"""
    await teams.leave_team(caller.person_id, team_id)


@routes.delete("/teams/<team_id>/members/<person_id>", errors=[NotAllowed, WrongState])
async def remove_from_team(caller: Caller, team_id: Id, person_id: Id) -> TeamView:
    """移出团队成员（队长）"""
    return await teams.remove_from_team(caller.person_id, team_id, person_id)


@routes.post("/teams/<team_id>/end", errors=[NotAllowed])
async def end_team(caller: Caller, team_id: Id) -> None:
    """解散团队（队长）"""
    await teams.end_team(caller.person_id, team_id)
