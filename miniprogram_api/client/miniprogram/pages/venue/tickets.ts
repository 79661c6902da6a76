import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, word } from "../../kit/words";

definePage({
  async load() {
    const found = await call("list_my_tickets");
    return { title: "今天的号", sections: [{ rows: found.map((one) => ({ id: one.id, icon: "ticket", title: `${one.number}号 ${one.service_name}`, tag: word("TicketState", one.state), tone: one.state === "called" ? ("red" as const) : undefined, note: joined(one.venue_name, one.ahead !== null && `前面${one.ahead}人`), page: `pages/venue/ticket?id=${one.id}` })), empty: "今天没有取号。\n到了邻里中心，在窗口页面取号，或扫到场码。" }], acts: [{ word: "去邻里中心看看", main: true, page: "pages/venue/list" }] };
  },
});
