"""工作端：双向认领: a unit's liaison and a place's staff, and who brings them together."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import OrganizationPage, Strict, WithReason, Words
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.co_building.claims import claiming, queries
from server.co_building.claims.claiming import AlreadyClaiming, NotEnoughLeft, Quantity
from server.co_building.claims.models import ListClaimState
from server.co_building.claims.queries import ListClaimView, Suggestion
from server.co_building.pairings import UnitNotPaired
from server.foundation.errors import WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page

routes = Routes("工作端：双向认领", prefix="/staff")


class ClaimsOfArea(OrganizationPage, kw_only=True):
    state: ListClaimState | None = None


class ClaimListEntry(Strict, kw_only=True):
    claimant_id: Id
    quantity: Quantity
    words: Words = ""


class AcceptListClaim(Strict):
    quantity: Annotated[Quantity | None, msgspec.Meta(description="less than was proposed")] = None


_PROPOSING = [AlreadyClaiming, NotEnoughLeft, UnitNotPaired, WrongState]


@routes.get("/list-claims", who=Who.STAFF)
async def list_claims(caller: Caller, query: ClaimsOfArea) -> Page[ListClaimView]:
    """本组织及辖区收到和提出的认领，最新的在前"""
    return await queries.list_claims(caller.person_id, query.organization_id, query.state, query)


@routes.get("/list-entries/<entry_id>/suggestions", who=Who.STAFF)
async def suggest_for_list_entry(caller: Caller, entry_id: Id) -> list[Suggestion]:
    """对方清单里可能合适的条目及理由"""
    return await queries.suggest_for_entry(caller.person_id, entry_id)


@routes.post("/list-entries/<entry_id>/claims", who=Who.STAFF, status=201, errors=_PROPOSING)
async def claim_list_entry(caller: Caller, entry_id: Id, body: ClaimListEntry) -> ListClaimView:
    """认领一条或其中一部分

    单位由联络员认领社区（街道）的，社区（街道）由工作人员认领单位的；10 天内没有答复即失效。
    """
    return await claiming.claim_entry(caller.person_id, entry_id, body.claimant_id, body.quantity, body.words)


@routes.post("/list-entries/<entry_id>/matches", who=Who.STAFF, status=201, errors=_PROPOSING)
async def match_list_entry(caller: Caller, entry_id: Id, body: ClaimListEntry) -> ListClaimView:
    """上级为无人认领的条目对接"""
    return await claiming.match_entry(caller.person_id, entry_id, body.claimant_id, body.quantity, body.words)


@routes.post("/list-claims/<claim_id>/accept", who=Who.STAFF, errors=[NotEnoughLeft, WrongState])
async def accept_list_claim(caller: Caller, claim_id: Id, body: AcceptListClaim) -> ListClaimView:
    """接受认领，可以只接受一部分"""
    return await claiming.accept_claim(caller.person_id, claim_id, body.quantity)


@routes.post("/list-claims/<claim_id>/decline", who=Who.STAFF, errors=[WrongState])
async def decline_list_claim(caller: Caller, claim_id: Id, body: WithReason) -> ListClaimView:
    """不接受认领，并说明理由"""
    return await claiming.decline_claim(caller.person_id, claim_id, body.reason)


@routes.post("/list-claims/<claim_id>/withdraw", who=Who.STAFF, errors=[WrongState])
async def withdraw_list_claim(caller: Caller, claim_id: Id, body: WithReason) -> ListClaimView:
    """认领方撤回；已接受的数量重新开放"""
    return await claiming.withdraw_claim(caller.person_id, claim_id, body.reason)
