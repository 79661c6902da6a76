import { call } from "../../api/call";
import { actsOf } from "../../kit/acts";
import { definePage } from "../../kit/page";
import { rowOfBooking, rowOfRoomBooking } from "./shown";

definePage({
  async load({ id }) {
    const path = { series_id: id! };
    const [series, offered] = await Promise.all([call("get_series", { path }), call("list_series_actions", { path })]);
    return {
      title: `共${series.times}次`,
      note: series.every_weeks > 1 ? `每${series.every_weeks}周一次` : "每周一次",
      sections: [{ rows: [...series.bookings.map(rowOfBooking), ...series.room_bookings.map(rowOfRoomBooking)] }],
      acts: actsOf(offered, { cancel: { word: "取消全部余下的", danger: true, operation: "cancel_series", path, ask: "余下的预约都会取消。", done: "已取消" } }),
    };
  },
});
