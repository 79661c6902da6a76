import { call, type Answer, type Name } from "../api/call";
import { followInbox } from "../api/live";
import { Problem } from "../api/problem";
import { bodyOf, formOf, type Values } from "./forms";
import type { Act, Row, View } from "./view";

/** What a person has chosen on a page. */
export interface Chosen {
  tab: string;
  search: string;
  /** Anything else that a page keeps. */
  kept: Record<string, any>;
  /** Whether to read again what the page keeps of the last time: not after a mere choice among it. */
  isFresh: boolean;
  /** Read the page anew. */
  again(): Promise<void>;
}

interface Definition {
  load(query: Record<string, string>, chosen: Chosen): Promise<View>;
  /** Rows after the cursor, for the last section. */
  more?(query: Record<string, string>, cursor: string, chosen: Chosen): Promise<{ rows: Row[]; cursor: string | null | undefined }>;
  /** What somebody sees who may not see the page yet, as the API's shared card tells it. */
  shared?(query: Record<string, string>): Promise<{ title: string; organization_name: string; why?: string | null; advice: string }>;
}

const INBOX_TAB = 4;
/** What stands in somebody's way, and the page that leads past it and back. */
const WAYS: Record<string, { word: string; page: string }> = {
  not_signed_in: { word: "登录", page: "/pages/welcome/welcome" },
  consent_needed: { word: "阅读条款", page: "/pages/me/consents" },
  community_needed: { word: "选择社区", page: "/pages/community/choose" },
  grid_needed: { word: "选择网格", page: "/pages/community/choose" },
};

/** Go to a page of the mini-program: a tab, or one more on the stack. */
export function go(url: string): void {
  const path = url.startsWith("/") ? url : "/" + url;
  const isTab = TABS.includes(path.split("?")[0]!.slice(1));
  if (isTab) wx.switchTab({ url: path });
  else if (getCurrentPages().length >= 9) wx.redirectTo({ url: path });
  else wx.navigateTo({ url: path });
}

export const TABS = ["pages/home/index", "pages/wish/wall", "pages/activity/list", "pages/venue/list", "pages/me/index"];

/** Back to where somebody wanted to go; home, where that is not known. */
export function arrive(to: string | undefined): void {
  const url = "/" + (to ? decodeURIComponent(to) : TABS[0]!).replace(/^\//, "");
  if (TABS.includes(url.split("?")[0]!.slice(1))) wx.switchTab({ url });
  else wx.redirectTo({ url });
}

/** The address of the page that is open. */
export function here(): string {
  const { route, query } = getCurrentPages().slice(-1)[0] as unknown as { route: string; query?: Record<string, string> };
  const search = writeQuery(query ?? {});
  return route + (search ? "?" + search : "");
}

export const toast = (title: string) => void wx.showToast({ title, icon: "none", duration: 2500 });
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** A page that shows what `load` gives, with all that every page has: loading, problems, forms, acts, lists that go on. */
export function definePage(definition: Definition): void {
  /** Acts are functions too, which a page's data cannot hold: there they are numbers. */
  const number = (view: View) => {
    const acts = new Map<string, Act>();
    const take = (act: Act | undefined) => act && acts.set((act.id = String(acts.size)), act);
    const takeRow = (row: Row) => [row.act, ...(row.acts ?? [])].forEach(take);
    view.acts?.forEach(take);
    for (const section of view.sections) {
      if (!section) continue;
      [...(section.acts ?? []), ...(section.chips ?? []).map((chip) => chip.act), ...(section.tiles ?? []).map((tile) => tile.act), section.form].forEach(take);
      section.rows?.forEach(takeRow);
    }
    return acts;
  };

  Page({
    data: { state: "loading", view: null as unknown, problem: null as unknown, large: false, form: null as unknown, problems: {} as Record<string, string>, busy: "", tab: "", search: "" },
    query: {} as Record<string, string>,
    shown: null as View | null,
    opened: null as Act | null,
    loaded: 0,
    kept: {} as Record<string, any>,
    acts: new Map<string, Act>(),
    templates: {} as Record<string, string[]>,
    timer: 0,
    unfollow: () => {},
    opening: Promise.resolve(),

    onLoad(query: Record<string, string>) {
      // The file runs once: every page that is open gets things of its own.
      Object.assign(this, { kept: {}, acts: new Map(), templates: {}, query });
      this.opening = this.readScene(query);
    },

    /** What a scanned code stands for, where it was one that opened the page. */
    async readScene(query: Record<string, string>) {
      const scene = query.scene ?? query.q;
      if (scene) {
        const target = await call("resolve_scene", { query: { scene: decodeURIComponent(scene) } }).catch(() => null);
        if (target) this.query = { ...query, ...readQuery(target.page) };
      }
    },

    onShow() {
      this.setData({ large: !!wx.getStorageSync("large") });
      this.unfollow = followInbox((unread) => {
        if (unread) wx.setTabBarBadge({ index: INBOX_TAB, text: unread > 99 ? "99+" : String(unread) }).catch(() => {});
        else wx.removeTabBarBadge({ index: INBOX_TAB }).catch(() => {});
      });
      return this.reload();
    },

    onHide() {
      clearTimeout(this.timer);
      this.unfollow();
    },
    onUnload() {
      this.loaded = -1;
      clearTimeout(this.timer);
      this.unfollow();
    },
    onPullDownRefresh() {
      return this.reload();
    },

    chosen(isFresh: boolean): Chosen {
      return { tab: this.data.tab, search: this.data.search, kept: this.kept, isFresh, again: () => this.reload() };
    },

    /** Read it anew. What is read last is what is shown, whatever answers last. */
    async reload(isFresh = true) {
      clearTimeout(this.timer);
      const turn = ++this.loaded;
      try {
        await this.opening;
        const view = await definition.load(this.query, this.chosen(isFresh));
        const acts = number(view);
        await this.findTemplates(acts);
        if (turn !== this.loaded) return;
        this.acts = acts;
        this.show(view);
        if (view.again) this.timer = setTimeout(() => void this.reload(), view.again * 1000) as unknown as number;
      } catch (error) {
        if (turn === this.loaded) await this.showProblem(error);
      } finally {
        wx.stopPullDownRefresh();
      }
    },

    show(view: View) {
      this.shown = view;
      this.setData({ state: "ready", view: plain({ ...view, sections: view.sections.filter(Boolean) }), tab: this.data.tab || view.tabs?.[0]?.value || "" });
    },

    async showProblem(error: unknown) {
      if (!(error instanceof Problem)) {
        console.error(error);
        error = new Problem("broken", "页面出了问题", "请稍后再试");
      }
      const problem = error as Problem;
      if (this.shown && problem.code === "offline") return toast(problem.title);
      const card = definition.shared ? await definition.shared(this.query).catch(() => null) : null;
      const way = WAYS[card?.why ?? problem.code];
      this.setData({
        state: "problem",
        problem: {
          icon: problem.code === "offline" ? "cloud" : way ? "door" : problem.status === 404 ? "search" : "shield",
          title: card?.title ?? problem.title,
          note: card?.organization_name ?? "",
          words: card?.advice || problem.detail,
          way: way ?? null,
          again: !way && problem.status !== 404 && problem.status !== 403,
        },
      });
    },

    goOn() {
      const way = (this.data.problem as { way: { page: string } }).way;
      wx.redirectTo({ url: `${way.page}?to=${encodeURIComponent(here())}` });
    },

    /** Which messages to ask for has to be known before the tap: WeChat allows the question only inside it. */
    async findTemplates(acts: Map<string, Act>) {
      const moments = new Set([...acts.values()].filter((act) => !act.barred && act.moment).map((act) => act.moment!));
      for (const moment of moments) {
        if (this.templates[moment]?.length) continue;
        const found = await call("list_templates_to_ask", { query: { moment: moment as never } }).catch(() => null);
        this.templates[moment] = (found?.items ?? []).map((template) => template.template_id);
      }
    },

    async askToTell(moment: string | undefined) {
      const ids: string[] = (moment && this.templates[moment]) || [];
      if (!ids.length) return;
      const answers = (await wx.requestSubscribeMessage({ tmplIds: ids }).catch(() => null)) as Record<string, any> | null;
      if (!answers) return;
      const given = Object.fromEntries(ids.filter((id) => answers[id]).map((id) => [id, answers[id]]));
      void call("report_answers", { body: { answers: given } as never }).catch(() => {});
      this.templates[moment!] = [];
    },

    open(event: { detail: { page: string } }) {
      go(event.detail.page);
    },

    async act(event: { detail: { id: string } }) {
      const act = this.acts.get(event.detail.id);
      if (act?.keeps) return Object.assign(this.kept, act.keeps), this.reload(false); // However fast somebody taps.
      if (!act || this.data.busy) return;
      if (act.barred) return act.way ? go(act.way) : toast(act.barred);
      if (act.page) return go(act.page);
      if (act.run) return this.doing(act, () => act.run!());
      const form = formOf(act);
      this.opened = act;
      if (form) return this.setData({ form, problems: {} });
      if (act.ask) {
        const { confirm } = await wx.showModal({ title: act.word, content: act.ask, confirmColor: "#b3241f" });
        if (!confirm) return;
      }
      await this.askToTell(act.moment);
      return this.send(act, {});
    },

    closeForm() {
      this.setData({ form: null, problems: {} });
    },

    async sendForm(event: { detail: { values: Values; id?: string } }) {
      const act = event.detail.id ? this.acts.get(event.detail.id)! : this.opened!;
      if (this.data.busy) return;
      await this.askToTell(act.moment);
      return this.send(act, event.detail.values);
    },

    send(act: Act, values: Values) {
      const form = formOf(act);
      return this.doing(act, () => call(act.operation as Name, { path: act.path, body: bodyOf(act, form?.fields ?? [], values) } as never));
    },

    /** One thing at a time. What is refused stays on the form, field by field, or is said. */
    async doing(act: Act, run: () => unknown) {
      this.setData({ busy: act.id ?? "", problems: {} });
      try {
        const answer = await run();
        this.setData({ busy: "", form: null });
        if (act.done) toast(act.done);
        if (act.then) await act.then(answer);
        else if (act.operation) await this.reload();
      } catch (error) {
        this.setData({ busy: "" });
        if (!(error instanceof Problem)) {
          if ((error as { errMsg?: string })?.errMsg) return; // Somebody who changes their mind is told nothing.
          console.error(error);
          return toast("没有成功，请重试");
        }
        const problems = Object.fromEntries(error.fields.map(({ field, problem }) => [field.replace(/\.\d+$/, ""), problem]));
        this.setData({ problems });
        toast(error.fields[0] ? error.fields[0].problem : error.words);
        if (["edited_meanwhile", "wrong_state"].includes(error.code)) await this.reload();
      }
    },

    choose(event: { detail: { tab?: string; search?: string } }) {
      this.setData(event.detail);
      return this.reload();
    },

    async onReachBottom() {
      const view = this.shown, turn = this.loaded;
      if (!view?.cursor || !definition.more || this.data.busy) return;
      this.setData({ busy: "more" });
      try {
        const { rows, cursor } = await definition.more(this.query, view.cursor, this.chosen(true));
        if (turn !== this.loaded) return;
        view.cursor = cursor;
        const last = [...view.sections].reverse().find((section) => section && section.rows);
        if (last) last.rows!.push(...rows);
        this.acts = number(view);
        this.show(view);
      } catch (error) {
        toast(error instanceof Problem ? error.words : "没有成功，请重试");
      } finally {
        this.setData({ busy: "" });
      }
    },

    onShareAppMessage() {
      return { title: this.shown?.share?.title ?? this.shown?.title ?? "邻里", path: `/${here()}`, imageUrl: this.shown?.share?.imageUrl };
    },
  });
}

const writeQuery = (query: Record<string, string>) => Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");

function readQuery(page: string): Record<string, string> {
  const search = page.split("?")[1] ?? "";
  return Object.fromEntries(search.split("&").filter(Boolean).map((part) => part.split("=").map(decodeURIComponent) as [string, string]));
}

type Paged = { items: unknown[]; next_cursor?: string | null };

/** A page that is one list of an operation's items. */
export function listPage<N extends Name>(
  operation: N,
  row: (item: Answer<N> extends { items: (infer Item)[] } ? Item : never) => Row,
  rest: { asked?(query: Record<string, string>, chosen: Chosen): { path?: object; query?: object }; view(found: Answer<N> & Paged, query: Record<string, string>, chosen: Chosen): Omit<View, "sections"> & { empty: string; before?: View["sections"] } },
): void {
  const ask = (query: Record<string, string>, chosen: Chosen, cursor?: string) => {
    const given = rest.asked?.(query, chosen) ?? {};
    return call(operation, { ...given, query: { ...given.query, cursor } } as never) as Promise<Answer<N> & Paged>;
  };
  definePage({
    async load(query, chosen) {
      const found = await ask(query, chosen);
      const { empty, before, ...view } = rest.view(found, query, chosen);
      return { ...view, cursor: found.next_cursor, sections: [...(before ?? []), { rows: found.items.map((item) => row(item as never)), empty }] };
    },
    async more(query, cursor, chosen) {
      const found = await ask(query, chosen, cursor);
      return { rows: found.items.map((item) => row(item as never)), cursor: found.next_cursor };
    },
  });
}
