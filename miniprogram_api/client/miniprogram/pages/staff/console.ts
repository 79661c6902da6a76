import { call } from "../../api/call";
import { arrive, definePage } from "../../kit/page";
import { moment } from "../../kit/words";

/** The computer shows a code and a number of two digits: whoever types the number stands before it. */
definePage({
  async load({ code }) {
    const asked = await call("view_console_sign_in", { body: { code: code! } });
    return {
      title: "登录电脑上的工作台",
      note: "请确认是您本人在操作",
      sections: [
        { facts: [["浏览器", asked.browser], ["地址", asked.address], ["时间", moment(asked.asked_at)]] },
        { form: { word: "同意登录", operation: "approve_console_sign_in", body: { code }, fields: { number: { label: "电脑屏幕上的两位数字", required: true } }, done: "已登录工作台", then: () => arrive("pages/staff/today") } },
      ],
      acts: [{ word: "不是我，拒绝登录", danger: true, operation: "refuse_console_sign_in", body: { code }, done: "已拒绝", then: () => arrive("") }],
    };
  },
});
