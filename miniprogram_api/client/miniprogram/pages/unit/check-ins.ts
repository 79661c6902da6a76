import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, joined, moment, word } from "../../kit/words";

/** What a unit's liaison does: pairs, members, half-year reports, wishes claimed for the unit. */
definePage({
  async load({ id }) {
    const path = { unit_id: id! };
    const [unit, found] = await Promise.all([call("show_unit", { path }), call("list_unit_check_ins", { path })]);
    return {
      title: unit.name,
      note: "单位报到与结对",
      sections: [
        { tiles: [
          { icon: "people", word: "本单位党员", page: `pages/unit/members?id=${id}` },
          { icon: "file", word: "半年反馈", page: `pages/unit/reports?id=${id}` },
          { icon: "hand", word: "单位认领", page: `pages/wish/claims?unit=${id}` },
          { icon: "building", word: "单位主页", page: `pages/unit/detail?id=${id}` },
        ] },
        { rows: found.items.map((one) => ({ id: one.id, icon: "building", title: one.area_name, tag: word("UnitCheckInState", one.state), tone: one.state === "accepted" ? ("green" as const) : ("amber" as const), note: joined(`${one.member_count}名党员`, one.starts_on && `${day(one.starts_on)}起`, one.ends_on && `至${day(one.ends_on)}`), side: one.reason || moment(one.applied_at), page: `pages/unit/check-in?id=${one.id}&unit=${id}` })), empty: "还没有向社区报到" },
      ],
      acts: [{ word: "向社区报到", main: true, page: `pages/unit/apply?id=${id}` }],
    };
  },
});
