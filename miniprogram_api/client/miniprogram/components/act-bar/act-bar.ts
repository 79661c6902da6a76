/** The buttons for what can be done. What cannot be done now is shown with its reason. */
Component({
  properties: { acts: Array, busy: String, compact: Boolean },
  data: { barred: [] as { word: string }[] },
  observers: {
    acts(acts: { word: string; barred?: string }[]) {
      this.setData({ barred: acts.filter((act) => act.barred) });
    },
  },
  methods: {
    tap(event: WechatMiniprogram.TouchEvent) {
      this.triggerEvent("act", { id: event.currentTarget.dataset.id });
    },
  },
});
