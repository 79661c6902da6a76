import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Row } from "../../kit/view";
import { joined, minutes, moment, points, word } from "../../kit/words";

const entries = (cursor?: string) => call("list_my_service", { query: { cursor } });
const hours = (cursor?: string) => call("list_my_hours", { query: { cursor } });
type Entry = Awaited<ReturnType<typeof entries>>["items"][0];
type Hours = Awaited<ReturnType<typeof hours>>["items"][0];

const rowOfEntry = (one: Entry): Row => ({ id: one.id, icon: "clock", title: one.source_title || one.words || one.rule_name, tag: one.points ? `${one.points > 0 ? "+" : ""}${points(one.points)}` : "", tone: one.points < 0 ? "red" : "green", note: joined(one.rule_name, one.minutes > 0 && minutes(one.minutes), one.organization_name), side: joined(moment(one.occurred_at), one.is_reversed && "已冲正") });
const rowOfHours = (one: Hours): Row => ({ id: one.id, icon: "flag", title: one.title, tag: word("HoursState", one.state), tone: one.state === "effective" ? "green" : "amber", note: joined(minutes(one.minutes), one.name, moment(one.starts_at)), side: one.decision_reason || one.reason });

definePage({
  async load(_, { tab }) {
    const totals = await call("get_my_service_totals");
    const found = tab === "hours" ? await hours() : await entries();
    const rows = tab === "hours" ? (found as Awaited<ReturnType<typeof hours>>).items.map(rowOfHours) : (found as Awaited<ReturnType<typeof entries>>).items.map(rowOfEntry);
    return {
      title: `服务 ${minutes(totals.minutes)}`,
      note: `共 ${totals.points} 积分`,
      tabs: [{ value: "entries", word: "服务与积分" }, { value: "hours", word: "活动时长" }],
      cursor: found.next_cursor,
      sections: [{ rows, empty: "还没有服务记录。\n参加一次活动，就会记在这里。" }],
      acts: [{ word: "开具服务证明", page: "pages/me/certificates" }],
    };
  },
  async more(_, cursor, { tab }) {
    if (tab === "hours") return hours(cursor).then(({ items, next_cursor }) => ({ rows: items.map(rowOfHours), cursor: next_cursor }));
    return entries(cursor).then(({ items, next_cursor }) => ({ rows: items.map(rowOfEntry), cursor: next_cursor }));
  },
});
