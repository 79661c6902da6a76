import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import type { Act } from "../../kit/view";

const COUNTER = "counter";

/** One counter's numbers: the next one, again, done or missed. */
definePage({
  async load({ service }, chosen) {
    const path = { service_id: service! }, counter = (wx.getStorageSync(COUNTER) as string) || "1号窗口";
    const one = await call("get_service", { path });
    const called = chosen.kept.called as { id: string; number: number; waiting: number } | undefined;
    const keep = (ticket: unknown) => ((chosen.kept.called = ticket), chosen.again());
    const rename = async () => {
      const names = ["1号窗口", "2号窗口", "3号窗口", "4号窗口"];
      const { tapIndex } = await wx.showActionSheet({ itemList: names });
      wx.setStorageSync(COUNTER, names[tapIndex]);
      return chosen.again();
    };
    const finish = (word: string, missed: boolean): Act => ({ word, danger: missed, operation: "finish_ticket", path: { ticket_id: called!.id }, body: { missed }, fields: {}, then: () => keep(undefined) });
    return {
      title: one.name,
      note: counter,
      sections: [
        called ? { big: `${called.number}号` } : { empty: "点“叫下一个”，请下一位居民到窗口" },
        called ? { facts: [["还有", `${called.waiting}人等待`]], acts: [{ word: "再叫一次", operation: "call_again", path: { ticket_id: called.id } }, finish("过号", true), { ...finish("办结", false), main: true }] } : null,
      ],
      acts: [{ word: "换窗口", run: rename }, { word: "叫下一个", main: true, operation: "call_next", path, body: { counter }, fields: {}, then: keep }],
    };
  },
});
