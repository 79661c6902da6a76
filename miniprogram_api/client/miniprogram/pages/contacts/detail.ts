import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { membership_id: id! };
    const one = await call("view_floating_member", { path });
    return {
      title: one.real_name,
      note: joined(one.community_name, "查看已留下记录"),
      sections: [{ title: "联系记录", rows: one.contacts.map((each) => ({ id: each.id, icon: "phone", title: word("ContactMeans", each.means), note: each.note, side: joined(moment(each.contacted_at), each.recorded_by?.name) })), empty: "还没有联系记录" }],
      acts: [
        { word: "打电话", run: () => wx.makePhoneCall({ phoneNumber: one.phone }) },
        { word: "记录联系", main: true, operation: "record_contact", path, fields: { means: { label: "方式" }, note: { label: "情况" } }, moment: "contacts_opened", done: "已记录" },
      ],
    };
  },
});
