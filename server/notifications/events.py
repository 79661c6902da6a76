"""Everything that people are told of, in one table: what it says, which page it opens, and what goes to WeChat.

Adding one is one entry in its feature's section and one test. Words are filled in when a message is read or sent:

- `{wish[title]}`: the fact `wish` is an id; its words come from `SUBJECTS["wish"]` (rendering.py). A fact whose name is
  not the name of its kind says so in `kinds` (`kinds={"claimer": "person"}`).
- `{at}`: the fact is a time (`at=clock.now()` in `notify`), shown by people's clocks; in fields in WeChat's form.
- `{reason}`: the fact is a short code or a number; `words` gives the Chinese for codes.
"""

from datetime import timedelta
from functools import cache
from string import Formatter

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message. `template` names one of server.wechat.templates and `fields` fills exactly its keys; without
    a template the message stays in the inbox. An `urgent` one overtakes others; one whose `expires_after` has passed
    since it was written is not sent to WeChat any more.
    """

    title: str
    text: str
    page: str = ""
    template: str = ""
    fields: dict[str, str] = {}
    kinds: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    urgent: bool = False
    expires_after: timedelta | None = None

    def fact_names(self) -> set[str]:
        """The facts that `notify` must be given for this event."""
        return names_in(self.title, self.text, self.page, *self.fields.values())

    def subject_names(self) -> set[str]:
        """Those of them that stand for things: `{wish[title]}`."""
        texts = (self.title, self.text, self.page, *self.fields.values())
        return {name.partition("[")[0] for text in texts for name in _placeholders(text) if "[" in name}


def names_in(*texts: str) -> set[str]:
    """The names that format texts refer to: `{wish[title]}` → wish."""
    return {name.partition("[")[0] for text in texts for name in _placeholders(text)}


@cache
def _placeholders(text: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(text) if name)


ROLE_WORDS = {
    "manager": "管理员",
    "staff": "工作人员",
    "observer": "观察员",
    "grid_worker": "网格员",
    "liaison": "联络员",
}

EVENTS: dict[str, Event] = {
    # ---- accounts ----
    "profile_refused": Event(
        title="昵称或头像未通过审核",
        text="您修改的昵称或头像未通过内容审核，已恢复为原来的样子，请换一个再试。",
        page="pages/me/profile",
    ),
    "role_granted": Event(
        title="您有新的工作角色",
        text="您已成为{organization[full_name]}的{kind}",
        words={"kind": ROLE_WORDS},
    ),
    "role_ended": Event(
        title="您的工作角色已结束",
        text="您不再担任{organization[full_name]}的{kind}",
        words={"kind": ROLE_WORDS},
    ),
    "community_succeeded": Event(
        title="您所在的社区有变动",
        text="{closed[name]}已撤销，您现在属于{organization[full_name]}",
        kinds={"closed": "organization"},
    ),
    # ---- end of accounts ----
    # ---- check-in 双报到 ----
    "check_in_applied": Event(
        title="报到申请已提交",
        text="您向{check_in[community]}提交了报到申请，社区确认后会通知您。",
        page="pages/check-in/mine",
    ),
    "check_in_to_review": Event(
        title="有新的报到申请",
        text="{check_in[community]}收到一份党员报到申请，请及时处理。",
        page="pages/staff/check-in?id={check_in[id]}",
    ),
    "check_in_confirmed": Event(
        title="报到成功",
        text="{check_in[community]}已确认您的报到，欢迎参与社区服务。",
        page="pages/check-in/mine",
        template="review_result",
        fields={
            "thing1": "社区报到",
            "phrase2": "已确认",
            "time3": "{at}",
            "thing4": "{check_in[community]}已确认您的报到",
        },
    ),
    "check_in_returned": Event(
        title="报到申请被退回",
        text="{check_in[community]}退回了您的报到申请：{check_in[reason]}。请修改后重新提交。",
        page="pages/check-in/mine",
        template="review_result",
        fields={"thing1": "社区报到", "phrase2": "已退回", "time3": "{at}", "thing4": "{check_in[reason]}"},
    ),
    "check_in_refused": Event(
        title="报到申请未通过",
        text="{check_in[community]}未接受您的报到申请：{check_in[reason]}。",
        page="pages/check-in/mine",
        template="review_result",
        fields={"thing1": "社区报到", "phrase2": "未通过", "time3": "{at}", "thing4": "{check_in[reason]}"},
    ),
    "check_in_withdrawn": Event(
        title="有报到被撤回",
        text="{check_in[community]}的一份报到已由本人撤回：{check_in[reason]}。",
        page="pages/staff/check-in?id={check_in[id]}",
    ),
    "post_to_review": Event(
        title="有新的岗位申请",
        text="{holding[community]}的岗位“{holding[title]}”有人申请，请及时处理。",
        page="pages/staff/posts",
    ),
    "post_approved": Event(
        title="岗位申请已通过",
        text="您已成为{holding[community]}“{holding[title]}”，感谢您的担当。",
        page="pages/posts/mine",
        template="review_result",
        fields={
            "thing1": "岗位：{holding[title]}",
            "phrase2": "已通过",
            "time3": "{at}",
            "thing4": "请按岗位职责开展服务",
        },
    ),
    "post_refused": Event(
        title="岗位申请未通过",
        text="您申请的岗位“{holding[title]}”未通过：{holding[reason]}。",
        page="pages/posts/mine",
        template="review_result",
        fields={
            "thing1": "岗位：{holding[title]}",
            "phrase2": "未通过",
            "time3": "{at}",
            "thing4": "{holding[reason]}",
        },
    ),
    "post_ended": Event(
        title="岗位任职已结束",
        text="您在{holding[community]}的岗位“{holding[title]}”已结束：{holding[reason]}。",
        page="pages/posts/mine",
    ),
    "post_left": Event(
        title="有人卸任岗位",
        text="{holding[community]}的岗位“{holding[title]}”有人撤回申请或卸任：{holding[reason]}。",
        page="pages/staff/posts",
    ),
    # ---- end of check-in ----
    # ---- wishes 微心愿 ----
    "wish_to_review": Event(
        title="有心愿待审核",
        text="心愿“{wish[title]}”已通过内容安全检查，请审核。",
        page="pages/staff/wish?id={wish[id]}",
    ),
    "wish_published": Event(
        title="心愿已发布",
        text="心愿“{wish[title]}”已发布到心愿墙，正等待热心人认领。",
        page="pages/wish/detail?id={wish[id]}",
        template="review_result",
        fields={"thing1": "{wish[title]}", "phrase2": "已发布", "time3": "{at}", "thing4": "有人认领时会通知您"},
    ),
    "wish_returned": Event(
        title="心愿需要修改",
        text="心愿“{wish[title]}”被退回：{wish[reason]}。修改后可以重新提交。",
        page="pages/wish/detail?id={wish[id]}",
        template="review_result",
        fields={"thing1": "{wish[title]}", "phrase2": "已退回", "time3": "{at}", "thing4": "{wish[reason]}"},
    ),
    "wish_refused": Event(
        title="心愿未予发布",
        text="心愿“{wish[title]}”未予发布：{wish[reason]}。",
        page="pages/wish/detail?id={wish[id]}",
        template="review_result",
        fields={"thing1": "{wish[title]}", "phrase2": "未通过", "time3": "{at}", "thing4": "{wish[reason]}"},
    ),
    "wish_claimed": Event(
        title="心愿有人认领了",
        text="{claimer[nickname]}认领了心愿“{wish[title]}”，预计在{due}前完成，届时会与您联系。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={
            "thing1": "{wish[title]}",
            "phrase2": "已认领",
            "time3": "{at}",
            "thing4": "{claimer[nickname]}认领了心愿",
        },
        kinds={"claimer": "person"},
    ),
    "wish_back_on_wall": Event(
        title="心愿重新等待认领",
        text="{why}，心愿“{wish[title]}”已重新回到心愿墙，有人认领时会通知您。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "待认领", "time3": "{at}", "thing4": "{why}"},
        words={
            "why": {
                "released": "认领人放弃了认领",
                "idle": "认领人到期未完成",
                "taken_back": "社区收回了原来的认领",
            }
        },
    ),
    "wish_edited": Event(
        title="您认领的心愿有修改",
        text="心愿“{wish[title]}”的内容有修改，社区重新审核后请再看一看。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_claim_ended": Event(
        title="您认领的心愿已结束",
        text="心愿“{wish[title]}”已撤回或不再公开，您的认领随之结束，感谢您的热心。",
        page="pages/wish/claims",
    ),
    "wish_taken_back": Event(
        title="认领已由社区收回",
        text="社区收回了您对心愿“{wish[title]}”的认领，如有疑问请联系社区。",
        page="pages/wish/claims",
    ),
    "wish_assigned": Event(
        title="社区请您完成一个心愿",
        text="社区把心愿“{wish[title]}”交给您，请在{due}前完成。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_claim_due": Event(
        title="心愿快到期了",
        text="您认领的心愿“{wish[title]}”应在{due}前完成，完成后请拍照报告；来不及时请及早放弃，让别人来帮忙。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "即将到期", "time3": "{due}", "thing4": "完成后请拍照报告"},
        expires_after=timedelta(days=1),
    ),
    "wish_claim_overdue": Event(
        title="认领已到期",
        text="心愿“{wish[title]}”到期未报告完成，已重新回到心愿墙。",
        page="pages/wish/claims",
    ),
    "wish_reported": Event(
        title="心愿已完成，请确认",
        text="{claimer[nickname]}报告心愿“{wish[title]}”已完成，请确认并评价。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "待确认", "time3": "{at}", "thing4": "请确认并评价"},
        kinds={"claimer": "person"},
    ),
    "wish_report_refused": Event(
        title="完成报告需要重新提交",
        text="心愿“{wish[title]}”的完成报告未通过内容安全检查，请更换文字或照片后重新提交。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_confirmed": Event(
        title="许愿人确认了心愿",
        text="心愿“{wish[title]}”已实现，许愿人给出 {rating} 分的评价，感谢您！",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "已实现", "time3": "{at}", "thing4": "评价：{rating}分"},
    ),
    "wish_confirmed_by_staff": Event(
        title="社区代为确认了心愿",
        text="经社区电话核实，心愿“{wish[title]}”已实现。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "已实现", "time3": "{at}", "thing4": "社区电话核实后确认"},
    ),
    "wish_unanswered": Event(
        title="许愿人未确认，请致电",
        text="心愿“{wish[title]}”报告完成已满 7 天，许愿人没有回应，请致电核实后代为确认。",
        page="pages/staff/wish?id={wish[id]}",
    ),
    "wish_disputed": Event(
        title="许愿人有异议",
        text="许愿人对心愿“{wish[title]}”的完成情况有异议，社区会核实处理。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "有异议", "time3": "{at}", "thing4": "社区会核实处理"},
    ),
    "wish_dispute_to_decide": Event(
        title="有心愿争议待处理",
        text="许愿人对心愿“{wish[title]}”的完成情况有异议，请核实处理。",
        page="pages/staff/wish?id={wish[id]}",
    ),
    "wish_dispute_decided": Event(
        title="心愿争议已处理",
        text="关于心愿“{wish[title]}”，社区核实后认定：{decision}。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "已处理", "time3": "{at}", "thing4": "{decision}"},
        words={
            "decision": {
                "uphold": "心愿已实现",
                "reject": "心愿未实现，重新等待认领",
                "redo": "由原认领人继续完成",
            }
        },
    ),
    "wish_expired": Event(
        title="心愿已过期",
        text="心愿“{wish[title]}”到了希望实现的日期（{wish[wished_by]}）{was}，已经关闭。您可以改个日期续期。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        fields={"thing1": "{wish[title]}", "phrase2": "已过期", "time3": "{at}", "thing4": "可以改个日期续期"},
        words={
            "was": {
                "published": "还没有人认领",
                "submitted": "还没有完成审核",
                "returned": "还没有修改后重新提交",
            }
        },
    ),
    # ---- end of wishes ----
    # ---- volunteering 志愿服务 ----
    "activity_to_review": Event(
        title="有活动待审核",
        text="{activity[organizer]}提交了活动“{activity[title]}”，请审核发布。",
        page="pages/staff/activity?id={activity[id]}",
    ),
    "activity_returned": Event(
        title="活动需要修改",
        text="活动“{activity[title]}”被退回：{activity[reason]}。修改后可以重新提交。",
        page="pages/staff/activity?id={activity[id]}",
        template="review_result",
        fields={"thing1": "{activity[title]}", "phrase2": "已退回", "time3": "{at}", "thing4": "{activity[reason]}"},
    ),
    "activity_published": Event(
        title="活动已发布",
        text="活动“{activity[title]}”已发布，居民可以报名了。",
        page="pages/staff/activity?id={activity[id]}",
        template="review_result",
        fields={"thing1": "{activity[title]}", "phrase2": "已发布", "time3": "{at}", "thing4": "居民可以报名了"},
    ),
    "activity_cancelled": Event(
        title="活动已取消",
        text="很抱歉，您报名的“{activity[title]}”（{activity[time]}）已取消：{activity[reason]}。",
        page="pages/activity/detail?id={activity[id]}",
        template="activity_reminder",
        fields={
            "thing1": "{activity[title]}",
            "time2": "{activity[time]}",
            "thing3": "{activity[place]}",
            "thing4": "已取消：{activity[reason]}",
        },
        urgent=True,
    ),
    "shift_confirmed": Event(
        title="报名成功",
        text="您已报上“{shift[title]}”，{shift[time]}开始，地点：{shift[place]}。不能参加请提前取消。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "报名成功，请准时参加",
        },
    ),
    "shift_waiting": Event(
        title="已进入候补",
        text="“{shift[title]}”（{shift[time]}）名额已满，您已进入候补，有人取消时按顺序递补并通知您。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "shift_moved_up": Event(
        title="候补成功",
        text="您候补的“{shift[title]}”有名额了，已为您报上，{shift[time]}开始，地点：{shift[place]}。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "候补成功，已为您报上",
        },
        urgent=True,
    ),
    "shift_offered": Event(
        title="有名额了，请确认",
        text="您候补的“{shift[title]}”（{shift[time]}）有名额了，请在{until}前确认，过时将让给下一位。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="place_free",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{until}",
            "thing3": "{shift[place]}",
            "thing4": "请在截止前确认，过时让给下一位",
        },
        urgent=True,
        expires_after=timedelta(hours=2),
    ),
    "shift_offer_expired": Event(
        title="候补名额已过期",
        text="“{shift[title]}”（{shift[time]}）的名额未在规定时间内确认，已让给下一位。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "shift_not_reached": Event(
        title="候补未成功",
        text="“{shift[title]}”（{shift[time]}）已开始，很遗憾没有轮到您的候补。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "sign_up_cancelled": Event(
        title="报名已取消",
        text="您已取消“{shift[title]}”（{shift[time]}）的报名。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "sign_up_cancelled_late": Event(
        title="报名已取消，计为一次爽约",
        text="您已取消“{shift[title]}”（{shift[time]}）的报名。由于已过取消截止时间，计为一次爽约。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "shift_missed": Event(
        title="您缺席了一次活动",
        text="您报名的“{shift[title]}”（{shift[time]}）被记为缺席。如有异议，请联系主办方。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "hours_credited": Event(
        title="服务时长已计入",
        text="您参加“{shift[title]}”的服务时长 {minutes} 分钟已确认，感谢您的付出。",
        page="pages/me/service-record",
        template="service_report",
        fields={"thing1": "{shift[title]}", "time2": "{at}", "thing3": "服务时长{minutes}分钟已计入"},
    ),
    # ---- end of volunteering ----
    # ---- neighbor center 邻里中心 ----
    "slot_booked": Event(
        title="预约成功",
        text="您已预约“{slot[service]}”：{slot[time]}，{slot[venue]}（{slot[address]}）。不能如约请提前取消。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "预约成功",
            "thing5": "不能到场请提前取消",
        },
    ),
    "slot_requested": Event(
        title="预约已提交",
        text="您申请预约“{slot[service]}”：{slot[time]}，{slot[venue]}。名额已为您保留，工作人员审核后会通知您。",
        page="pages/booking/detail?id={booking[id]}",
    ),
    "slot_waiting": Event(
        title="已进入候补",
        text="“{slot[service]}”（{slot[time]}，{slot[venue]}）名额已满，您已进入候补，有空位时会通知您。",
        page="pages/booking/detail?id={booking[id]}",
    ),
    "slot_moved": Event(
        title="预约已改期",
        text="您的预约“{slot[service]}”已由{was}改到{slot[time]}，{slot[venue]}。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已改期",
            "thing5": "请以新的时间为准",
        },
    ),
    "slot_cancelled": Event(
        title="预约已取消",
        text="您已取消预约“{slot[service]}”：{slot[time]}，{slot[venue]}。",
        page="pages/booking/detail?id={booking[id]}",
    ),
    "slot_moved_up": Event(
        title="候补成功",
        text="您候补的“{slot[service]}”有了空位，已为您保留：{slot[time]}，{slot[venue]}。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "候补成功",
            "thing5": "不能到场请提前取消",
        },
    ),
    "slot_offered": Event(
        title="候补有空位，请确认",
        text="您候补的“{slot[service]}”（{slot[time]}，{slot[venue]}）有空位，请在{until}前确认，逾期将让给下一位。",
        page="pages/booking/detail?id={booking[id]}",
        template="place_free",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{until}",
            "thing3": "{slot[venue]}",
            "thing4": "请及时确认，逾期将让给下一位",
        },
        urgent=True,
    ),
    "slot_lapsed": Event(
        title="候补已结束",
        text="您候补的“{slot[service]}”（{slot[time]}，{slot[venue]}）{reason}，候补已结束。",
        page="pages/booking/detail?id={booking[id]}",
        words={"reason": {"offer_expired": "保留的名额未在规定时间内确认", "not_reached": "直到开始也没有空位"}},
    ),
    "slot_approved": Event(
        title="预约申请已通过",
        text="您预约的“{slot[service]}”已通过审核：{slot[time]}，{slot[venue]}（{slot[address]}）。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已通过",
            "thing5": "不能到场请提前取消",
        },
    ),
    "slot_refused": Event(
        title="预约申请未通过",
        text="您预约的“{slot[service]}”（{slot[time]}，{slot[venue]}）未通过：{booking[reason]}。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "未通过",
            "thing5": "{booking[reason]}",
        },
    ),
    "slot_closed": Event(
        title="预约被取消",
        text="很抱歉，您预约的“{slot[service]}”（{slot[time]}，{slot[venue]}）不能提供：{booking[reason]}。您可以改约其他时间。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已取消",
            "thing5": "{booking[reason]}",
        },
        urgent=True,
    ),
    "slot_no_show": Event(
        title="预约未到场",
        text="您预约的“{slot[service]}”（{slot[time]}，{slot[venue]}）记为爽约。多次爽约会暂停预约，如有误请联系工作人员。",
        page="pages/booking/detail?id={booking[id]}",
    ),
    "slot_to_approve": Event(
        title="有新的预约申请",
        text="“{slot[service]}”（{slot[time]}，{slot[venue]}）收到预约申请，请及时审核。",
        page="pages/staff/booking?id={booking[id]}",
    ),
    "visit_assigned": Event(
        title="您有上门服务任务",
        text="请于{slot[time]}上门提供“{slot[service]}”。服务当天可查看联系人和地址。",
        page="pages/staff/booking?id={booking[id]}",
    ),
    "room_booked": Event(
        title="活动室预约成功",
        text="您已预约“{room_booking[service]}”：{room_booking[time]}，{room_booking[venue]}（{room_booking[address]}）。",
        page="pages/booking/room?id={room_booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "预约成功",
            "thing5": "不能使用请提前取消",
        },
    ),
    "room_requested": Event(
        title="活动室申请已提交",
        text="您申请使用“{room_booking[service]}”：{room_booking[time]}，{room_booking[venue]}。工作人员审核后会通知您。",
        page="pages/booking/room?id={room_booking[id]}",
    ),
    "room_cancelled": Event(
        title="活动室预约已取消",
        text="您已取消“{room_booking[service]}”：{room_booking[time]}，{room_booking[venue]}。",
        page="pages/booking/room?id={room_booking[id]}",
    ),
    "room_refused": Event(
        title="活动室申请未通过",
        text="您申请的“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）未通过：{room_booking[reason]}。",
        page="pages/booking/room?id={room_booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "未通过",
            "thing5": "{room_booking[reason]}",
        },
    ),
    "room_closed": Event(
        title="活动室预约被取消",
        text="很抱歉，您预约的“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）不能提供：{room_booking[reason]}。",
        page="pages/booking/room?id={room_booking[id]}",
        template="booking_notice",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "已取消",
            "thing5": "{room_booking[reason]}",
        },
        urgent=True,
    ),
    "room_to_approve": Event(
        title="有新的活动室申请",
        text="“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）收到使用申请，请及时审核。",
        page="pages/staff/room-booking?id={room_booking[id]}",
    ),
    # ---- end of neighbor center ----
}
"""Event name → what it says."""

MOMENTS: dict[str, tuple[str, ...]] = {
    "check_in_applied": ("review_result", "service_report"),
    "post_applied": ("review_result",),
    "wish_submitted": ("review_result", "wish_progress"),
    "wish_claimed": ("wish_progress",),
    "shift_signed_up": ("activity_reminder", "place_free"),
    "slot_booked": ("booking_notice", "place_free"),
    "inbox_opened": ("wish_progress", "activity_reminder", "booking_notice"),
}
"""The tap at which the client asks for accepts → the templates worth asking for then, most useful first."""
