import { call, download } from "../../api/call";
import { forget, hasSession } from "../../api/session";
import { arrive, definePage } from "../../kit/page";
import type { Section } from "../../kit/view";
import { day, word } from "../../kit/words";

type Kind = "privacy";

/** Each text with what was agreed; those that are due come first. */
definePage({
  async load({ to, kind }, chosen) {
    const texts = await call("list_texts");
    if (!hasSession()) return { title: "条款与隐私", sections: texts.map((text) => ({ title: text.title, text: text.text })) };
    const [given, me] = await Promise.all([call("list_consents"), call("get_me")]);
    const back = async () => (to ? arrive(to) : chosen.again());
    const sectionOf = (text: (typeof texts)[0]): Section => {
      const mine = given.find((one) => one.kind === text.kind && one.is_current);
      const withdraw = async () => {
        const leaving = await call("preview_withdrawal", { path: { kind: text.kind } });
        const matters = leaving.matters.map((matter) => `${word("MatterKind", matter.kind)}：${matter.title}`).join("\n");
        const { confirm } = await wx.showModal({ title: `撤回《${text.title}》`, content: [leaving.follows, matters].filter(Boolean).join("\n"), confirmText: "撤回", confirmColor: "#b3241f" });
        if (confirm) await call("withdraw_consent", { path: { kind: text.kind } });
        return chosen.again();
      };
      return {
        title: text.title,
        text: text.text,
        acts: mine
          ? [{ word: "撤回同意", danger: true, run: withdraw }]
          : [{ word: "阅读并同意", main: true, operation: "give_consent", body: { kind: text.kind as Kind, text_version: text.version }, done: "已同意", then: back }],
        facts: mine ? [["已同意", day(mine.given_at)]] : [],
      };
    };
    const isDue = (text: { kind: string }) => (me.consents_due as string[]).includes(text.kind) || text.kind === kind;
    const cancel = async () => {
      const leaving = await call("preview_cancellation");
      const matters = leaving.matters.map((matter) => `${word("MatterKind", matter.kind)}：${matter.title}`).join("\n");
      const { confirm } = await wx.showModal({ title: "注销账号", content: [leaving.follows, matters].filter(Boolean).join("\n"), confirmText: "注销", confirmColor: "#b3241f" });
      if (!confirm) return;
      await call("cancel_account");
      forget();
      arrive("");
    };
    const copy = async () => wx.openDocument({ filePath: await download("copy_personal_data", undefined), fileType: "xlsx", showMenu: true });
    return {
      title: "条款与隐私",
      note: "每一项都可以随时撤回",
      sections: [
        ...(kind ? texts.filter(isDue) : [...texts].sort((one, other) => Number(isDue(other)) - Number(isDue(one)))).map(sectionOf),
        !kind && { title: "我的个人信息", acts: [{ word: "下载个人信息副本", run: copy }, { word: "注销账号", danger: true, run: cancel }] },
      ],
    };
  },
});
