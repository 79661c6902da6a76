import { call } from "../../api/call";
import { arrive, definePage } from "../../kit/page";
import type { Act } from "../../kit/view";
import { day } from "../../kit/words";

definePage({
  shared: ({ code, id }) => (code ? call("show_shared_team", { query: { code } }) : Promise.reject(id)),
  async load({ id, code }) {
    if (code) {
      const card = await call("show_shared_team", { query: { code } });
      return {
        title: card.title,
        note: card.organization_name,
        sections: [card.advice && { text: card.advice }],
        acts: [{ word: "加入团队", main: true, barred: card.why ? card.advice : undefined, operation: "join_team", body: { code }, done: "已加入", then: (team: { id: string }) => arrive(`pages/team/detail?id=${team.id}`) }],
      };
    }
    const path = { team_id: id! };
    const team = await call("get_team", { path });
    const shown = team.is_led_by_me ? await call("show_team_code", { path }) : null;
    const away = () => arrive("pages/team/mine");
    const leading: Act[] = [
      { word: "修改名称", operation: "rename_team", path, body: { version: team.version }, fields: { name: { label: "团队名称" } }, values: { name: team.own_name } },
      { word: "解散团队", danger: true, operation: "end_team", path, ask: "解散后不能恢复。", then: away },
    ];
    return {
      title: team.name,
      note: `${team.size}人`,
      sections: [
        shown && { code: { picture: shown.picture, note: "请对方扫码加入团队" } },
        {
          title: "成员",
          rows: team.members.map((one) => ({
            id: one.person_id,
            icon: "person",
            title: one.nickname,
            tag: one.is_leader ? "队长" : "",
            tone: "amber" as const,
            note: `${day(one.joined_at)}加入`,
            acts: team.is_led_by_me && !one.is_leader ? [{ word: "移出", danger: true, operation: "remove_from_team" as const, path: { ...path, person_id: one.person_id }, ask: `把${one.nickname}移出团队？` }] : [],
          })),
        },
      ],
      acts: team.is_led_by_me ? leading : [{ word: "退出团队", danger: true, operation: "leave_team", path, ask: "确定退出吗？", then: away }],
    };
  },
});
