import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";
import type { Row } from "../../kit/view";
import { deadline, joined, moment, word } from "../../kit/words";

/** The page on which each kind of waiting thing is decided. */
const PAGES: Record<string, string> = {
  check_in: "check-in", unit_check_in: "unit-check-in", post_holding: "posts", roster_link: "roster-links", transfer: "member",
  report_to_assess: "report", report_correction: "report", report_to_release: "report",
  booking_request: "booking", visit_to_assign: "booking", complaint: "complaint",
  activity_review: "activity", shift_to_confirm: "shift", hours: "hours", no_show_appeal: "no-show-appeals",
  wish_review: "wish", wish_dispute: "wish", wish_to_confirm: "wish", wish_unclaimed: "wish",
  case_to_file: "case", case_to_dispatch: "case", case_to_check: "case", case_delay: "case", case_to_handle: "case", case_of_office: "case", case_of_unit: "case",
};
/** One icon a matter, by what its kind begins with. */
const ICONS: [RegExp, string][] = [[/case/, "pin"], [/wish/, "heart"], [/booking|visit/, "calendar"], [/complaint/, "chat"], [/report/, "file"], [/hours|no_show/, "clock"], [/activity|shift/, "flag"], [/unit/, "building"], [/check_in|roster|transfer/, "person"]];
/** The server counts no further than a thousand of a kind. */
const counted = (number: number) => (number < 1000 ? number : "999+");
const list = (kind: string, cursor?: string) => call("list_desk", { query: { kind: kind === "all" ? undefined : kind, cursor } as never });
const rowOf = (one: Awaited<ReturnType<typeof list>>["items"][0]): Row => ({
  id: one.kind + one.id,
  icon: ICONS.find(([kinds]) => kinds.test(one.kind))?.[1] ?? "desk",
  title: one.title || one.words,
  tag: one.overdue ? "已逾期" : "",
  tone: "red",
  note: joined(one.title && one.words, one.organization_name, !PAGES[one.kind] && "在电脑的工作台办理"),
  side: one.due ? `${deadline(one.due)}前办` : `${moment(one.since)}收到`,
  page: PAGES[one.kind] ? `pages/staff/${PAGES[one.kind]}?id=${one.id}` : undefined,
});

/** What an office looks after, whether or not something waits there. */
const OFFICE = [
  { icon: "desk", word: "党员岗位", page: "pages/staff/posts" },
  { icon: "file", word: "半年反馈", page: "pages/staff/reports" },
  { icon: "clock", word: "服务时长", page: "pages/staff/hours" },
  { icon: "card", word: "名册核对", page: "pages/staff/roster-links" },
];

definePage({
  async load(_, { tab }) {
    const [desk, me] = await Promise.all([call("get_desk"), call("get_me")]);
    const found = await list(tab || "all");
    return {
      hero: true,
      title: desk.count ? `${counted(desk.count)} 件待办` : "都处理完了",
      note: joined(...me.roles.map((role) => `${role.organization_name}${word("RoleKind", role.kind)}`), desk.overdue > 0 && `${counted(desk.overdue)} 件已逾期`),
      tabs: desk.items.length ? [{ value: "all", word: "全部" }, ...desk.items.map((one) => ({ value: one.kind, word: `${one.words} ${counted(one.count)}` }))] : [],
      cursor: found.next_cursor,
      sections: [
        { tiles: [
          { icon: "scan", word: "扫一扫", act: { word: "扫码", run: scanAnything } },
          { icon: "flag", word: "带队活动", page: "pages/staff/activities" },
          { icon: "building", word: "场所", page: "pages/staff/venues" },
          { icon: "pin", word: "上门任务", page: "pages/visit/mine" },
          ...(me.roles.some((role) => role.kind === "staff" || role.kind === "manager") ? OFFICE : []),
        ] },
        { rows: found.items.map(rowOf), empty: "现在没有待办。\n有新的事，会发站内信和微信消息给您。" },
      ],
    };
  },
  async more(_, cursor, { tab }) {
    const found = await list(tab || "all", cursor);
    return { rows: found.items.map(rowOf), cursor: found.next_cursor };
  },
});
