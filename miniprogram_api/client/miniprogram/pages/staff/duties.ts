import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, joined, word } from "../../kit/words";
import { homeOf } from "./place";

definePage({
  async load({ id }) {
    const venue_id = id ?? (await call("list_venues", { query: { organization_id: await homeOf() } })).items[0]?.id;
    if (!venue_id) return { title: "值班", sections: [{ empty: "还没有场所" }] };
    const days = await call("list_duties_for_staff", { path: { venue_id }, query: { days: 7 } });
    return { title: "坐班值班表", sections: days.map((one) => ({ title: day(one.day), rows: one.duties.map((duty) => ({ id: one.day + duty.id, icon: "person", title: duty.shown_as, tag: word("DutyKind", duty.kind), note: joined(`${duty.opens}–${duty.closes}`, duty.service_name) })), empty: "没有安排值班" })) };
  },
});
