import { call, type Answer } from "../../api/call";
import { definePage } from "../../kit/page";

/** What kind of thing it is comes first: then others who met the same are found. */
definePage({
  async load(_, chosen) {
    const { kept } = chosen;
    if (chosen.isFresh || !kept.categories) kept.categories = await call("list_case_categories");
    const categories = kept.categories as Answer<"list_case_categories">;
    const inside = (parent: string | null) => categories.filter((one) => one.parent_id === parent);
    const parent = kept.parent as string | undefined, category_id = kept.category as string | undefined;
    const place = async () => {
      const here = await wx.getLocation({ type: "gcj02" });
      const location = { longitude: here.longitude, latitude: here.latitude };
      Object.assign(kept, { location, near: await call("list_cases_nearby", { query: { category_id: category_id!, ...location } }) });
      return chosen.again();
    };
    const chips = (list: typeof categories, name: "parent" | "category") => list.map((one) => ({ word: one.name, on: kept[name] === one.id, act: { word: one.name, keeps: name === "parent" ? { parent: one.id, category: one.standard ? one.id : undefined } : { category: one.id } } }));
    const below = parent ? inside(parent) : [];
    return {
      title: "反映一件事",
      note: "路灯不亮、垃圾没清、楼道堵了，拍下来告诉网格",
      sections: [
        { title: "是什么事", chips: chips(inside(null), "parent") },
        below.length > 0 && { chips: chips(below, "category") },
        !!category_id && { title: "在哪里", text: kept.location ? "已记下您现在的位置" : "", acts: [{ word: kept.location ? "重新定位" : "用现在的位置", run: place }] },
        kept.near?.length > 0 && {
          title: "附近可能是同一件事",
          rows: (kept.near as { id: string; text: string; place: string; meters: number }[]).map((one) => ({ id: one.id, icon: "people", title: one.text, note: `${one.place} ${one.meters}米`, page: `pages/case/detail?id=${one.id}` })),
        },
        !!category_id && {
          form: {
            word: "提交",
            operation: "report_case",
            body: { category_id, ...(kept.location ? { location: kept.location } : {}) },
            fields: { text: { label: "说说情况" }, picture_ids: true, place: { label: "地点", hint: "哪栋楼、哪个路口" }, is_private: { label: "不公开" }, shares_contact: { label: "办理人可以联系我" } },
            moment: "case_reported",
            done: "已提交，网格会尽快受理",
            then: (one: { id: string }) => wx.redirectTo({ url: `/pages/case/detail?id=${one.id}` }),
          },
        },
      ],
    };
  },
});
