import { call, type Answer } from "../../api/call";
import { hasSession, signIn } from "../../api/session";
import { arrive, definePage, go, toast } from "../../kit/page";

/** The newcomer's way: sign in, agree, choose a community, and on to where they wanted to go. */
definePage({
  async load({ to }, { kept, isFresh }) {
    if (isFresh || !kept.texts) kept.texts = await call("list_texts");
    const privacy = (kept.texts as Answer<"list_texts">).find((text) => text.kind === "privacy")!;
    const agreed = !!kept.agreed;
    const enter = async () => {
      if (!agreed) return toast("请先阅读并同意《" + privacy.title + "》");
      if (!hasSession()) await signIn();
      await call("give_consent", { body: { kind: "privacy", text_version: privacy.version } });
      const me = await call("get_me");
      if (!me.community && !me.roles.length) return wx.redirectTo({ url: `/pages/community/choose?to=${encodeURIComponent(to ?? "")}` });
      return arrive(to);
    };
    return {
      hero: true,
      title: "欢迎来到邻里",
      note: "用微信登录，不用另设密码",
      sections: [
        { chips: [{ word: agreed ? `☑ 我已阅读并同意《${privacy.title}》` : `☐ 我已阅读并同意《${privacy.title}》`, on: agreed, act: { word: "同意", keeps: { agreed: !agreed } } }] },
        { title: privacy.title, text: privacy.text },
      ],
      acts: [
        { word: "先看看", run: () => go("pages/home/index") },
        { word: "微信登录", main: true, run: enter },
      ],
    };
  },
});
