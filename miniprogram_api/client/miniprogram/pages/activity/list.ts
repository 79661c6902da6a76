import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { rowOfActivity } from "./shown";

const TABS = [["all", "近期"], ["near", "附近"], ["volunteer", "志愿服务"], ["party_day", "主题党日"], ["lecture", "大课堂"], ["community_event", "社区活动"]] as const;
const asked = (tab: string, search: string, cursor?: string) => call("list_activities", { query: { kind: (tab === "all" ? undefined : tab) as never, search: search || undefined, cursor } });

definePage({
  async load(_, { tab, search, kept }) {
    const near = tab === "near";
    if (near) kept.here ??= await wx.getLocation({ type: "gcj02" }).catch(() => null);
    const found = near
      ? kept.here ? await call("list_nearby_activities", { query: { longitude: kept.here.longitude, latitude: kept.here.latitude } }) : { items: [] }
      : await asked(tab || "all", search);
    return {
      search: near ? "" : "搜索活动",
      tabs: TABS.map(([value, word]) => ({ value, word })),
      cursor: "next_cursor" in found ? (found.next_cursor as string | null) : null,
      share: { title: "邻里活动：一起来做点好事" },
      sections: [
        { tiles: [
          { icon: "calendar", word: "我的报名", page: "pages/activity/mine" },
          { icon: "clock", word: "服务时长", page: "pages/me/service-record" },
          { icon: "star", word: "服务证明", page: "pages/me/certificates" },
          { icon: "news", word: "活动回顾", page: "pages/activity/past" },
        ] },
        { rows: found.items.map(rowOfActivity), empty: near && !kept.here ? "允许使用位置后，可以看到附近的活动" : "没有可以报名的活动" },
      ],
    };
  },
  async more(_, cursor, { tab, search }) {
    const found = await asked(tab || "all", search, cursor);
    return { rows: found.items.map(rowOfActivity), cursor: found.next_cursor };
  },
});
