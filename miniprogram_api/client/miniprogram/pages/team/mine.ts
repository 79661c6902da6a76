import { call } from "../../api/call";
import { definePage, go } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";

definePage({
  async load() {
    const teams = await call("list_my_teams");
    return {
      title: "我的团队",
      note: "团队可以一起认领心愿、参加活动",
      sections: [{ rows: teams.map((team) => ({ id: team.id, icon: "people", title: team.name, note: `${team.size}人`, tag: team.is_led_by_me ? "队长" : "", tone: "amber", page: `pages/team/detail?id=${team.id}` })), empty: "您还没有加入团队" }],
      acts: [
        { word: "扫码加入", run: scanAnything },
        { word: "组建团队", main: true, operation: "create_team", fields: { name: { label: "团队名称" } }, then: (team: { id: string }) => go(`pages/team/detail?id=${team.id}`) },
      ],
    };
  },
});
