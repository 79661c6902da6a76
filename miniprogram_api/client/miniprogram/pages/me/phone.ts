import { call } from "../../api/call";
import { Problem } from "../../api/problem";
import { toast } from "../../kit/page";

Page({
  async give(event: { detail: { code?: string } }) {
    if (!event.detail.code) return;
    try {
      await call("give_phone", { body: { code: event.detail.code } });
      toast("已绑定");
      wx.navigateBack();
    } catch (error) {
      toast(error instanceof Problem ? error.words : "没有成功，请重试");
    }
  },
});
