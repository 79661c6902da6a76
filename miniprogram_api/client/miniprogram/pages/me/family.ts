import { call } from "../../api/call";
import { arrive, definePage } from "../../kit/page";
import { scanAnything } from "../../kit/scanning";
import type { Act } from "../../kit/view";
import { day, joined, word } from "../../kit/words";

const FIELDS: Act["fields"] = { real_name: { label: "姓名" }, relation: { label: "是您的" }, birth_date: true, phone: true, guardian_consents: { label: "我是监护人，同意由我代办", hint: "14 岁以下的孩子需要监护人同意" } };

definePage({
  shared: ({ code }) => (code ? call("show_shared_guardian", { query: { code } }) : Promise.reject(code)),
  async load({ code, of }) {
    if (code) {
      const card = await call("show_shared_guardian", { query: { code } });
      return { title: card.title, note: "同意后，这位家人可以代您报名和预约。随时可以取消。", sections: [card.advice && { text: card.advice }], acts: [{ word: "同意由其代办", main: true, operation: "accept_guardian", body: { code }, done: "已同意", then: () => arrive("pages/me/family") }] };
    }
    if (of) {
      const shown = await call("show_guardian_code", { path: { person_id: of } });
      return { title: "请家人扫码同意", sections: [{ code: { picture: shown.picture, note: "用家人的微信，在邻里中扫一扫" } }], again: 600 };
    }
    const [family, guardians] = await Promise.all([call("list_dependants"), call("list_guardians")]);
    return {
      title: "我的家人",
      note: "可以替家人报名、预约和许愿",
      sections: [
        {
          rows: family.map((one) => {
            const path = { person_id: one.person_id };
            return {
              id: one.person_id,
              icon: "people",
              title: one.name,
              tag: one.is_accepted ? "" : "待本人同意",
              tone: "amber" as const,
              note: joined(word("Relation", one.relation), day(one.birth_date), one.phone),
              acts: [
                ...(one.is_accepted ? [] : [{ word: "出示二维码", page: `pages/me/family?of=${one.person_id}` }]),
                { word: "更正", operation: "change_dependant" as const, path, body: { version: one.version }, fields: { real_name: FIELDS!.real_name, relation: FIELDS!.relation, birth_date: true as const, phone: true as const }, values: { relation: one.relation, birth_date: one.birth_date } },
                { word: "移除", danger: true, operation: "end_dependant" as const, path, ask: "不再代这位家人办事？" },
              ],
            };
          }),
          empty: "还没有添加家人",
        },
        guardians.length > 0 && {
          title: "代我办事的家人",
          rows: guardians.map((one) => ({ id: one.person_id, icon: "person", title: one.name || one.nickname, note: word("Relation", one.relation), acts: [{ word: "不再由其代办", danger: true, operation: "end_guardian" as const, path: { person_id: one.person_id } }] })),
        },
      ],
      acts: [{ word: "扫码同意", run: scanAnything }, { word: "添加家人", main: true, operation: "add_dependant", fields: FIELDS, done: "已添加" }],
    };
  },
});
