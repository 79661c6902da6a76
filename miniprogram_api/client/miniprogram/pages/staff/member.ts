import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const one = await call("view_member", { path: { membership_id: id! } });
    return {
      title: one.real_name,
      tag: word("MemberKind", one.kind),
      note: joined(one.community_name, one.grid_name, "查看已留下记录"),
      sections: [
        { facts: [["电话", one.phone], ["所属党组织", one.home_organization], ["居住地", joined(one.residence.estate, one.residence.building)], ["联系人", one.contact?.name], ["备注", one.note], ["组织关系", word("TransferState", one.transfer?.state)]], acts: [{ word: "打电话", run: () => wx.makePhoneCall({ phoneNumber: one.phone }) }] },
        { title: "联系记录", rows: one.contacts.map((each) => ({ id: each.id, icon: "phone", title: word("ContactMeans", each.means), note: each.note, side: moment(each.contacted_at) })), empty: "还没有联系记录" },
      ],
      acts: one.kind === "floating" ? [{ word: "记录联系", main: true, operation: "record_contact", path: { membership_id: id }, fields: { means: { label: "方式" }, note: { label: "情况" } }, done: "已记录" }] : [],
    };
  },
});
