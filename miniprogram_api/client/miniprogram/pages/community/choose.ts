import { call } from "../../api/call";
import { arrive, definePage } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";
import type { Row } from "../../kit/view";
import { distance } from "../../kit/words";

/** By place, by name, or by the code on the community's wall; then the grid, for those who know it. */
definePage({
  async load({ to }, chosen) {
    const { kept } = chosen;
    const settle = async (grid_id?: string) => {
      await call("choose_community", { body: { community_id: kept.community.id, grid_id } });
      arrive(to);
    };
    if (kept.community) {
      const rows = (kept.grids as { id: string; name: string }[]).map((grid): Row => ({ id: grid.id, icon: "pin", title: grid.name, act: { word: grid.name, run: () => settle(grid.id) } }));
      return { title: kept.community.name, note: "选择您住的网格。不清楚的，可以先跳过，由社区补上。", sections: [{ rows }], acts: [{ word: "重新选择", keeps: { community: null } }, { word: "跳过", main: true, run: () => settle() }] };
    }
    const choose = async (community: { id: string; name: string }) => {
      kept.community = community;
      kept.grids = (await call("list_children", { path: { organization_id: community.id }, query: { level: "grid" } })).items;
      return kept.grids.length ? chosen.again() : settle();
    };
    const rowOf = (community: { id: string; name: string; full_name: string; meters?: number }): Row => ({
      id: community.id,
      icon: "home",
      title: community.name,
      note: community.full_name,
      side: distance(community.meters),
      act: { word: community.name, run: () => choose(community) },
    });
    const find = async () => {
      const here = await wx.getLocation({ type: "gcj02" });
      kept.near = (await call("find_nearest_communities", { query: { longitude: here.longitude, latitude: here.latitude } })).items;
      return chosen.again();
    };
    const found = chosen.search ? (await call("search_communities", { query: { name: chosen.search } })).items : ((kept.near ?? []) as Parameters<typeof rowOf>[0][]);
    return {
      title: "您住在哪个社区？",
      note: "选好后可以在“我的资料”中更换",
      search: "输入社区名称",
      sections: [
        { tiles: [{ icon: "pin", word: "离我最近", act: { word: "定位", run: find } }, { icon: "scan", word: "扫社区码", act: { word: "扫码", run: scanAnything } }] },
        { rows: found.map(rowOf), empty: chosen.search ? "没有找到这个社区，换个名称试试" : "点“离我最近”，或输入社区名称查找" },
      ],
    };
  },
});
