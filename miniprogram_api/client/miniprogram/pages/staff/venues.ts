import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { homeOf } from "./place";

definePage({
  async load() {
    const found = await call("list_venues", { query: { organization_id: await homeOf() } });
    return { title: "我们的场所", sections: [{ rows: found.items.map((one) => ({ id: one.id, icon: "building", title: one.name, note: one.address, page: `pages/staff/venue?id=${one.id}` })), empty: "还没有场所" }] };
  },
});
