import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";
import { CHECK_IN_TONES } from "./shown";

definePage({
  async load() {
    const mine = await call("get_my_check_ins");
    const one = mine.pending ?? mine.active;
    if (!one)
      return {
        title: "双报到",
        note: "在职党员向居住地社区报到，认领岗位，参加服务，每半年由社区向所属党组织反馈。",
        sections: [{ rows: mine.history.map((past) => ({ id: past.id, icon: "shield", title: past.community_name, tag: word("CheckInState", past.state), note: joined(moment(past.applied_at), past.reason) })), empty: "您还没有报到" }],
        acts: [{ word: "向社区报到", main: true, page: "pages/check-in/apply" }],
      };
    const path = { check_in_id: one.id };
    const offered = await call("list_check_in_actions", { path });
    return {
      title: one.community_name,
      tag: word("CheckInState", one.state),
      tone: CHECK_IN_TONES[one.state],
      note: joined(one.grid_name, one.via_unit_name),
      sections: [
        one.reason ? { title: "社区的话", text: one.reason } : null,
        {
          tiles: [
            { icon: "card", word: "亮身份", page: "pages/me/identity" },
            { icon: "desk", word: "认领岗位", page: `pages/posts/list?id=${one.community_id}` },
            { icon: "file", word: "半年反馈", page: "pages/report/mine" },
            { icon: "people", word: "联系党员", page: "pages/contacts/list" },
          ],
        },
        { facts: [["提交", moment(one.applied_at)], ["确认", moment(one.decided_at)], ["居住地", joined(one.residence.estate, one.residence.building)], ["特长", one.skills.join("、")], ["愿意参加", one.willing.join("、")], ["方便的时间", one.free_times.join("、")]] },
        mine.pending && mine.active ? { title: "现在的报到", rows: [{ id: mine.active.id, icon: "shield", title: mine.active.community_name, tag: word("CheckInState", mine.active.state), tone: "green", note: "新的确认后，这一个自动结束" }] } : null,
      ],
      acts: actsOf(offered, {
        change: { word: "修改申请", main: true, page: "pages/check-in/change" },
        change_talents: { word: "更新特长和意愿", operation: "change_talents", path, body: { residence: one.residence, version: one.version }, fields: { skills: { label: "特长", hint: "用顿号隔开" }, willing: { label: "愿意参加", hint: "用顿号隔开" }, free_times: { label: "方便的时间", hint: "用顿号隔开" } }, values: { skills: one.skills.join("、"), willing: one.willing.join("、"), free_times: one.free_times.join("、") }, done: "已更新" },
        withdraw: { word: one.state === "confirmed" ? "结束报到" : "撤回申请", danger: true, operation: "withdraw_check_in", path, fields: { reason: { label: "原因" } } },
      }),
    };
  },
});
