import { call } from "../../api/call";
import { definePage } from "../../kit/page";

const SECONDS = 15;

definePage({
  async load({ id, direction }) {
    const code = await call("show_shift_code", { path: { shift_id: id! }, query: { direction: (direction ?? "in") as "in" } });
    return { title: direction === "out" ? "签退码" : "签到码", note: "请到场的人用邻里扫一扫。二维码自动更换，截图无效。", sections: [{ code: { picture: code.picture, note: direction === "out" ? "扫码签退" : "扫码签到" } }], again: SECONDS };
  },
});
