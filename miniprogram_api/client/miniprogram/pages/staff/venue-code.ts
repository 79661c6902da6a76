import { call } from "../../api/call";
import { definePage } from "../../kit/page";

const SECONDS = 15;

definePage({
  async load({ id }) {
    const code = await call("show_venue_code", { path: { venue_id: id! } });
    return { title: "到场码", note: "预约的人用邻里扫一扫，登记到场；来窗口办事的，取得号码。", sections: [{ code: { picture: code.picture, note: "二维码自动更换" } }], again: SECONDS };
  },
});
