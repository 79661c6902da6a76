import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, joined } from "../../kit/words";

definePage({
  async load({ id }) {
    const unit = await call("show_unit", { path: { unit_id: id! } });
    return { title: unit.name, sections: [{ title: "结对的社区", rows: unit.pairs.map((one) => ({ id: one.area_id, icon: "building", title: one.area_name, note: one.offers.join("、"), side: joined(`${day(one.starts_on)}起`, one.ends_on && `至${day(one.ends_on)}`) })), empty: "还没有结对的社区" }] };
  },
});
