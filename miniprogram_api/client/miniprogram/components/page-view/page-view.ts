import { formOf, type Form } from "../../kit/forms";
import type { Section, View } from "../../kit/view";

type Problem = { icon: string; words: string; way: object | null; again: boolean };
type Event = WechatMiniprogram.TouchEvent & { detail: Record<string, any> };

/** What somebody can do next, where the server has no words of its own for it. */
function adviceOn({ icon, words, way, again }: Problem): string {
  if (words) return words;
  if (way) return "办好以后，会回到这一页";
  if (icon === "search") return "可能已经结束或撤下，也可能链接不完整";
  return again ? "请稍后再试；一直这样的话，请联系所在社区" : "需要办理的话，请联系所在社区";
}

/** Shows what a page has to show: a head, sections of each kind, what can be done, and what to do where there is nothing. */
Component({
  properties: { state: String, view: Object, problem: Object, large: Boolean, form: { type: Object, value: null as unknown as Form }, problems: Object, busy: String, tab: String, search: String },
  data: { forms: {} as Record<number, Form>, advice: "" },
  observers: {
    problem(problem: Problem | null) {
      this.setData({ advice: problem ? adviceOn(problem) : "" });
    },
    view(view: View | null) {
      const forms: Record<number, Form> = {};
      view?.sections?.forEach((section, index) => {
        const act = (section as Section)?.form;
        if (act) forms[index] = { ...formOf(act)!, id: act.id } as Form;
      });
      this.setData({ forms });
    },
  },
  methods: {
    open(event: Event) {
      this.triggerEvent("open", { page: event.currentTarget.dataset.page });
    },
    /** A row, tile or chip: to its page, or what it does. */
    touch(event: Event) {
      const { page, id } = event.currentTarget.dataset;
      if (page) this.triggerEvent("open", { page });
      else if (id) this.triggerEvent("act", { id });
    },
    act(event: Event) {
      this.triggerEvent("act", event.detail);
    },
    goOn() {
      this.triggerEvent("goon");
    },
    again() {
      this.triggerEvent("again");
    },
    choose(event: Event) {
      this.triggerEvent("choose", { tab: event.currentTarget.dataset.tab });
    },
    find(event: Event) {
      if (event.detail.value !== this.data.search) this.triggerEvent("choose", { search: event.detail.value });
    },
    send(event: Event) {
      this.triggerEvent("send", event.detail);
    },
    close() {
      this.triggerEvent("close");
    },
    preview(event: Event) {
      const { section, url } = event.currentTarget.dataset as { section: Section; url: string };
      void wx.previewImage({ current: url, urls: section.pictures!.map((picture) => picture.url) });
    },
  },
});
