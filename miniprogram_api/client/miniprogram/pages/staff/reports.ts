import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Row } from "../../kit/view";
import { halfYear, halfYears, joined, minutes, points, word } from "../../kit/words";
import { homeOf } from "./place";

const list = async (period: string, cursor?: string) => call("list_reports", { query: { organization_id: await homeOf(), period, cursor } });

const rowOf = (one: Awaited<ReturnType<typeof list>>["items"][0]): Row => ({
  id: one.id,
  icon: "file",
  title: one.name,
  tag: word("ReportState", one.state),
  note: joined(halfYear(one.period), one.unit_name, one.community_name),
  side: joined(minutes(one.minutes), points(one.points), word("Grade", one.grade)),
  page: `pages/staff/report?id=${one.id}`,
});

definePage({
  async load(_, { tab }) {
    const found = await list(tab || halfYears()[0]!.value);
    return { tabs: halfYears(), cursor: found.next_cursor, sections: [{ rows: found.items.map(rowOf), empty: "这半年没有反馈" }] };
  },
  async more(_, cursor, { tab }) {
    const found = await list(tab, cursor);
    return { rows: found.items.map(rowOf), cursor: found.next_cursor };
  },
});
