import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, joined } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_floating_members");
    return { title: "我联系的流动党员", sections: [{ rows: found.map((one) => ({ id: one.membership_id, icon: "phone", title: one.name, tag: one.overdue ? "该联系了" : "", tone: "red" as const, note: joined(one.community_name, one.last_contact_at ? `上次联系：${day(one.last_contact_at)}` : "还没有联系过"), page: `pages/contacts/detail?id=${one.membership_id}` })), empty: "没有要联系的流动党员" }] };
  },
});
