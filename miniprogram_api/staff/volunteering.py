"""工作端：志愿服务: activities, shifts, sign-ups. (Attendance and hours: attendance.py.)"""

from typing import Annotated

import msgspec

from miniprogram_api.fields import Strict, WithReason, WithVersion
from miniprogram_api.routing import Routes, Who
from server.accounts.sessions import Caller
from server.foundation.actions import ActionView
from server.foundation.bounds import Moment, Version
from server.foundation.errors import EditedMeanwhile, NotAllowed, NotFound, WrongState
from server.foundation.ids import Id
from server.foundation.pages import Page, PageQuery
from server.foundation.rates import Group
from server.media.uploads.uploading import PictureUnusable
from server.volunteering import actions, activities, recaps, staff_queries
from server.volunteering.activities import ActivityText, NewActivity, PictureIds
from server.volunteering.queries import ActivityView
from server.volunteering.recaps import NewRecap, RecapView
from server.volunteering.shifts import adding, changing
from server.volunteering.shifts.adding import NewShift
from server.volunteering.shifts.changing import ShiftChange
from server.volunteering.sign_ups import signing_up
from server.volunteering.sign_ups.eligibility import WhoMayCome
from server.volunteering.sign_ups.errors import ShiftStarted
from server.volunteering.staff_queries import StaffActivityCard, StaffActivityQuery, StaffShiftView, get_staff_activity

routes = Routes("工作端：志愿服务", prefix="/staff")


# Who leads a team, or a shift, need not hold a role: the services look at what they lead.


@routes.post("/activities", status=201, errors=[NotAllowed, NotFound, PictureUnusable])
async def create_activity(caller: Caller, body: NewActivity) -> ActivityView:
    """新建活动草稿

    由社区、网格、单位（organizer_id）或团队（team_id，队长）主办。场次可按周或按月重复，每场各自独立。
    """
    return await activities.create_activity(caller.person_id, body)


@routes.get("/activities", who=Who.STAFF)
async def list_activities_of_area(caller: Caller, query: StaffActivityQuery) -> Page[StaffActivityCard]:
    """辖区内的活动"""
    return await staff_queries.list_activities_of_area(caller.person_id, query)


@routes.get("/activities/led")
async def list_led_activities(caller: Caller, query: PageQuery) -> Page[StaffActivityCard]:
    """我带领的活动

    本人带领的团队主办的活动，以及本人担任负责人的场次所属的活动。
    """
    return await staff_queries.list_led_activities(caller.person_id, query)


@routes.get("/activities/<activity_id>")
async def show_activity_to_staff(caller: Caller, activity_id: Id) -> ActivityView:
    """活动详情（含草稿）"""
    return await get_staff_activity(caller.person_id, activity_id)


@routes.get("/activities/<activity_id>/actions")
async def list_activity_actions_of_staff(caller: Caller, activity_id: Id) -> list[ActionView]:
    """工作人员对这个活动能做什么

    修改、提交、审核、加场次、取消能不能做、为什么；队长也可查看。
    """
    return await actions.list_activity_actions_of_staff(caller.person_id, activity_id)


class ChangeActivity(Strict):
    """Rules and pictures that are left out stay."""

    version: Version
    words: ActivityText
    who: WhoMayCome | None = None
    picture_ids: PictureIds | None = None


@routes.put("/activities/<activity_id>", errors=[EditedMeanwhile, NotAllowed, PictureUnusable, WrongState])
async def change_activity(caller: Caller, activity_id: Id, body: ChangeActivity) -> ActivityView:
    """修改活动

    发布后的修改会通知审核人；地点有变动时通知已报名者。报名条件只对之后报名的人生效。
    """
    return await activities.change_activity(
        caller.person_id, activity_id, body.version, body.words, body.who, body.picture_ids
    )


class CopyActivity(Strict):
    """When the first shift of the copy begins; the others keep their distance."""

    starts_at: Moment


@routes.get("/activities/<activity_id>/recap")
async def show_recap_to_staff(caller: Caller, activity_id: Id) -> RecapView:
    """活动回顾（含未通过检查的）

    还没有时 `version` 为 0。
    """
    return await recaps.show_recap_to_staff(caller.person_id, activity_id)


@routes.put("/activities/<activity_id>/recap", errors=[EditedMeanwhile, PictureUnusable, WrongState])
async def write_recap(caller: Caller, activity_id: Id, body: NewRecap) -> RecapView:
    """发布活动回顾

    活动结束后，由主办方、团队队长或场次负责人填写文字、上传照片，通过内容安全检查后居民可见。整体替换：文字和照片都不填时撤下。
    """
    return await recaps.write_recap(caller.person_id, activity_id, body)


@routes.post("/activities/<activity_id>/copy", status=201)
async def copy_activity(caller: Caller, activity_id: Id, body: CopyActivity) -> ActivityView:
    """复制活动为新草稿"""
    return await activities.copy_activity(caller.person_id, activity_id, body.starts_at)


@routes.post("/activities/<activity_id>/submit", group=Group.REVIEWED, errors=[WrongState])
async def submit_activity(caller: Caller, activity_id: Id) -> ActivityView:
    """提交审核"""
    return await activities.submit_activity(caller.person_id, activity_id)


@routes.post("/activities/<activity_id>/return", who=Who.STAFF, errors=[WrongState])
async def return_activity(caller: Caller, activity_id: Id, body: WithReason) -> ActivityView:
    """退回修改"""
    return await activities.return_activity(caller.person_id, activity_id, body.reason)


@routes.post("/activities/<activity_id>/publish", who=Who.STAFF, errors=[EditedMeanwhile, WrongState])
async def publish_activity(caller: Caller, activity_id: Id, body: WithVersion) -> ActivityView:
    """发布活动

    须由负责该可见范围的另一位工作人员发布，不能发布自己编写的活动。
    """
    return await activities.publish_activity(caller.person_id, activity_id, body.version)


@routes.post("/activities/<activity_id>/cancel", errors=[WrongState])
async def cancel_activity(caller: Caller, activity_id: Id, body: WithReason) -> ActivityView:
    """取消活动并通知已报名者"""
    return await activities.cancel_activity(caller.person_id, activity_id, body.reason)


class AddShifts(Strict):
    shifts: Annotated[list[NewShift], msgspec.Meta(min_length=1, max_length=50)]


@routes.post("/activities/<activity_id>/shifts", status=201, errors=[WrongState])
async def add_shifts(caller: Caller, activity_id: Id, body: AddShifts) -> ActivityView:
    """增加场次

    可按周或按月重复；每场各自独立，可单独修改或取消。
    """
    return await adding.add_shifts(caller.person_id, activity_id, body.shifts)


@routes.get("/shifts/<shift_id>")
async def show_shift_to_staff(caller: Caller, shift_id: Id) -> StaffShiftView:
    """一个场次（任何状态）

    通知打开的页面；领队也可查看。
    """
    return await staff_queries.get_staff_shift(caller.person_id, shift_id)


@routes.get("/shifts/<shift_id>/actions")
async def list_shift_actions_of_staff(caller: Caller, shift_id: Id) -> list[ActionView]:
    """工作人员对这个场次能做什么

    修改、取消；每个岗位（of）能不能调整名额、现场加人。
    """
    return await actions.list_shift_actions_of_staff(caller.person_id, shift_id)


class ChangeShift(ShiftChange):
    version: Version


@routes.patch("/shifts/<shift_id>", errors=[EditedMeanwhile, WrongState])
async def change_shift(caller: Caller, shift_id: Id, body: ChangeShift) -> ActivityView:
    """修改一个场次

    未填写的项保持不变；改开始时间时，未填写的结束时间和截止时间随之移动。时间变动会通知所有报名者，他们可以取消而不计爽约。
    """
    return await changing.change_shift(caller.person_id, shift_id, body.version, body)


@routes.post("/shifts/<shift_id>/cancel", errors=[WrongState])
async def cancel_shift(caller: Caller, shift_id: Id, body: WithReason) -> ActivityView:
    """取消一个场次并通知报名者"""
    return await changing.cancel_shift(caller.person_id, shift_id, body.reason)


class ChangeCapacity(Strict):
    capacity: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


@routes.put("/shift-roles/<shift_role_id>/capacity", errors=[WrongState])
async def change_role_capacity(caller: Caller, shift_role_id: Id, body: ChangeCapacity) -> ActivityView:
    """调整名额

    调高时候补依次递补；调低不影响已确认的人。
    """
    return await changing.change_role_capacity(caller.person_id, shift_role_id, body.capacity)


@routes.get("/sign-ups/<sign_up_id>/actions")
async def list_sign_up_actions_of_staff(caller: Caller, sign_up_id: Id) -> list[ActionView]:
    """工作人员对这份报名能做什么

    取消报名、评价志愿者能不能做、为什么。
    """
    return await actions.list_sign_up_actions_of_staff(caller.person_id, sign_up_id)


@routes.post("/sign-ups/<sign_up_id>/remove", errors=[ShiftStarted])
async def remove_sign_up(caller: Caller, sign_up_id: Id, body: WithReason) -> ActivityView:
    """取消某人的报名

    须说明原因，会告知本人；此人不能再报该场次，名额给下一位候补。
    """
    return await signing_up.remove_sign_up(caller.person_id, sign_up_id, body.reason)
