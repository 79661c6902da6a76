import { call } from "../../api/call";
import { definePage } from "../../kit/page";

const clockOf = (minute: number | null) => (minute === null ? "" : `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`);

definePage({
  async load() {
    const [wanted, accepts] = await Promise.all([call("get_preferences"), call("list_accepts")]);
    const muted = wanted.topics.filter((topic) => !topic.wanted).map((topic) => topic.topic);
    const now = { version: wanted.version, muted, quiet_from: wanted.quiet_from, quiet_until: wanted.quiet_until };
    const quiet = wanted.quiet_from !== null;
    return {
      title: "发送到微信的消息",
      note: "关闭只是不推送到微信，站内信照常保留；紧急消息照常推送。",
      sections: [
        {
          chips: wanted.topics.map(({ topic, title, wanted: on }) => ({
            word: (on ? "✓ " : "") + title,
            on,
            act: { word: title, operation: "set_preferences" as const, body: { ...now, muted: on ? [...muted, topic] : muted.filter((one) => one !== topic) } },
          })),
        },
        {
          title: "免打扰",
          text: quiet ? `每天 ${clockOf(wanted.quiet_from)} 至 ${clockOf(wanted.quiet_until)} 不推送` : "没有设置免打扰时段",
          acts: [{ word: quiet ? "取消免打扰" : "晚 10 点到早 7 点免打扰", operation: "set_preferences", body: { ...now, quiet_from: quiet ? null : 22 * 60, quiet_until: quiet ? null : 7 * 60 } }],
        },
        { title: "还能发到微信的条数", text: "微信规定：您点一次“允许”，只能发一条。用完了不要紧，消息都在站内信里。", rows: accepts.items.map((one) => ({ id: one.template_id, icon: "bell", title: one.title, tag: `${one.accepts} 条` })), empty: "办理业务时，您可以允许发送下一条微信消息" },
      ],
    };
  },
});
