import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, joined, moment, word } from "../../kit/words";

/** A joint meeting, for those who are invited: answer, propose a topic, read what was resolved. */
definePage({
  async load({ id }) {
    const path = { meeting_id: id! };
    const one = await call("get_meeting", { path });
    const invited = one.state === "invited";
    return {
      title: one.title,
      tag: word("MeetingState", one.state),
      note: joined(one.organization_name, moment(one.starts_at)),
      sections: [
        { facts: [["地点", one.place], ["议题截止", moment(one.topics_until)], ["到会", `${one.attending}人，须有${one.quorum}人`], ["取消原因", one.reason]] },
        { title: "议程", rows: one.agenda.map((item) => ({ id: item.topic_id ?? item.resolution_id ?? "", title: item.resolution_id ? item.text : item.title, note: joined(item.resolution_id ? item.title : item.text, item.proposed_by, item.reason), tag: word("TopicState", item.state) })), empty: "还没有议题" },
        { title: "决议", rows: one.resolutions.map((item) => ({ id: item.id, title: item.text, note: joined(item.owner_name, `${day(item.due_on)}前办结`, item.result), tag: item.overdue ? "已超期" : word("ResolutionState", item.state) })), empty: "还没有决议" },
        one.minutes_versions[0] ? { title: "纪要", text: one.minutes_versions[0].text } : null,
      ],
      acts: invited
        ? [
            { word: "答复能否参加", main: true, operation: "answer_invitation", path, fields: { is_coming: { label: "能参加" }, reason: { label: "说明" } }, done: "已答复" },
            { word: "提出议题", operation: "propose_topic", path, fields: { title: { label: "议题" }, text: { label: "说明", kind: "long" } }, done: "已提出" },
          ]
        : [],
    };
  },
});
