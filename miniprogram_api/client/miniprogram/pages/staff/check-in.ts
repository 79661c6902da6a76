import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";
import { CHECK_IN_TONES } from "../check-in/shown";

definePage({
  async load({ id }) {
    const path = { check_in_id: id! };
    const [one, offered] = await Promise.all([call("view_check_in", { path }), call("list_check_in_actions_of_staff", { path })]);
    const grids = await call("list_children", { path: { organization_id: one.community_id }, query: { level: "grid" } });
    const grid_id = { label: "网格", kind: "choice" as const, options: grids.items.map((grid): [string, string] => [grid.id, grid.name]) };
    const reason = { reason: { label: "原因", kind: "long" as const } };
    return {
      title: one.real_name || "没有填写姓名",
      tag: word("CheckInState", one.state),
      tone: CHECK_IN_TONES[one.state],
      note: joined(word("MemberKind", one.member_kind), one.community_name, "查看已留下记录"),
      sections: [{ facts: [["电话", one.phone], ["所属党组织", one.home_organization || one.home_text], ["居住地", joined(one.residence.estate, one.residence.building)], ["网格", one.grid_name], ["由单位组织", one.via_unit_name], ["特长", one.skills.join("、")], ["愿意参加", one.willing.join("、")], ["方便的时间", one.free_times.join("、")], ["提交", moment(one.applied_at)], ["说明", one.reason]], acts: one.phone ? [{ word: "打电话", run: () => wx.makePhoneCall({ phoneNumber: one.phone }) }] : [] }],
      acts: actsOf(offered, {
        confirm: { word: "确认报到", main: true, operation: "confirm_check_in", path, fields: { grid_id }, values: { grid_id: one.grid_id }, done: "已确认" },
        return: { word: "退回修改", operation: "return_check_in", path, fields: reason },
        refuse: { word: "不接受", danger: true, operation: "refuse_check_in", path, fields: reason },
        assign_grid: { word: "调整网格", operation: "assign_grid", path, fields: { grid_id }, values: { grid_id: one.grid_id } },
        match_home: { word: "核对党组织", operation: "match_home", path, fields: { home_organization_id: { label: "所属党组织", kind: "find", find: "search_party_organizations" } } },
        end: { word: "结束报到", danger: true, operation: "end_check_in", path, fields: reason },
      }),
    };
  },
});
