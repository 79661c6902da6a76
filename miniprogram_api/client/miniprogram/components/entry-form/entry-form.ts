import { call, upload, type Name } from "../../api/call";
import { Problem } from "../../api/problem";
import type { Form, Values } from "../../kit/forms";

type Event = WechatMiniprogram.TouchEvent & { detail: { value: string } };
let asked = 0;

/** A form of an operation's fields, on a sheet or within a page. What was filled in stays when it is refused. */
Component({
  properties: { form: { type: Object, value: null as unknown as Form }, problems: Object, busy: String, sheet: Boolean },
  data: { values: {} as Values, days: {} as Values, times: {} as Values, found: {} as Values, uploading: false, title: "", on: {} as Record<string, boolean> },
  observers: {
    form(form: Form | null) {
      // The same form again (the page was read anew) keeps what was typed.
      if (!form || (form.title === this.data.title && Object.keys(this.data.values).join() === Object.keys(form.values).join())) return;
      const moments = form.fields.filter((field) => field.kind === "moment");
      this.setData({
        values: form.values,
        title: form.title,
        found: {},
        on: Object.fromEntries(form.fields.filter((field) => field.kind === "many").flatMap(({ name }) => (form.values[name] as string[]).map((value) => [name + value, true]))),
        days: Object.fromEntries(moments.map(({ name }) => [name, String(form.values[name]).slice(0, 10)])),
        times: Object.fromEntries(moments.map(({ name }) => [name, String(form.values[name]).slice(11, 16)])),
      });
    },
  },
  methods: {
    set(name: string, value: unknown) {
      this.setData({ values: { ...this.data.values, [name]: value } });
      this.triggerEvent("typed", { values: this.data.values });
    },
    type(event: Event) {
      this.set(event.currentTarget.dataset.name, event.detail.value);
    },
    choose(event: Event) {
      const { name, value } = event.currentTarget.dataset;
      this.set(name, this.data.values[name] === value && typeof value === "string" ? "" : value);
    },
    /** One of several: on or off. */
    pick(event: Event) {
      const { name, value } = event.currentTarget.dataset, now = this.data.values[name] as string[];
      this.setData({ on: { ...this.data.on, [name + value]: !now.includes(value) } });
      this.set(name, now.includes(value) ? now.filter((one) => one !== value) : [...now, value]);
    },
    setDay(event: Event) {
      this.setPart("days", event);
    },
    setTime(event: Event) {
      this.setPart("times", event);
    },
    setPart(part: "days" | "times", event: Event) {
      const { name } = event.currentTarget.dataset;
      this.setData({ [part]: { ...this.data[part], [name]: event.detail.value } });
      const { days, times } = this.data;
      this.set(name, days[name] && times[name] ? `${days[name]} ${times[name]}` : "");
    },
    async look(event: Event) {
      const { name, find } = event.currentTarget.dataset, typed = event.detail.value.trim(), turn = ++asked;
      if (typed.length < 2) return this.setData({ found: {} });
      const answer = (await call(find as Name, { query: { name: typed, limit: 6 } } as never).catch(() => ({ items: [] }))) as { items: unknown[] };
      if (turn === asked) this.setData({ found: { ...this.data.found, [name]: answer.items } });
    },
    async addPicture(event: Event) {
      const { name } = event.currentTarget.dataset;
      const chosen = await wx.chooseMedia({ count: 1, mediaType: ["image"], sizeType: ["compressed"] }).catch(() => null);
      if (!chosen?.tempFiles[0]) return;
      this.setData({ uploading: true });
      try {
        this.set(name, [...this.data.values[name], await upload(chosen.tempFiles[0].tempFilePath)]);
      } catch (error) {
        wx.showToast({ title: error instanceof Problem ? error.words : "照片没有传上去，请重试", icon: "none" });
      } finally {
        this.setData({ uploading: false });
      }
    },
    dropPicture(event: Event) {
      const { name, id } = event.currentTarget.dataset;
      this.set(name, this.data.values[name].filter((picture: { id: string }) => picture.id !== id));
    },
    close() {
      this.setData({ title: "" });
      this.triggerEvent("close");
    },
    send() {
      if (!this.data.busy) this.triggerEvent("send", { values: this.data.values, id: (this.data.form as Form & { id?: string }).id });
    },
  },
});
