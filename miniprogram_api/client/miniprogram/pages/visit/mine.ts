import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { dayOf, joined, local, span } from "../../kit/words";

/** Whom somebody visits today: where, and how to reach them, which is noted. */
definePage({
  async load(_, { tab }) {
    const at = local(new Date());
    if (tab === "tomorrow") at.setDate(at.getDate() + 1);
    const found = await call("list_my_visits", { query: { day: dayOf(at) } });
    const contact = async (booking_id: string) => {
      const details = await call("get_visit_details", { path: { booking_id } });
      const { confirm } = await wx.showModal({ title: details.name, content: joined(details.phone, details.address) + "\n查看已留下记录", confirmText: "拨打" });
      if (confirm) await wx.makePhoneCall({ phoneNumber: details.phone });
    };
    return {
      tabs: [{ value: "today", word: "今天" }, { value: "tomorrow", word: "明天" }],
      sections: [{ rows: found.map((one) => ({ id: one.booking_id, icon: "pin", title: one.service_name, note: joined(span(one.starts_at, one.ends_at), one.area_name), acts: [{ word: "地址和电话", run: () => contact(one.booking_id) }] })), empty: "没有上门任务" }],
    };
  },
});
