import { call, download } from "../../api/call";
import { definePage } from "../../kit/page";
import { day, minutes } from "../../kit/words";

definePage({
  async load({ id }, { kept }) {
    const path = { certificate_id: id! };
    const one = await call("get_certificate", { path });
    kept.picture ??= await download("draw_certificate", path).catch(() => "");
    const print = async () => wx.openDocument({ filePath: await download("print_certificate", path), fileType: "pdf", showMenu: true });
    return {
      title: "志愿服务证明",
      tag: one.is_valid ? "有效" : "已失效",
      tone: one.is_valid ? "green" : "grey",
      note: one.issuer_name,
      sections: [
        kept.picture && { drawing: kept.picture },
        { facts: [["时段", `${one.since} 至 ${one.until}`], ["次数", one.times], ["时长", minutes(one.minutes)], ["编号", one.number], ["核验码", one.code], ["开具", day(one.issued_at)]] },
        { rows: one.periods.map((period) => ({ id: period.label, icon: "calendar", title: period.label, note: `${period.times}次 · ${minutes(period.minutes)}` })) },
      ],
      acts: [{ word: "打印 PDF", run: print }, ...(kept.picture ? [{ word: "保存图片", main: true, run: () => wx.saveImageToPhotosAlbum({ filePath: kept.picture }) }] : [])],
    };
  },
});
