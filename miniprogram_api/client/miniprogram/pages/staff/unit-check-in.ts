import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { day, dayOf, local, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { unit_check_in_id: id! };
    const [one, offered] = await Promise.all([call("view_unit_check_in", { path }), call("list_unit_check_in_actions_of_staff", { path })]);
    const reason = { reason: { label: "原因", kind: "long" as const } };
    return {
      title: one.unit_name,
      tag: word("UnitCheckInState", one.state),
      note: one.area_name,
      sections: [{ facts: [["党组织", one.party_organization_name], ["类别", word("UnitKind", one.unit_kind)], ["党员", `${one.member_count}人`], ["联系人", `${one.contact.name} ${one.contact.phone}`], ["资源", one.offers.join("、")], ["结对", one.starts_on ? `${day(one.starts_on)}至${day(one.ends_on) || "长期"}` : null], ["提交", moment(one.applied_at)], ["说明", one.reason]] }],
      acts: actsOf(offered, {
        accept: { word: "接受并结对", main: true, operation: "accept_unit_check_in", path, fields: { starts_on: { label: "从哪天" }, ends_on: { label: "到哪天（不填为长期）" } }, values: { starts_on: dayOf(local(new Date())) }, done: "已接受" },
        return: { word: "退回修改", operation: "return_unit_check_in", path, fields: reason },
        refuse: { word: "不接受", danger: true, operation: "refuse_unit_check_in", path, fields: reason },
        change_dates: { word: "调整期限", operation: "change_unit_dates", path, body: { version: one.version }, fields: { ends_on: { label: "到哪天" } }, values: { ends_on: one.ends_on } },
        end: { word: "结束结对", danger: true, operation: "end_unit_pairing", path, fields: reason },
      }),
    };
  },
});
