import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment } from "../../kit/words";

definePage({
  shared: ({ id }) => call("show_shared_announcement", { path: { announcement_id: id! } }),
  async load({ id }) {
    const one = await call("show_announcement", { path: { announcement_id: id! } });
    return { title: one.title, tag: one.urgent ? "紧急" : "", tone: "red", note: joined(one.organization_name, moment(one.sent_at)), sections: [{ text: one.text, pictures: one.pictures }] };
  },
});
