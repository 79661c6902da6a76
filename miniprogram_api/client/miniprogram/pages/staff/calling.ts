import { call } from "../../api/call";
import { definePage, toast } from "../../kit/page";
import type { Act } from "../../kit/view";

const COUNTER = "counter";
const SECONDS = 15;
type Called = { id: string; number: number };

/** One counter's numbers: the next one, again, done or missed. Whom it serves is known when the page is opened again. */
definePage({
  async load({ service }, chosen) {
    const path = { service_id: service! }, counter = (wx.getStorageSync(COUNTER) as string) || "1号窗口", place = `called ${service} ${counter}`;
    const one = await call("get_service", { path });
    const queue = (await call("list_queues", { path: { venue_id: one.venue_id } })).find((each) => each.service_id === service);
    const called = await stillCalled(wx.getStorageSync(place) as Called | "");
    const keep = (ticket?: Called) => {
      if (ticket) wx.setStorageSync(place, { id: ticket.id, number: ticket.number });
      else wx.removeStorageSync(place);
      return chosen.again();
    };
    const rename = async () => {
      const names = ["1号窗口", "2号窗口", "3号窗口", "4号窗口"];
      const { tapIndex } = await wx.showActionSheet({ itemList: names });
      wx.setStorageSync(COUNTER, names[tapIndex]);
      return chosen.again();
    };
    const finish = (word: string, missed: boolean): Act => ({ word, danger: missed, operation: "finish_ticket", path: { ticket_id: called!.id }, body: { missed }, fields: {}, then: () => keep() });
    const others = queue?.serving.filter((each) => each.counter !== counter) ?? [];
    return {
      title: one.name,
      note: counter,
      again: SECONDS,
      sections: [
        called
          ? { big: `${called.number}号`, acts: [{ word: "再叫一次", operation: "call_again", path: { ticket_id: called.id }, done: "已再次叫号" }, finish("过号", true), { ...finish("办结", false), main: true }] }
          : { empty: "点“叫下一个”，请下一位居民到窗口" },
        { facts: [["等待", `${queue?.waiting ?? 0}人`], ...others.map((each): [string, string] => [each.counter, `正在办理${each.number}号`])] },
      ],
      acts: [
        { word: "换窗口", run: rename },
        { word: "代取号", operation: "give_ticket", path, then: (ticket: { number: number }) => (toast(`${ticket.number}号，请告诉居民`), chosen.again()) },
        { word: "叫下一个", main: true, operation: "call_next", path, body: { counter }, fields: {}, then: keep },
      ],
    };
  },
});

/** The number in hand, unless it was finished elsewhere or its day is over. */
async function stillCalled(ticket: Called | ""): Promise<Called | null> {
  if (!ticket) return null;
  const offered = await call("list_ticket_actions_of_staff", { path: { ticket_id: ticket.id } }).catch(() => []);
  return offered.some(({ action, ok }) => action === "finish" && ok) ? ticket : null;
}
