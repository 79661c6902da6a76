import { call } from "../../api/call";
import { definePage } from "../../kit/page";

definePage({
  async load({ id }) {
    const code = await call("show_hand_over_code", { path: { wish_id: id! } });
    return { title: "请认领人扫码", note: "东西收到、事情办好后再出示。扫码即表示已当面完成。", sections: [{ code: { picture: code.picture, note: "二维码会自动更新" } }], again: 30 };
  },
});
