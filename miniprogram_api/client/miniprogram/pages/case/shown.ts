import type { Answer } from "../../api/call";
import type { Row, Tone, View } from "../../kit/view";
import { deadline, joined, moment, word } from "../../kit/words";

type Case = Answer<"get_case">;
type Card = Answer<"list_my_cases">["items"][0];

/** How a state of a case looks. */
export const CASE_TONES: Record<string, Tone> = { checked: "green", closed: "green", refused: "red", suspended: "amber", handling: "amber", reported: "amber", filed: "amber", dispatched: "amber", answered: "amber" };

export const rowOfCase = (one: Card): Row => ({
  id: one.id,
  icon: "pin",
  picture: one.thumbnail_url,
  title: one.text,
  tag: word("CaseState", one.state),
  tone: CASE_TONES[one.state],
  note: joined(one.category_name, one.place, one.followers > 0 && `${one.followers}人也遇到`),
  side: moment(one.reported_at),
  page: `pages/case/detail?id=${one.id}`,
});

/** A case with every step of its way. */
export function showCase(one: Case): View {
  return {
    title: one.category_name,
    tag: word("CaseState", one.state),
    tone: CASE_TONES[one.state],
    note: joined(one.place, one.community_name, moment(one.reported_at)),
    share: { title: one.text },
    sections: [
      { text: one.text, pictures: one.pictures },
      { facts: [["办理", one.holder_name], ["责任单位", one.responsible_name], ["答复期限", one.outcome ? null : deadline(one.answer_due_at)], ["挂账到", moment(one.resume_at)], ["也遇到的", one.followers ? `${one.followers}人` : null]] },
      one.answer ? { title: word("CaseOutcome", one.outcome) || "答复", text: one.answer, pictures: one.answer_pictures } : null,
      one.rating ? { title: "评价", rows: [{ id: "rating", icon: "star", title: "★".repeat(one.rating.stars) + "☆".repeat(5 - one.rating.stars), note: one.rating.text }] } : null,
      { title: "办理经过", rows: one.steps.map((step, index) => ({ id: String(index), icon: "check", title: word("CaseAction", step.action), note: joined(step.organization_name, step.words), side: moment(step.at), picture: step.pictures[0]?.thumbnail_url })), empty: "刚刚提交" },
    ],
  };
}
