import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { drawPlan } from "../../kit/plan";
import { scanAnything } from "../../kit/scanning";
import { rowOfVenue } from "./shown";

const TABS = [["near", "附近"], ["all", "全部"], ["neighbor_center", "邻里中心"], ["service_center", "党群服务中心"], ["reading_room", "城市书房"]] as const;
const asked = (tab: string, search: string, cursor?: string) => call("list_venues", { query: { kind: (tab === "all" || tab === "near" ? undefined : tab) as never, search: search || undefined, cursor } });

/** Near me as a plan and a list; or by kind and name. */
definePage({
  async load(_, { tab, search, kept }) {
    const near = (tab || "near") === "near" && !search;
    if (near && kept.here === undefined) kept.here = await wx.getLocation({ type: "gcj02" }).catch(() => null);
    const here = near ? (kept.here as { longitude: number; latitude: number } | null) : null;
    const found = here ? await call("list_nearby_venues", { query: { longitude: here.longitude, latitude: here.latitude, meters: 5000 } }) : await asked(tab, search);
    return {
      search: "搜索服务场所",
      tabs: TABS.map(([value, word]) => ({ value, word })),
      cursor: here ? null : found.next_cursor,
      share: { title: "邻里中心：一刻钟里的服务" },
      sections: [
        { tiles: [
          { icon: "calendar", word: "我的预约", page: "pages/booking/mine" },
          { icon: "ticket", word: "我的排号", page: "pages/venue/tickets" },
          { icon: "chat", word: "我的投诉", page: "pages/venue/complaints" },
          { icon: "scan", word: "到场扫码", act: { word: "扫码", run: scanAnything } },
        ] },
        here && found.items.length > 0 && { plan: drawPlan(here, found.items.map((one) => one.location)) },
        { rows: found.items.map((one, index) => rowOfVenue(one, here ? index + 1 : 0)), empty: here ? "附近没有服务场所" : "没有找到服务场所" },
      ],
    };
  },
  async more(_, cursor, { tab, search }) {
    const found = await asked(tab, search, cursor);
    return { rows: found.items.map((one) => rowOfVenue(one)), cursor: found.next_cursor };
  },
});
