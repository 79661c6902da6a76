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

from server.background.outbox import Priority

TOPICS: dict[str, str] = {
    "check_in": "报到与岗位",
    "wishes": "微心愿",
    "activities": "活动报名与候补",
    "bookings": "邻里中心预约",
    "reminders": "开始前的提醒",
    "service_record": "服务时长与反馈",
    "announcements": "社区公告",
    "digest": "未读消息汇总",
}
"""Kinds of event that people turn on and off → what they are called on screen."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of message. `template` names one of server.wechat.templates and `fields` fills exactly its keys; without
    a template the message stays in the inbox. Where there is one, `topic` says with what people turn it off.

    Importance: an `urgent` one overtakes others, does not wait for the end of quiet hours, and gets a person's last
    accept; a `minor` one (it confirms what the person has just done) leaves the last accept of its template to others.
    `bulk` is for what is told to many at once: it goes after everything else, and never at night unless it is urgent.

    One whose `expires_after` has passed since it was written is not sent to WeChat any more. A `hidden` one is not
    shown in the inbox. `gone` is the title and the text that the inbox shows once what `page` opens is no longer there;
    without it that reads as deleted where it is named.
    """

    title: str
    text: str
    page: str = ""
    template: str = ""
    topic: str = ""
    fields: dict[str, str] = {}
    kinds: dict[str, str] = {}
    words: dict[str, dict[str, str]] = {}
    urgent: bool = False
    minor: bool = False
    bulk: bool = False
    hidden: bool = False
    expires_after: timedelta = timedelta(days=2)
    gone: tuple[str, str] | None = None

    @property
    def priority(self) -> Priority:
        """When it goes, among all that are due. Told to many, even the urgent goes after what is urgent for one."""
        if self.urgent:
            return Priority.NORMAL if self.bulk else Priority.URGENT
        return Priority.BULK if self.bulk else Priority.NORMAL

    @property
    def importance(self) -> int:
        """Whose the last accept is: 2 urgent, 1, 0 minor."""
        return 2 if self.urgent else 0 if self.minor else 1

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

HALF_WORDS = {"1": "上半年", "2": "下半年"}

_WITHDRAWN = ("公告已撤回", "发布单位已撤回这条公告。")

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
    "team_joined": Event(
        title="有人加入了团队",
        text="{person[nickname]}加入了您的团队“{team[name]}”",
        page="pages/team/detail?id={team[id]}",
    ),
    "team_left": Event(
        title="您已不在团队中",
        text="{why}：{team[name]}",
        page="pages/team/mine",
        words={"why": {"removed": "队长已将您移出团队", "ended": "团队已解散"}},
    ),
    "team_name_refused": Event(
        title="团队名称未通过审核",
        text="您填写的团队名称未通过内容审核，请换一个名称。",
        page="pages/team/detail?id={team[id]}",
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
        topic="check_in",
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
        topic="check_in",
        fields={"thing1": "社区报到", "phrase2": "已退回", "time3": "{at}", "thing4": "{check_in[reason]}"},
    ),
    "check_in_refused": Event(
        title="报到申请未通过",
        text="{check_in[community]}未接受您的报到申请：{check_in[reason]}。",
        page="pages/check-in/mine",
        template="review_result",
        topic="check_in",
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
        topic="check_in",
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
        topic="check_in",
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
    "check_in_changed": Event(
        title="党员更新了报到信息",
        text="{check_in[community]}的一名党员更新了住址、特长或服务意愿。",
        page="pages/staff/check-in?id={check_in[id]}",
    ),
    "check_in_moved_away": Event(
        title="党员已转往其他社区",
        text="{check_in[community]}的一名党员已在其他社区报到，原报到随之结束。",
        page="pages/staff/check-in?id={check_in[id]}",
    ),
    "check_in_grid_assigned": Event(
        title="您的网格有调整",
        text="{check_in[community]}调整了您所在的网格，可在“我的报到”中查看。",
        page="pages/check-in/mine",
    ),
    "check_in_ended": Event(
        title="报到已结束",
        text="{check_in[community]}已结束您的报到：{check_in[reason]}。如有疑问请联系社区。",
        page="pages/check-in/mine",
        template="review_result",
        topic="check_in",
        fields={"thing1": "社区报到", "phrase2": "已结束", "time3": "{at}", "thing4": "{check_in[reason]}"},
    ),
    "home_matched": Event(
        title="所属党组织已核对",
        text="社区已将您填写的所属党组织核对为“{party_organization[name]}”，如有误请联系社区。",
        page="pages/me/membership",
    ),
    "member_registered": Event(
        title="社区已为您登记",
        text="{organization[name]}已为您办理党员登记和报到，可在“我的报到”中查看。如有误，请联系社区或撤回同意。",
        page="pages/check-in/mine",
    ),
    "member_changed": Event(
        title="您的党员信息有更新",
        text="{organization[name]}更新了您的党员信息，可在“我的党员信息”中查看，如有误请联系社区。",
        page="pages/me/membership",
    ),
    "member_ended": Event(
        title="您的党员登记已结束",
        text="{organization[name]}已结束您的党员登记，如有疑问请联系社区。",
    ),
    "member_contact_assigned": Event(
        title="请您联系一名流动党员",
        text="社区请您与流动党员{membership[name]}保持联系，掌握动态，并在每次联系后作记录。",
        page="pages/contacts/detail?id={membership[id]}",
    ),
    "member_contact_named": Event(
        title="您的联系人",
        text="{person[name]}将与您保持联系，有困难可以向联系人或社区反映。",
        page="pages/me/membership",
    ),
    "member_contact_recorded": Event(
        title="已记录一次联系",
        text="{person[name]}记录了{at}与您的联系。",
        page="pages/me/membership",
    ),
    "member_contact_due": Event(
        title="请联系流动党员",
        text="与流动党员{membership[name]}已有 {days} 天没有联系，请尽快联系并作记录。",
        page="pages/contacts/detail?id={membership[id]}",
        template="service_report",
        topic="check_in",
        fields={"thing1": "联系提醒", "time2": "{at}", "thing3": "有一名联系对象{days}天未联系"},
    ),
    "transfer_offered": Event(
        title="欢迎转入组织关系",
        text="{organization[name]}欢迎您把组织关系转入社区党组织，就近参加组织生活，请选择是否愿意。",
        page="pages/me/membership",
    ),
    "transfer_answered": Event(
        title="转入组织关系有答复",
        text="离退休党员{membership[name]}{answer}。",
        page="pages/staff/member?id={membership[id]}",
        words={"answer": {"accepted": "愿意转入组织关系，请办理手续", "declined": "暂不转入组织关系"}},
    ),
    "transfer_completed": Event(
        title="组织关系已转入",
        text="您的组织关系已转入{party_organization[name]}。",
        page="pages/me/membership",
        template="review_result",
        topic="check_in",
        fields={"thing1": "关系转接", "phrase2": "已完成", "time3": "{at}", "thing4": "可在小程序中查看"},
    ),
    "unit_check_in_to_review": Event(
        title="有新的单位报到",
        text="{unit_check_in[unit]}申请到{unit_check_in[area]}报到，请及时处理。",
        page="pages/staff/unit-check-in?id={unit_check_in[id]}",
    ),
    "unit_check_in_withdrawn": Event(
        title="单位撤回了报到申请",
        text="{unit_check_in[unit]}撤回了到{unit_check_in[area]}的报到申请：{unit_check_in[reason]}。",
        page="pages/staff/unit-check-in?id={unit_check_in[id]}",
    ),
    "unit_check_in_changed": Event(
        title="结对单位更换了联系人",
        text="{unit_check_in[unit]}更新了与{unit_check_in[area]}结对的联系人或党员人数。",
        page="pages/staff/unit-check-in?id={unit_check_in[id]}",
    ),
    "unit_check_in_accepted": Event(
        title="单位报到已接受",
        text="{unit_check_in[area]}已接受{unit_check_in[unit]}的报到，自{unit_check_in[dates]}结对共建。",
        page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
        template="review_result",
        topic="check_in",
        fields={
            "thing1": "单位报到",
            "phrase2": "已接受",
            "time3": "{at}",
            "thing4": "{unit_check_in[area]}已接受报到",
        },
    ),
    "unit_check_in_returned": Event(
        title="单位报到被退回",
        text="{unit_check_in[area]}退回了{unit_check_in[unit]}的报到申请：{unit_check_in[reason]}。请修改后重新提交。",
        page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
        template="review_result",
        topic="check_in",
        fields={"thing1": "单位报到", "phrase2": "已退回", "time3": "{at}", "thing4": "{unit_check_in[reason]}"},
    ),
    "unit_check_in_refused": Event(
        title="单位报到未被接受",
        text="{unit_check_in[area]}未接受{unit_check_in[unit]}的报到申请：{unit_check_in[reason]}。",
        page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
        template="review_result",
        topic="check_in",
        fields={"thing1": "单位报到", "phrase2": "未接受", "time3": "{at}", "thing4": "{unit_check_in[reason]}"},
    ),
    "unit_check_in_dates_changed": Event(
        title="结对期限有变动",
        text="{unit_check_in[unit]}与{unit_check_in[area]}的结对期限改为：{unit_check_in[dates]}。",
        page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
    ),
    "unit_check_in_ended": Event(
        title="结对已结束",
        text="{unit_check_in[unit]}与{unit_check_in[area]}的结对已结束：{unit_check_in[reason]}。",
        page="pages/unit/check-ins?id={unit_check_in[unit_id]}",
        template="review_result",
        topic="check_in",
        fields={"thing1": "单位报到", "phrase2": "已结束", "time3": "{at}", "thing4": "{unit_check_in[reason]}"},
    ),
    "unit_check_in_ended_for_staff": Event(
        title="单位结对已结束",
        text="{unit_check_in[unit]}与{unit_check_in[area]}的结对已结束：{unit_check_in[reason]}。",
        page="pages/staff/unit-check-in?id={unit_check_in[id]}",
    ),
    "post_applied": Event(
        title="岗位申请已提交",
        text="您申请了{holding[community]}的岗位“{holding[title]}”，社区审核后会通知您。",
        page="pages/posts/mine",
    ),
    "post_term_over": Event(
        title="岗位任期已满",
        text="{post[community]}的岗位“{post[title]}”任期已满，任职随之结束。需要延续请重新设岗。",
        page="pages/staff/posts",
    ),
    # ---- end of check-in ----
    # ---- service record and half-year reports 服务记录与半年反馈 ----
    "service_noted": Event(
        title="社区为您补录了服务",
        text="{organization[name]}补录了您在{at}的服务，共{minutes}分钟，可在服务记录中查看。",
        page="pages/me/service-record",
    ),
    "service_reversed": Event(
        title="有一条服务记录被撤销（冲正）",
        text="{organization[name]}撤销了您在{at}的一条记录，扣回{points}分，原因见服务记录。如有疑问请联系社区。",
        page="pages/me/service-record",
    ),
    "reports_to_assess": Event(
        title="半年反馈待评价",
        text="{year}年{half}{organization[name]}共有{count}份半年反馈，请填写社区意见和评价。",
        page="pages/staff/reports",
        words={"half": HALF_WORDS},
    ),
    "report_assessed": Event(
        title="请核对您的半年反馈",
        text="{half_year_report[community]}已形成您{half_year_report[period]}的反馈。如需更正，请在{until}前提出。",
        page="pages/report/detail?id={half_year_report[id]}",
        template="service_report",
        topic="service_record",
        fields={
            "thing1": "{half_year_report[period]}服务反馈",
            "time2": "{at}",
            "thing3": "请在7天内核对，可申请更正",
        },
    ),
    "report_agreed": Event(
        title="本人已确认半年反馈",
        text="{half_year_report[community]}有一份{half_year_report[period]}反馈已由本人确认，可以反馈给所属党组织。",
        page="pages/staff/report?id={half_year_report[id]}",
    ),
    "report_correction_asked": Event(
        title="有人申请更正半年反馈",
        text="{half_year_report[community]}有一份{half_year_report[period]}反馈申请更正，请及时处理。",
        page="pages/staff/report?id={half_year_report[id]}",
    ),
    "report_correction_decided": Event(
        title="更正申请已有结果",
        text="您对{half_year_report[period]}反馈的更正申请{outcome}，社区的答复见反馈详情。",
        page="pages/report/detail?id={half_year_report[id]}",
        template="service_report",
        topic="service_record",
        fields={
            "thing1": "{half_year_report[period]}服务反馈",
            "time2": "{at}",
            "thing3": "您的更正申请{outcome}",
        },
        words={"outcome": {"accepted": "已采纳", "declined": "未采纳"}},
    ),
    "report_released": Event(
        title="半年反馈已发出",
        text="{half_year_report[community]}已将您{half_year_report[period]}的反馈发送给您的所属党组织。",
        page="pages/report/detail?id={half_year_report[id]}",
    ),
    "reports_received": Event(
        title="收到半年反馈",
        text="{organization[name]}向{unit[name]}反馈了{count}名党员{year}年{half}的服务情况，请查收并签收。",
        page="pages/unit/reports?id={unit[id]}",
        template="service_report",
        topic="service_record",
        fields={
            "thing1": "{year}年{half}服务反馈",
            "time2": "{at}",
            "thing3": "{organization[name]}反馈{count}份，请签收",
        },
        kinds={"unit": "organization"},
        words={"half": HALF_WORDS},
    ),
    "unit_summary_ready": Event(
        title="半年反馈已收齐",
        text="{unit[name]}{year}年{half}的反馈已全部收到，可以查看和下载汇总表。",
        page="pages/unit/reports?id={unit[id]}",
        kinds={"unit": "organization"},
        words={"half": HALF_WORDS},
    ),
    "report_acknowledged": Event(
        title="单位已签收半年反馈",
        text="您的所属党组织已签收您{half_year_report[period]}的反馈。",
        page="pages/report/detail?id={half_year_report[id]}",
    ),
    "reports_acknowledged": Event(
        title="单位已签收半年反馈",
        text="{unit[name]}签收了{year}年{half}的{count}份反馈。",
        page="pages/staff/reports",
        kinds={"unit": "organization"},
        words={"half": HALF_WORDS},
    ),
    # ---- end of service record and half-year reports ----
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
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "已发布", "time3": "{at}", "thing4": "有人认领时会通知您"},
    ),
    "wish_returned": Event(
        title="心愿需要修改",
        text="心愿“{wish[title]}”被退回：{wish[reason]}。修改后可以重新提交。",
        page="pages/wish/detail?id={wish[id]}",
        template="review_result",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "已退回", "time3": "{at}", "thing4": "{wish[reason]}"},
    ),
    "wish_refused": Event(
        title="心愿未予发布",
        text="心愿“{wish[title]}”未予发布：{wish[reason]}。",
        page="pages/wish/detail?id={wish[id]}",
        template="review_result",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "未通过", "time3": "{at}", "thing4": "{wish[reason]}"},
    ),
    "wish_claimed": Event(
        title="心愿有人认领了",
        text="{claimer[nickname]}认领了心愿“{wish[title]}”，预计在{due}前完成，届时会与您联系。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
        fields={
            "thing1": "{wish[title]}",
            "phrase2": "已认领",
            "time3": "{at}",
            "thing4": "{claimer[nickname]}认领了心愿",
        },
        kinds={"claimer": "person"},
    ),
    "wish_claimed_by_unit": Event(
        title="心愿有单位认领了",
        text="{unit[name]}认领了心愿“{wish[title]}”，预计在{due}前完成，届时会与您联系。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "已认领", "time3": "{at}", "thing4": "{unit[name]}认领了心愿"},
        kinds={"unit": "organization"},
    ),
    "wish_claimed_by_team": Event(
        title="心愿有团队认领了",
        text="团队“{team[name]}”认领了心愿“{wish[title]}”，预计在{due}前完成，届时会与您联系。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "已认领", "time3": "{at}", "thing4": "{team[name]}认领了心愿"},
    ),
    "wish_to_share": Event(
        title="团队认领了新的心愿",
        text="您的团队“{team[name]}”认领了心愿“{wish[title]}”，请在{due}前一起完成，点开认一份。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_share_taken": Event(
        title="有队员参与心愿",
        text="{person[nickname]}参与了团队认领的心愿“{wish[title]}”。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_share_ended": Event(
        title="心愿参与有变动",
        text="{person[nickname]}不再参与团队认领的心愿“{wish[title]}”。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_progressed": Event(
        title="心愿有新进展",
        text="您的心愿“{wish[title]}”有新的进展，点开看看。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_note_refused": Event(
        title="进展未通过审核",
        text="您为心愿“{wish[title]}”写的进展未通过内容安全检查，他人不可见。",
        page="pages/wish/detail?id={wish[id]}",
    ),
    "wish_unclaimed": Event(
        title="心愿还没有人认领",
        text="心愿“{wish[title]}”希望在{wish[wished_by]}前实现，还剩 {left} 天，还没有人认领，请帮忙联系。",
        page="pages/staff/wish?id={wish[id]}",
    ),
    "wish_handed_to_staff": Event(
        title="有心愿转交社区跟进",
        text="心愿“{wish[title]}”的许愿人已不能自行处理，请代为跟进。",
        page="pages/staff/wish?id={wish[id]}",
    ),
    "wish_back_on_wall": Event(
        title="心愿重新等待认领",
        text="{why}，心愿“{wish[title]}”已重新回到心愿墙，有人认领时会通知您。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "待认领", "time3": "{at}", "thing4": "{why}"},
        words={
            "why": {
                "released": "认领人放弃了认领",
                "idle": "认领人到期未完成",
                "taken_back": "社区收回了原来的认领",
                "left": "认领人已退出",
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
        topic="wishes",
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
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "待确认", "time3": "{at}", "thing4": "请确认并评价"},
        kinds={"claimer": "person"},
    ),
    "wish_taken_in": Event(
        title="心愿物品已由社区代收",
        text="心愿“{wish[title]}”的物品已送到社区，由工作人员转交；收到后请确认并评价。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "待确认", "time3": "{at}", "thing4": "社区已代收，收到后请确认"},
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
        topic="wishes",
        fields={"thing1": "{wish[title]}", "phrase2": "已实现", "time3": "{at}", "thing4": "评价：{rating}分"},
    ),
    "wish_confirmed_by_staff": Event(
        title="社区代为确认了心愿",
        text="经社区电话核实，心愿“{wish[title]}”已实现。",
        page="pages/wish/detail?id={wish[id]}",
        template="wish_progress",
        topic="wishes",
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
        topic="wishes",
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
        topic="wishes",
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
        topic="wishes",
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
        topic="activities",
        fields={"thing1": "{activity[title]}", "phrase2": "已退回", "time3": "{at}", "thing4": "{activity[reason]}"},
    ),
    "activity_published": Event(
        title="活动已发布",
        text="活动“{activity[title]}”已发布，居民可以报名了。",
        page="pages/staff/activity?id={activity[id]}",
        template="review_result",
        topic="activities",
        fields={"thing1": "{activity[title]}", "phrase2": "已发布", "time3": "{at}", "thing4": "居民可以报名了"},
    ),
    "activity_cancelled": Event(
        title="活动已取消",
        text="很抱歉，您报名的“{activity[title]}”（{activity[time]}）已取消：{activity[reason]}。",
        page="pages/activity/detail?id={activity[id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{activity[title]}",
            "time2": "{activity[time]}",
            "thing3": "{activity[place]}",
            "thing4": "已取消：{activity[reason]}",
        },
        urgent=True,
    ),
    "activity_edited": Event(
        title="已发布的活动有修改",
        text="{activity[organizer]}修改了已发布的活动“{activity[title]}”，请查看。",
        page="pages/staff/activity?id={activity[id]}",
    ),
    "activity_place_changed": Event(
        title="活动地点有变动",
        text="您报名的“{activity[title]}”地点有变动，请以新的地点为准：{activity[place]}，集合：{activity[meet_at]}。",
        page="pages/activity/detail?id={activity[id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{activity[title]}",
            "time2": "{activity[time]}",
            "thing3": "{activity[place]}",
            "thing4": "地点有变动，请查看",
        },
        urgent=True,
    ),
    "shift_confirmed": Event(
        title="报名成功",
        text="您已报名“{shift[title]}”，{shift[time]}开始，地点：{shift[place]}。不能参加请提前取消。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "报名成功，请准时参加",
        },
        minor=True,
    ),
    "shift_waiting": Event(
        title="已进入候补",
        text="“{shift[title]}”（{shift[time]}）名额已满，您已进入候补，有人取消时按顺序递补并通知您。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "shift_moved_up": Event(
        title="候补成功",
        text="您候补的“{shift[title]}”有名额了，已为您报名，{shift[time]}开始，地点：{shift[place]}。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "候补成功，已为您报名",
        },
        urgent=True,
    ),
    "shift_offered": Event(
        title="有名额了，请确认",
        text="您候补的“{shift[title]}”（{shift[time]}）有名额了，请在{until}前确认，过时将让给下一位。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="place_free",
        topic="activities",
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
    "shift_tomorrow": Event(
        title="活动提醒",
        text="您报名的“{shift[title]}”将于{shift[time]}开始，集合：{shift[meet_at]}。不能参加请尽早取消。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="reminders",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[meet_at]}",
            "thing4": "不能参加请尽早取消",
        },
        expires_after=timedelta(hours=20),
    ),
    "shift_soon": Event(
        title="活动即将开始",
        text="您报名的“{shift[title]}”{shift[time]}开始，集合：{shift[meet_at]}，请准时到场。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="reminders",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[meet_at]}",
            "thing4": "即将开始，请准时到场",
        },
        expires_after=timedelta(hours=2),
    ),
    "shift_moved": Event(
        title="活动时间有变动",
        text="您报名的“{shift[title]}”由{was}改到{shift[time]}开始。不能参加可以取消，不计爽约。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[meet_at]}",
            "thing4": "时间有变动，不能参加请取消",
        },
        urgent=True,
    ),
    "shift_moved_overlapping": Event(
        title="活动时间有变动，与其他报名冲突",
        text="您报名的“{shift[title]}”由{was}改到{shift[time]}开始，与您的另一项报名时间重叠，请取消其中一项，不计爽约。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[meet_at]}",
            "thing4": "时间变动，与其他报名冲突",
        },
        urgent=True,
    ),
    "shift_cancelled": Event(
        title="活动场次已取消",
        text="很抱歉，您报名的“{shift[title]}”（{shift[time]}）这一场已取消：{shift[reason]}。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "该场次已取消",
        },
        urgent=True,
    ),
    "shift_called_off": Event(
        title="活动场次未能成行",
        text="很抱歉，您报名的“{shift[title]}”（{shift[time]}）未能成行：{shift[reason]}。",
        page="pages/activity/detail?id={shift[activity_id]}",
        template="activity_reminder",
        topic="activities",
        fields={
            "thing1": "{shift[title]}",
            "time2": "{shift[time]}",
            "thing3": "{shift[place]}",
            "thing4": "人数不足，未能成行",
        },
        urgent=True,
    ),
    "own_shift_called_off": Event(
        title="一个场次未能成行",
        text="“{shift[title]}”（{shift[time]}）报名截止时有 {people} 人，未达到最低人数，已取消并通知报名者。",
        page="pages/staff/activity?id={shift[activity_id]}",
    ),
    "sign_up_removed": Event(
        title="主办方取消了您的报名",
        text="您在“{sign_up[title]}”（{sign_up[time]}）的报名已被主办方取消：{sign_up[reason]}。",
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
        text="您报名的“{shift[title]}”（{shift[time]}）被记为缺席，计为一次爽约。如有异议，30 天内可以申诉。",
        page="pages/me/no-shows",
    ),
    "places_blocked": Event(
        title="暂时不能{purpose}",
        text="您近期已爽约 {count} 次，{until}前不能{purpose}。如有异议，可以对爽约提出申诉。",
        page="pages/me/no-shows",
        words={"purpose": {"shift_role": "报名活动", "slot": "预约服务", "post": "认领岗位"}},
    ),
    "no_show_appealed": Event(
        title="有爽约申诉待处理",
        text="有人对“{appeal[title]}”的爽约记录提出申诉，请核实处理。",
        page="pages/staff/no-show-appeals",
    ),
    "no_show_appeal_decided": Event(
        title="爽约申诉已处理",
        text="您对“{appeal[title]}”爽约记录的申诉{decision}：{appeal[decision]}。",
        page="pages/me/no-shows",
        words={"decision": {"accepted": "已通过，该次不再计入", "refused": "未通过"}},
    ),
    "sign_out_assumed": Event(
        title="您忘记签退了",
        text="您参加的“{shift[title]}”（{shift[time]}）没有签退记录，暂按活动结束时间计，以负责人确认为准。",
        page="pages/activity/detail?id={shift[activity_id]}",
    ),
    "shift_to_confirm": Event(
        title="请确认出勤",
        text="“{shift[title]}”（{shift[time]}）已结束，请在 7 天内确认每个人的出勤，服务时长才会计入。",
        page="pages/staff/shift?id={shift[id]}",
    ),
    "hours_credited": Event(
        title="服务时长已计入",
        text="您参加“{shift[title]}”的服务时长 {minutes} 分钟已确认，感谢您的付出。",
        page="pages/me/service-record",
        template="service_report",
        topic="service_record",
        fields={"thing1": "{shift[title]}", "time2": "{at}", "thing3": "服务时长{minutes}分钟已计入"},
    ),
    "hours_waiting": Event(
        title="服务时长待审批",
        text="您参加“{shift[title]}”的服务时长 {minutes} 分钟已提交，{needs}后计入。",
        page="pages/me/service-record",
        words={
            "needs": {
                "second_person": "补录须另一位工作人员核实",
                "community": "当日超过 8 小时，须社区管理员批准",
                "subdistrict": "当日超过 12 小时，须街道管理员批准",
            }
        },
    ),
    "hours_to_approve": Event(
        title="有服务时长待审批",
        text="“{hours[title]}”有一条 {hours[minutes]} 分钟的服务时长需要您审批。",
        page="pages/staff/hours",
    ),
    "hours_refused": Event(
        title="服务时长未获批准",
        text="“{hours[title]}”的 {hours[minutes]} 分钟服务时长未获批准：{hours[decision]}。",
        page="pages/me/service-record",
        template="review_result",
        topic="service_record",
        fields={"thing1": "{hours[title]}", "phrase2": "未通过", "time3": "{at}", "thing4": "{hours[decision]}"},
    ),
    "hours_corrected": Event(
        title="服务时长已更正",
        text="您在“{hours[title]}”的服务时长由 {before} 分钟更正为 {hours[minutes]} 分钟：{hours[reason]}。",
        page="pages/me/service-record",
        template="service_report",
        topic="service_record",
        fields={"thing1": "{hours[title]}", "time2": "{at}", "thing3": "服务时长更正为{hours[minutes]}分钟"},
    ),
    "certificate_revoked": Event(
        title="志愿服务证明已作废",
        text="您的一份志愿服务证明所列时长已更正，该证明作废，请重新开具。",
        page="pages/me/certificates",
        template="service_report",
        topic="service_record",
        fields={"thing1": "志愿服务证明", "time2": "{at}", "thing3": "时长已更正，请重新开具"},
    ),
    "volunteer_rated": Event(
        title="您收到一份评价",
        text="“{shift[title]}”的负责人给了您 {stars} 星评价。",
        page="pages/me/ratings",
    ),
    # ---- end of volunteering ----
    # ---- neighbor center 邻里中心 ----
    "slot_booked": Event(
        title="预约成功",
        text="您已预约“{slot[service]}”：{slot[time]}，{slot[venue]}（{slot[address]}）。不能如约请提前取消。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        topic="bookings",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "预约成功",
            "thing5": "如不方便，请提前取消",
        },
        minor=True,
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
        topic="bookings",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已改期",
            "thing5": "请以新的时间为准",
        },
        minor=True,
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
        topic="bookings",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "候补成功",
            "thing5": "如不方便，请提前取消",
        },
    ),
    "slot_offered": Event(
        title="候补有空位，请确认",
        text="您候补的“{slot[service]}”（{slot[time]}，{slot[venue]}）有空位，请在{until}前确认，逾期将让给下一位。",
        page="pages/booking/detail?id={booking[id]}",
        template="place_free",
        topic="bookings",
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
        topic="bookings",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已通过",
            "thing5": "如不方便，请提前取消",
        },
    ),
    "slot_refused": Event(
        title="预约申请未通过",
        text="您预约的“{slot[service]}”（{slot[time]}，{slot[venue]}）未通过：{booking[reason]}。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        topic="bookings",
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
        topic="bookings",
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
        topic="bookings",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "预约成功",
            "thing5": "不能使用请提前取消",
        },
        minor=True,
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
        topic="bookings",
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
        topic="bookings",
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
    "slot_reminder": Event(
        title="预约即将开始",
        text="您预约的“{slot[service]}”将于{slot[time]}开始，{slot[venue]}（{slot[address]}）。{slot[documents]}",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        topic="reminders",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "即将开始",
            "thing5": "如不方便，请提前取消",
        },
    ),
    "slot_moved_by_staff": Event(
        title="预约时间有调整",
        text="因“{booking[reason]}”，您的预约“{slot[service]}”已由{was}改到{slot[time]}，{slot[venue]}。如不方便，可以改期或取消。",
        page="pages/booking/detail?id={booking[id]}",
        template="booking_notice",
        topic="bookings",
        fields={
            "thing1": "{slot[service]}",
            "time2": "{slot[time]}",
            "thing3": "{slot[venue]}",
            "phrase4": "已改期",
            "thing5": "{booking[reason]}",
        },
        urgent=True,
    ),
    "slot_overdue": Event(
        title="预约申请超时未答复",
        text="“{slot[service]}”（{slot[time]}，{slot[venue]}）的预约申请已超过承诺的答复时间，请尽快审核。",
        page="pages/staff/booking?id={booking[id]}",
    ),
    "visit_cancelled": Event(
        title="上门服务任务已取消",
        text="原定{slot[time]}的上门服务“{slot[service]}”不再由您前往。",
        page="pages/staff/booking?id={booking[id]}",
    ),
    "room_reminder": Event(
        title="活动室预约即将开始",
        text="您预约的“{room_booking[service]}”将于{room_booking[time]}开始，{room_booking[venue]}（{room_booking[address]}）。",
        page="pages/booking/room?id={room_booking[id]}",
        template="booking_notice",
        topic="reminders",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "即将开始",
            "thing5": "请按时到场，不能使用请提前取消",
        },
    ),
    "room_moved": Event(
        title="活动室预约已改期",
        text="您预约的“{room_booking[service]}”已由{was}改到{room_booking[time]}，{room_booking[venue]}。",
        page="pages/booking/room?id={room_booking[id]}",
    ),
    "room_moved_by_staff": Event(
        title="活动室预约时间有调整",
        text="因“{room_booking[reason]}”，您预约的“{room_booking[service]}”已由{was}改到{room_booking[time]}，{room_booking[venue]}。",
        page="pages/booking/room?id={room_booking[id]}",
        template="booking_notice",
        topic="bookings",
        fields={
            "thing1": "{room_booking[service]}",
            "time2": "{room_booking[time]}",
            "thing3": "{room_booking[venue]}",
            "phrase4": "已改期",
            "thing5": "{room_booking[reason]}",
        },
        urgent=True,
    ),
    "room_no_show": Event(
        title="活动室预约未到场",
        text="您预约的“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）记为爽约。多次爽约会暂停预约，如有误请联系工作人员。",
        page="pages/booking/room?id={room_booking[id]}",
    ),
    "room_overdue": Event(
        title="活动室申请超时未答复",
        text="“{room_booking[service]}”（{room_booking[time]}，{room_booking[venue]}）的使用申请已超过承诺的答复时间，请尽快审核。",
        page="pages/staff/room-booking?id={room_booking[id]}",
    ),
    "series_booked": Event(
        title="连续预约成功",
        text="您已预约“{series[service]}”共{series[times]}次，自{series[time]}起，{series[venue]}（{series[address]}）。每次可单独改期或取消。",
        page="pages/booking/series?id={series[id]}",
        template="booking_notice",
        topic="bookings",
        fields={
            "thing1": "{series[service]}",
            "time2": "{series[time]}",
            "thing3": "{series[venue]}",
            "phrase4": "预约成功",
            "thing5": "共{series[times]}次，可单独改期或取消",
        },
        kinds={"series": "booking_series"},
        minor=True,
    ),
    "series_requested": Event(
        title="连续预约已提交",
        text="您申请预约“{series[service]}”共{series[times]}次，自{series[time]}起，{series[venue]}。工作人员审核后会通知您。",
        page="pages/booking/series?id={series[id]}",
        kinds={"series": "booking_series"},
    ),
    "ticket_called": Event(
        title="请到窗口办理",
        text="您的排队号{ticket[number]}已叫到，请到{ticket[counter]}办理“{ticket[service]}”。",
        page="pages/venue/ticket?id={ticket[id]}",
        template="booking_notice",
        topic="bookings",
        fields={
            "thing1": "{ticket[service]}",
            "time2": "{at}",
            "thing3": "{ticket[venue]}",
            "phrase4": "请到窗口",
            "thing5": "{ticket[number]}号请到{ticket[counter]}",
        },
        urgent=True,
        expires_after=timedelta(minutes=10),
    ),
    "ticket_near": Event(
        title="快要叫到您了",
        text="“{ticket[service]}”您的排队号{ticket[number]}前面还有不到4人，请回到{ticket[venue]}等候。",
        page="pages/venue/ticket?id={ticket[id]}",
        urgent=True,
        expires_after=timedelta(minutes=10),
    ),
    "ticket_missed": Event(
        title="您已过号",
        text="您的排队号{ticket[number]}（{ticket[service]}，{ticket[venue]}）已过号，需要时请重新取号。",
        page="pages/venue/ticket?id={ticket[id]}",
    ),
    "duty_assigned": Event(
        title="您有新的值班安排",
        text="自{duty[from_day]}起，请于{duty[hours]}在{duty[venue]}值班。",
        page="pages/staff/duties",
    ),
    "complaint_received": Event(
        title="收到一条投诉",
        text="有居民对{complaint[venue]}提出投诉，请在3天内答复。",
        page="pages/staff/complaint?id={complaint[id]}",
    ),
    "complaint_answered": Event(
        title="您的投诉已答复",
        text="您对{complaint[venue]}的投诉已有答复，请查看。",
        page="pages/venue/complaint?id={complaint[id]}",
    ),
    # ---- end of neighbor center ----
    # ---- notifications ----
    "inbox_digest": Event(
        title="您有未读消息",
        text="您有{count}条未读消息，请打开小程序查看。",
        page="pages/me/inbox",
        template="inbox_digest",
        topic="digest",
        fields={"number1": "{count}", "time2": "{at}", "thing3": "请打开小程序查看"},
        bulk=True,
        hidden=True,
        expires_after=timedelta(hours=12),
    ),
    # ---- end of notifications ----
    # ---- announcements 社区公告 ----
    "announcement": Event(
        title="{announcement[title]}",
        text="{announcement[organization]}发布公告：{announcement[summary]}",
        page="pages/announcement/detail?id={announcement[id]}",
        template="announcement",
        topic="announcements",
        fields={
            "thing1": "{announcement[title]}",
            "thing2": "{announcement[organization]}",
            "time3": "{at}",
            "thing4": "{announcement[summary]}",
        },
        bulk=True,
        gone=_WITHDRAWN,
    ),
    "announcement_urgent": Event(
        title="紧急通知：{announcement[title]}",
        text="{announcement[organization]}发布紧急通知：{announcement[summary]}",
        page="pages/announcement/detail?id={announcement[id]}",
        template="announcement",
        topic="announcements",
        fields={
            "thing1": "{announcement[title]}",
            "thing2": "{announcement[organization]}",
            "time3": "{at}",
            "thing4": "{announcement[summary]}",
        },
        bulk=True,
        urgent=True,
        expires_after=timedelta(hours=12),
        gone=_WITHDRAWN,
    ),
    "announcement_to_send": Event(
        title="有公告待发送",
        text="“{announcement[title]}”已写好，请核对后发送。",
        page="pages/staff/announcement?id={announcement[id]}",
        gone=_WITHDRAWN,
    ),
    # ---- end of announcements ----
}
"""Event name → what it says."""

MOMENTS: dict[str, tuple[str, ...]] = {
    "check_in_applied": ("review_result", "service_report"),
    "post_applied": ("review_result",),
    "unit_check_in_applied": ("review_result",),
    "contacts_opened": ("service_report",),
    "wish_submitted": ("review_result", "wish_progress"),
    "wish_claimed": ("wish_progress",),
    "wish_reported": ("wish_progress",),
    "activity_submitted": ("review_result",),
    "shift_signed_up": ("activity_reminder", "place_free"),
    "shift_signed_out": ("service_report",),
    "slot_booked": ("booking_notice", "place_free"),
    "room_booked": ("booking_notice",),
    "ticket_taken": ("booking_notice",),
    "report_opened": ("service_report",),
    "inbox_opened": ("inbox_digest", "wish_progress", "activity_reminder", "booking_notice", "announcement"),
}
"""The tap at which the client asks for accepts → the templates worth asking for then, most useful first."""
