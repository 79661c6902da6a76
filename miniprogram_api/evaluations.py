"""居民评价: what residents think of their community, once a half-year."""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict
from miniprogram_api.routing import Routes
from server.accounts.sessions import Caller
from server.figures.assessments import evaluating
from server.figures.assessments.evaluating import EvaluationView
from server.foundation.errors import WrongState

routes = Routes("居民评价 evaluations")


@routes.get("/me/community-evaluation")
async def get_my_evaluation(caller: Caller) -> EvaluationView:
    """我对所在社区本半年的评价"""
    return await evaluating.get_my_evaluation(caller.person_id)


class EvaluateCommunity(Strict):
    satisfaction: Annotated[int, msgspec.Meta(ge=1, le=5)]


@routes.put("/me/community-evaluation", errors=[WrongState])
async def evaluate_community(caller: Caller, body: EvaluateCommunity) -> EvaluationView:
    """评价所在社区，半年一次，可以修改"""
    return await evaluating.evaluate_community(caller.person_id, body.satisfaction)
