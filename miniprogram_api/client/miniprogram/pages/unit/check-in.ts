import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { day, moment, word } from "../../kit/words";

definePage({
  async load({ id, unit }) {
    const path = { unit_check_in_id: id! };
    const [found, offered] = await Promise.all([call("list_unit_check_ins", { path: { unit_id: unit! } }), call("list_unit_check_in_actions", { path })]);
    const one = found.items.find((each) => each.id === id)!;
    const shared = { path, body: { party_organization_id: one.party_organization_id, version: one.version } };
    const contact = { "contact.name": { label: "联系人" }, "contact.phone": { label: "联系电话" }, member_count: { label: "党员人数" } };
    return {
      title: one.area_name,
      tag: word("UnitCheckInState", one.state),
      note: one.unit_name,
      sections: [{ facts: [["党组织", one.party_organization_name], ["类别", word("UnitKind", one.unit_kind)], ["党员", `${one.member_count}人`], ["联系人", `${one.contact.name} ${one.contact.phone}`], ["资源", one.offers.join("、")], ["结对", one.starts_on ? `${day(one.starts_on)}至${day(one.ends_on) || "长期"}` : null], ["提交", moment(one.applied_at)], ["说明", one.reason]] }],
      acts: actsOf(offered, {
        change: { ...shared, word: "修改后重新提交", main: true, operation: "apply_unit_check_in_again", fields: { unit_kind: { label: "单位类别" }, ...contact, offers: { label: "能提供的资源" } }, values: { ...one, offers: one.offers.join("、") } },
        change_contact: { path, body: { version: one.version }, word: "更换联系人", operation: "change_unit_contact", fields: contact, values: one, done: "已更换" },
        withdraw: { word: "撤回", danger: true, operation: "withdraw_unit_check_in", path, fields: { reason: { label: "原因" } } },
        end: { word: "结束结对", danger: true, operation: "end_unit_check_in", path, fields: { reason: { label: "原因" } } },
      }),
    };
  },
});
