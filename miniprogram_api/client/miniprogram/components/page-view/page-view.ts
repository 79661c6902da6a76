import { formOf, type Form } from "../../kit/forms";
import type { Section, View } from "../../kit/view";

type Event = WechatMiniprogram.TouchEvent & { detail: Record<string, any> };

/** Shows what a page has to show: a head, sections of each kind, what can be done, and what to do where there is nothing. */
Component({
  properties: { state: String, view: Object, problem: Object, large: Boolean, form: { type: Object, value: null as unknown as Form }, problems: Object, busy: String, tab: String, search: String },
  data: { forms: {} as Record<number, Form> },
  observers: {
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
