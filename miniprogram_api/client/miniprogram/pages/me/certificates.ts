import { go, listPage } from "../../kit/page";
import { day, joined, minutes } from "../../kit/words";

listPage(
  "list_my_certificates",
  (one) => ({ id: one.id, icon: "star", title: `${one.since} 至 ${one.until}`, tag: one.is_valid ? "有效" : "已失效", tone: one.is_valid ? "green" : "grey", note: joined(`${one.times}次`, minutes(one.minutes), one.issuer_name), side: `${day(one.issued_at)}开具，编号 ${one.number}`, page: `pages/me/certificate?id=${one.id}` }),
  {
    view: () => ({
      empty: "还没有开具过证明",
      acts: [{ word: "开具证明", main: true, operation: "issue_certificate", fields: { since: { label: "从哪天" }, until: { label: "到哪天" } }, then: (one: { id: string }) => go(`pages/me/certificate?id=${one.id}`) }],
    }),
  },
);
