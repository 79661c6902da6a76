import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { homeOf } from "./place";
import { joined, moment } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_roster_links", { query: { organization_id: await homeOf() } });
    return {
      title: "花名册核对",
      note: "登录人的姓名和手机号与名册中的党员一致，请与本人核对。",
      sections: [
        {
          rows: found.items.map((one) => {
            const path = { link_id: one.id };
            return { id: one.id, icon: "person", title: joined(one.name, one.nickname), note: joined(one.phone, one.organization_name), side: moment(one.created_at), acts: [{ word: "不是", danger: true, operation: "refuse_roster_link" as const, path }, { word: "已核对，是本人", main: true, operation: "confirm_roster_link" as const, path, done: "已确认" }] };
          }),
          empty: "没有待核对的",
        },
      ],
    };
  },
});
