import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";
import type { Row } from "../../kit/view";
import { joined, moment, word } from "../../kit/words";

/** The page on which each kind of waiting thing is decided. */
const PAGES: Record<string, string> = {
  check_in: "check-in", unit_check_in: "unit-check-in", post_holding: "posts", roster_link: "roster-links", transfer: "member",
  report_to_assess: "report", report_correction: "report", report_to_release: "report",
  booking_request: "booking", visit_to_assign: "booking", complaint: "complaint",
  activity_review: "activity", shift_to_confirm: "shift", hours: "hours", no_show_appeal: "no-show-appeals",
  wish_review: "wish", wish_dispute: "wish", wish_to_confirm: "wish", wish_unclaimed: "wish",
  case_to_file: "case", case_to_dispatch: "case", case_to_check: "case", case_delay: "case", case_to_handle: "case", case_of_office: "case", case_of_unit: "case",
};
const list = (kind: string, cursor?: string) => call("list_desk", { query: { kind: kind === "all" ? undefined : kind, cursor } as never });
const rowOf = (one: Awaited<ReturnType<typeof list>>["items"][0]): Row => ({
  id: one.kind + one.id,
  icon: "desk",
  title: one.title,
  tag: one.overdue ? "已逾期" : "",
  tone: "red",
  note: joined(one.words, one.organization_name),
  side: joined(`${moment(one.since)}起`, one.due && `${moment(one.due)}前`),
  page: PAGES[one.kind] ? `pages/staff/${PAGES[one.kind]}?id=${one.id}` : undefined,
});

definePage({
  async load(_, { tab }) {
    const [desk, me] = await Promise.all([call("get_desk"), call("get_me")]);
    const found = await list(tab || "all");
    return {
      hero: true,
      title: desk.count ? `${desk.count} 件待办` : "都处理完了",
      note: joined(...me.roles.map((role) => `${role.organization_name}${word("RoleKind", role.kind)}`), desk.overdue > 0 && `${desk.overdue} 件已逾期`),
      tabs: desk.items.length ? [{ value: "all", word: "全部" }, ...desk.items.map((one) => ({ value: one.kind, word: `${one.words} ${one.count}` }))] : [],
      cursor: found.next_cursor,
      sections: [
        { tiles: [
          { icon: "scan", word: "扫一扫", act: { word: "扫码", run: scanAnything } },
          { icon: "flag", word: "我带的活动", page: "pages/staff/activities" },
          { icon: "building", word: "场所", page: "pages/staff/venues" },
          { icon: "pin", word: "上门任务", page: "pages/visit/mine" },
        ] },
        { rows: found.items.map(rowOf), empty: "没有待办" },
      ],
    };
  },
  async more(_, cursor, { tab }) {
    const found = await list(tab || "all", cursor);
    return { rows: found.items.map(rowOf), cursor: found.next_cursor };
  },
});
