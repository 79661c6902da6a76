import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { joined, moment, word } from "../../kit/words";

definePage({
  async load({ id }) {
    const path = { complaint_id: id! };
    const one = await call("show_complaint_to_staff", { path });
    return {
      title: joined(one.venue_name, one.service_name),
      tag: word("ComplaintState", one.state),
      tone: one.state === "open" ? "amber" : "green",
      note: joined(one.name, one.phone, moment(one.created_at)),
      sections: [{ title: "居民说的", text: one.text }, one.answer ? { title: "答复", text: one.answer, facts: [["答复人", one.answer_by], ["属实", one.is_upheld ? "是" : "否"]] } : null],
      acts: one.state === "open" ? [{ word: "答复", main: true, operation: "answer_complaint", path, fields: { answer: { label: "答复（居民可见）" }, is_upheld: { label: "情况属实" } }, done: "已答复" }] : [],
    };
  },
});
