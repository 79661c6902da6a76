import { call } from "../../api/call";
import { definePage } from "../../kit/page";
import { rowOfBooking, rowOfRoomBooking } from "./shown";

const slots = (when: string, cursor?: string) => call("list_my_bookings", { query: { when: when as never, cursor } });
const rooms = (when: string) => call("list_my_room_bookings", { query: { when: when as never } });

definePage({
  async load(_, { tab }) {
    const when = tab || "coming";
    const [found, halls] = await Promise.all([slots(when), rooms(when)]);
    return {
      tabs: [{ value: "coming", word: "接下来" }, { value: "past", word: "过去的" }],
      cursor: found.next_cursor,
      sections: [halls.items.length > 0 && { title: "活动室", rows: halls.items.map(rowOfRoomBooking) }, { title: halls.items.length ? "服务" : "", rows: found.items.map(rowOfBooking), empty: halls.items.length ? "" : "没有预约" }],
      acts: [{ word: "去邻里中心看看", main: true, page: "pages/venue/list" }],
    };
  },
  async more(_, cursor, { tab }) {
    const found = await slots(tab || "coming", cursor);
    return { rows: found.items.map(rowOfBooking), cursor: found.next_cursor };
  },
});
