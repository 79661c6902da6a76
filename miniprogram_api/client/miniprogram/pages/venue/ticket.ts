import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { moment, word } from "../../kit/words";

const SOON_SECONDS = 10;

definePage({
  async load({ id }) {
    const path = { ticket_id: id! };
    const [one, offered] = await Promise.all([call("get_ticket", { path }), call("list_ticket_actions", { path })]);
    const waits = one.state === "waiting" || one.state === "called";
    return {
      title: one.service_name,
      tag: word("TicketState", one.state),
      tone: one.state === "called" ? "red" : waits ? "amber" : "grey",
      note: one.venue_name,
      again: waits ? SOON_SECONDS : undefined,
      sections: [{ big: `${one.number}号` }, { facts: [["前面还有", one.ahead === null ? null : `${one.ahead}人`], ["请到", one.counter], ["叫号时间", moment(one.called_at)]] }],
      acts: actsOf(offered, { leave: { word: "不排了", danger: true, operation: "leave_queue", path, ask: "放弃后要重新取号。" } }),
    };
  },
});
