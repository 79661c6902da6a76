import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Row } from "../../kit/view";
import { joined, local, minutes, word } from "../../kit/words";
import { homeOf } from "./place";

const list = async (period: string, cursor?: string) => call("list_reports", { query: { organization_id: await homeOf(), period, cursor } });

/** This half-year and the one before: 2026H2, 2026H1. */
function periods(): string[] {
  const at = local(new Date()), year = at.getFullYear();
  return at.getMonth() < 6 ? [`${year - 1}H2`, `${year}H1`] : [`${year}H1`, `${year}H2`];
}
const rowOf = (one: Awaited<ReturnType<typeof list>>["items"][0]): Row => ({
  id: one.id,
  icon: "file",
  title: one.name,
  tag: word("ReportState", one.state),
  note: joined(one.period, one.unit_name, one.community_name),
  side: joined(minutes(one.minutes), `${one.points}分`, word("Grade", one.grade)),
  page: `pages/staff/report?id=${one.id}`,
});

definePage({
  async load(_, { tab }) {
    const found = await list(tab || periods()[0]!);
    const tabs = periods().map((value) => ({ value, word: value.replace("H1", "年上半年").replace("H2", "年下半年") }));
    return { tabs, cursor: found.next_cursor, sections: [{ rows: found.items.map(rowOf), empty: "没有半年反馈" }] };
  },
  async more(_, cursor, { tab }) {
    const found = await list(tab, cursor);
    return { rows: found.items.map(rowOf), cursor: found.next_cursor };
  },
});
