import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { day } from "../../kit/words";

definePage({
  async load({ id }) {
    const recap = await call("get_recap", { path: { activity_id: id! } });
    return { title: recap.title, note: day(recap.written_at), share: { title: recap.title, imageUrl: recap.pictures[0]?.url }, sections: [{ text: recap.text, pictures: recap.pictures }], acts: [{ word: "查看活动", page: `pages/activity/detail?id=${id}` }] };
  },
});
