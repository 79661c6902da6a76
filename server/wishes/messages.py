"""What people are told of wishes."""

from datetime import timedelta
from functools import partial
from typing import Any

from server.foundation.phrases import days_to_go
from server.notifications.events import Event, review_result


def _progress(result: str, note: str, time: str = "{at}") -> dict[str, Any]:
    return {
        "template": "wish_progress",
        "topic": "wishes",
        "fields": {"thing1": "{wish[title]}", "phrase2": result, "time3": time, "thing4": note},
    }


_of_wish = partial(Event, page="pages/wish/detail?id={wish[id]}")
_of_past_claim = partial(Event, page="pages/wish/claims")
_for_staff = partial(Event, page="pages/staff/wish?id={wish[id]}")


def _claimed(name: str, title: str, who: str, *, in_text: str = "", **kinds: str) -> Event:
    return _of_wish(
        name=name,
        title=title,
        text=f"{in_text or who}认领了心愿“{{wish[title]}}”，预计在{{due}}前完成，届时会与您联系。",
        **_progress("已认领", f"{who}认领了心愿"),
        kinds=kinds,
    )


TO_REVIEW = _for_staff(
    name="wish_to_review",
    title="有心愿待审核",
    text="心愿“{wish[title]}”已通过内容安全检查，请审核。",
)

PUBLISHED = _of_wish(
    name="wish_published",
    title="心愿已发布",
    text="心愿“{wish[title]}”已发布到心愿墙，正等待热心人认领。",
    **review_result("wishes", "{wish[title]}", "已发布", "有人认领时会通知您"),
)

RETURNED = _of_wish(
    name="wish_returned",
    title="心愿需要修改",
    text="心愿“{wish[title]}”被退回：{wish[reason]}。修改后可以重新提交。",
    **review_result("wishes", "{wish[title]}", "已退回", "{wish[reason]}"),
)

REFUSED = _of_wish(
    name="wish_refused",
    title="心愿未予发布",
    text="心愿“{wish[title]}”未予发布：{wish[reason]}。",
    **review_result("wishes", "{wish[title]}", "未通过", "{wish[reason]}"),
)

CLAIMED = _claimed("wish_claimed", "心愿有人认领了", "{claimer[nickname]}", claimer="person")
CLAIMED_BY_UNIT = _claimed("wish_claimed_by_unit", "心愿有单位认领了", "{unit[name]}", unit="organization")
CLAIMED_BY_TEAM = _claimed("wish_claimed_by_team", "心愿有团队认领了", "{team[name]}", in_text="团队“{team[name]}”")

TO_SHARE = _of_wish(
    name="wish_to_share",
    title="团队认领了新的心愿",
    text="您的团队“{team[name]}”认领了心愿“{wish[title]}”，请在{due}前一起完成，点开认一份。",
)

SHARE_TAKEN = _of_wish(
    name="wish_share_taken",
    title="有队员参与心愿",
    text="{person[nickname]}参与了团队认领的心愿“{wish[title]}”。",
)

SHARE_ENDED = _of_wish(
    name="wish_share_ended",
    title="心愿参与有变动",
    text="{person[nickname]}不再参与团队认领的心愿“{wish[title]}”。",
)

PROGRESSED = _of_wish(
    name="wish_progressed",
    title="心愿有新进展",
    text="您的心愿“{wish[title]}”有新的进展，点开看看。",
)

NOTE_REFUSED = _of_wish(
    name="wish_note_refused",
    title="进展未通过审核",
    text="您为心愿“{wish[title]}”写的进展未通过内容安全检查，他人不可见。",
)

UNCLAIMED = _for_staff(
    name="wish_unclaimed",
    title="心愿还没有人认领",
    text="心愿“{wish[title]}”希望在{wish[wished_by]}前实现，{left}，还没有人认领，请帮忙联系。",
    said={"left": days_to_go},
)

HANDED_TO_STAFF = _for_staff(
    name="wish_handed_to_staff",
    title="有心愿转交社区跟进",
    text="心愿“{wish[title]}”的许愿人已不能自行处理，请代为跟进。",
)

BACK_ON_WALL = _of_wish(
    name="wish_back_on_wall",
    title="心愿重新等待认领",
    text="{why}，心愿“{wish[title]}”已重新回到心愿墙，有人认领时会通知您。",
    **_progress("待认领", "{why}"),
    words={
        "why": {
            "released": "认领人放弃了认领",
            "idle": "认领人到期未完成",
            "taken_back": "社区收回了原来的认领",
            "left": "认领人已退出",
        }
    },
)

EDITED = _of_wish(
    name="wish_edited",
    title="您认领的心愿有修改",
    text="心愿“{wish[title]}”的内容有修改，社区重新审核后请再看一看。",
)

CLAIM_ENDED = _of_past_claim(
    name="wish_claim_ended",
    title="您认领的心愿已结束",
    text="心愿“{wish[title]}”已撤回或不再公开，您的认领随之结束，感谢您的热心。",
)

TAKEN_BACK = _of_past_claim(
    name="wish_taken_back",
    title="认领已由社区收回",
    text="社区收回了您对心愿“{wish[title]}”的认领，如有疑问请联系社区。",
)

ASSIGNED = _of_wish(
    name="wish_assigned",
    title="社区请您完成一个心愿",
    text="社区把心愿“{wish[title]}”交给您，请在{due}前完成。",
)

CLAIM_DUE = _of_wish(
    name="wish_claim_due",
    title="心愿快到期了",
    text="您认领的心愿“{wish[title]}”应在{due}前完成，完成后请拍照报告；来不及时请及早放弃，让别人来帮忙。",
    **_progress("即将到期", "完成后请拍照报告", time="{due}"),
    expires_after=timedelta(days=1),
)

CLAIM_OVERDUE = _of_past_claim(
    name="wish_claim_overdue",
    title="认领已到期",
    text="心愿“{wish[title]}”到期未报告完成，已重新回到心愿墙。",
)

REPORTED = _of_wish(
    name="wish_reported",
    title="心愿已完成，请确认",
    text="{claimer[nickname]}报告心愿“{wish[title]}”已完成，请确认并评价。",
    **_progress("待确认", "请确认并评价"),
    kinds={"claimer": "person"},
)

TAKEN_IN = _of_wish(
    name="wish_taken_in",
    title="心愿物品已由社区代收",
    text="心愿“{wish[title]}”的物品已送到社区，由工作人员转交；收到后请确认并评价。",
    **_progress("待确认", "社区已代收，收到后请确认"),
)

REPORT_REFUSED = _of_wish(
    name="wish_report_refused",
    title="完成报告需要重新提交",
    text="心愿“{wish[title]}”的完成报告未通过内容安全检查，请更换文字或照片后重新提交。",
)

CONFIRMED = _of_wish(
    name="wish_confirmed",
    title="许愿人确认了心愿",
    text="心愿“{wish[title]}”已实现，许愿人给了 {rating} 星评价，感谢您！",
    **_progress("已实现", "评价：{rating} 星"),
)

CONFIRMED_BY_STAFF = _of_wish(
    name="wish_confirmed_by_staff",
    title="社区代为确认了心愿",
    text="经社区电话核实，心愿“{wish[title]}”已实现。",
    **_progress("已实现", "社区电话核实后确认"),
)

UNANSWERED = _for_staff(
    name="wish_unanswered",
    title="许愿人未确认，请致电",
    text="心愿“{wish[title]}”报告完成已满 7 天，许愿人没有回应，请致电核实后代为确认。",
)

DISPUTED = _of_wish(
    name="wish_disputed",
    title="许愿人有异议",
    text="许愿人对心愿“{wish[title]}”的完成情况有异议，社区会核实处理。",
    **_progress("有异议", "社区会核实处理"),
)

DISPUTE_TO_DECIDE = _for_staff(
    name="wish_dispute_to_decide",
    title="有心愿争议待处理",
    text="许愿人对心愿“{wish[title]}”的完成情况有异议，请核实处理。",
)

DISPUTE_DECIDED = _of_wish(
    name="wish_dispute_decided",
    title="心愿争议已处理",
    text="关于心愿“{wish[title]}”，社区核实后认定：{decision}。",
    **_progress("已处理", "{decision}"),
    words={
        "decision": {
            "uphold": "心愿已实现",
            "reject": "心愿未实现，重新等待认领",
            "redo": "由原认领人继续完成",
        }
    },
)

EXPIRED = _of_wish(
    name="wish_expired",
    title="心愿已过期",
    text="心愿“{wish[title]}”到了希望实现的日期（{wish[wished_by]}）{was}，已经关闭。您可以改个日期续期。",
    **_progress("已过期", "可以改个日期续期"),
    words={
        "was": {
            "published": "还没有人认领",
            "submitted": "还没有完成审核",
            "returned": "还没有修改后重新提交",
        }
    },
)
