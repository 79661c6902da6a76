// A phone in a browser's window: pages on a stack, the bar above them, tabs below, and what WeChat asks a person.
import { MiniProgramEnv, glassEasel } from "glass-easel-miniprogram-adapter";
import { ELEMENTS } from "./elements";
import { makeWx } from "./wx";
import type { Shown } from "./types";

type Config = { usingComponents: Record<string, string>; navigationBarTitleText?: string; component?: boolean; enablePullDownRefresh?: boolean };
type App = {
  pages: string[];
  window: { navigationBarTitleText: string };
  tabBar: { list: { pagePath: string; text: string; iconPath: string; selectedIconPath: string }[] };
};
type Hooks = Record<string, ((argument?: unknown) => unknown) | undefined>;
interface Opened {
  path: string;
  url: string;
  frame: HTMLElement;
  body: HTMLElement;
  title: HTMLElement;
  page: Hooks & { route?: string; options?: object };
  release(): void;
}

const make = (tag: string, name: string, text = "") =>
  Object.assign(document.createElement(tag), { className: name, textContent: text });

export class Phone {
  readonly openid = new URLSearchParams(location.search).get("as") ?? "";
  readonly stack: Opened[] = [];
  application: Hooks = {};
  private readonly space;
  private readonly backend;
  private readonly configs: Record<string, Config> = {};
  private readonly screen = make("main", "screen");
  private readonly tabs = make("nav", "tabs");
  private readonly badges: Record<number, string> = {};

  constructor(
    private readonly templates: Record<string, unknown>,
    readonly app: App,
    readonly assets: Record<string, string>,
  ) {
    window.phone = this;
    const environment = new MiniProgramEnv();
    this.space = environment.createCodeSpace("", true);
    const context = new glassEasel.CurrentWindowBackendContext();
    context.onEvent((target, type, detail, options) => {
      const event = new glassEasel.Event(type, detail, options);
      glassEasel.Event.dispatchEvent(target, event);
      return event.defaultPrevented() ? glassEasel.EventBubbleStatus.NoDefault : glassEasel.EventBubbleStatus.Normal;
    });
    this.backend = environment.associateBackend(context);
    document.body.append(this.screen, this.tabs);
    Object.assign(globalThis, {
      wx: makeWx(this),
      getApp: () => this.application,
      getCurrentPages: () => this.stack.map((one) => one.page),
      App: (definition: Hooks) => (this.application = definition),
      getRegExp: (pattern: string, flags?: string) => new RegExp(pattern, flags),
      getDate: (...parts: []) => new Date(...parts),
    });
  }

  add(path: string, config: Config, run: () => void, prefix: string): void {
    this.configs[path] = config;
    this.space.addComponentStaticConfig(path, config as never);
    this.space.addCompiledTemplate(path, { groupList: this.templates, content: this.templates[path] } as never);
    if (prefix) {
      // The rules themselves are in app.css: here they only have a name.
      this.space.addStyleSheet(path, path, prefix);
      this.backend.registerStyleSheetContent(path, "");
    }
    this.space.globalComponentEnv(globalThis, path, run);
  }

  addElements(): void {
    for (const [name, element] of Object.entries(ELEMENTS)) {
      const observers = {
        [Object.keys(element.properties).join(", ") || "**"](this: { _$: { $$: HTMLElement }; data: Shown; made?: boolean }) {
          if (this.made) element.show?.(this._$.$$, this.data);
        },
      };
      const lifetimes = {
        attached(this: { _$: { $$: HTMLElement }; data: Shown; made?: boolean; triggerEvent(name: string, detail?: object): void }) {
          element.make?.(this._$.$$, (event, detail) => this.triggerEvent(event, detail ?? {}), () => this.data);
          this.made = true;
          element.show?.(this._$.$$, this.data);
        },
      };
      this.add("wx/" + name, { component: true, usingComponents: {} }, () =>
        (globalThis as unknown as { Component(definition: object): void }).Component({ properties: element.properties, observers, lifetimes }),
        "",
      );
    }
  }

  runApp(run: () => void): void {
    run();
  }

  get top(): Opened {
    return this.stack[this.stack.length - 1]!;
  }

  /** Open a page on top of the others. */
  open(url: string): void {
    const [path = "", query = ""] = url.replace(/^\//, "").split("?");
    const config = this.configs[path];
    if (!config || !this.app.pages.includes(path)) throw new Error(`there is no page ${path}`);
    const frame = make("section", "page"), bar = make("header", "bar"), title = make("h1", "title", config.navigationBarTitleText ?? this.app.window.navigationBarTitleText);
    const body = make("div", "page-body"), capsule = make("button", "capsule", "•••");
    body.tabIndex = 0;
    capsule.setAttribute("aria-label", "更多");
    capsule.onclick = () => this.showMenu();
    if (this.stack.length && !this.isTab(path)) {
      const back = make("button", "back", "‹");
      back.setAttribute("aria-label", "返回");
      back.onclick = () => this.back(1);
      bar.append(back);
    }
    bar.append(title, capsule);
    frame.append(bar, body);
    if (this.stack.length) {
      this.top.page.onHide?.();
      this.top.frame.hidden = true;
    }
    this.screen.append(frame);
    const root = this.backend.createRoot("wx-page", this.space, path);
    const placeholder = document.createElement("span");
    body.append(placeholder);
    root.attach(body as never, placeholder as never);
    const page = root.get() as unknown as Opened["page"];
    const options = Object.fromEntries(new URLSearchParams(query));
    Object.assign(page, { route: path, options });
    this.stack.push({ path, url, frame, body, title, page, release: () => root.release() });
    this.listen(body, page, !!config.enablePullDownRefresh);
    page.onLoad?.(options);
    page.onShow?.();
    this.showTabs();
    history.replaceState(null, "", "#" + url.replace(/^\//, ""));
  }

  private listen(body: HTMLElement, page: Opened["page"], pulls: boolean): void {
    body.addEventListener("scroll", () => {
      if (body.scrollTop + body.clientHeight > body.scrollHeight - 50) page.onReachBottom?.();
    });
    let from = 0;
    body.addEventListener("pointerdown", (event) => (from = body.scrollTop <= 0 ? event.clientY : Infinity));
    body.addEventListener("pointerup", (event) => {
      if (pulls && event.clientY - from > 90) page.onPullDownRefresh?.();
    });
  }

  isTab(path: string): boolean {
    return this.app.tabBar.list.some((tab) => tab.pagePath === path);
  }

  back(delta: number): void {
    if (this.stack.length <= 1) return this.switchTab(this.app.tabBar.list[0]!.pagePath);
    for (let count = Math.min(delta, this.stack.length - 1); count > 0; count--) this.drop();
    this.top.frame.hidden = false;
    this.top.page.onShow?.();
    this.showTabs();
    history.replaceState(null, "", "#" + this.top.url.replace(/^\//, ""));
  }

  private drop(): void {
    const gone = this.stack.pop()!;
    gone.page.onUnload?.();
    gone.release();
    gone.frame.remove();
  }

  replace(url: string): void {
    this.drop();
    this.open(url);
  }

  switchTab(url: string): void {
    while (this.stack.length) this.drop();
    this.open(url);
  }

  setBadge(index: number, text: string): void {
    this.badges[index] = text;
    this.showTabs();
  }

  private showTabs(): void {
    const shown = this.isTab(this.top.path);
    this.tabs.hidden = !shown;
    this.tabs.replaceChildren(
      ...this.app.tabBar.list.map((tab, index) => {
        const here = tab.pagePath === this.top.path;
        const button = make("button", here ? "tab here" : "tab");
        if (here) button.setAttribute("aria-current", "page");
        const icon = document.createElement("img");
        icon.src = this.assets["/" + (here ? tab.selectedIconPath : tab.iconPath)] ?? "";
        icon.alt = "";
        button.append(icon, make("span", "", tab.text));
        if (this.badges[index]) button.append(make("b", "badge", this.badges[index]));
        button.onclick = () => this.switchTab(tab.pagePath);
        return button;
      }),
    );
  }

  // What WeChat asks a person

  toast(text: string): void {
    const shown = make("div", "toast", text);
    shown.setAttribute("role", "status");
    document.querySelector(".toast")?.remove();
    document.body.append(shown);
    setTimeout(() => shown.remove(), 2500);
  }

  /** A sheet over everything; resolves to what was chosen. */
  ask<T>(title: string, parts: (Node | string)[], buttons: [string, T | (() => T), string?][]): Promise<T> {
    return new Promise((resolve) => {
      const cover = make("div", "cover"), sheet = make("div", "dialog"), row = make("div", "row");
      sheet.setAttribute("role", "dialog");
      sheet.setAttribute("aria-label", title);
      for (const [text, answer, name] of buttons) {
        const button = make("button", name ?? "", text);
        button.onclick = () => {
          cover.remove();
          resolve(typeof answer === "function" ? (answer as () => T)() : answer);
        };
        row.append(button);
      }
      sheet.append(make("h2", "", title), ...parts, row);
      cover.append(sheet);
      document.body.append(cover);
    });
  }

  async admin<T>(path: string, body?: object): Promise<T> {
    const options = body && { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await fetch(`/admin/${path}`, options);
    if (!answer.ok) throw new Error(`the simulator answers ${answer.status}`);
    return answer.json() as Promise<T>;
  }

  ofPerson<T>(path: string, body?: object): Promise<T> {
    return this.admin(`persons/${encodeURIComponent(this.openid)}/${path}`, body);
  }

  async askPhoneNumber(): Promise<object> {
    const agreed = await this.ask("邻里 申请获取您的手机号", [make("p", "", "用于与您联系和核对身份")], [["不允许", false], ["允许", true, "main"]]);
    if (!agreed) return { errMsg: "getPhoneNumber:fail user deny" };
    const { code } = await this.ofPerson<{ code: string }>("phone-code", {});
    return { errMsg: "getPhoneNumber:ok", code };
  }

  choosePicture(): Promise<string> {
    return new Promise((resolve) => {
      const chooser = Object.assign(document.createElement("input"), { type: "file", accept: "image/*", className: "files" });
      chooser.onchange = () => resolve(chooser.files?.[0] ? URL.createObjectURL(chooser.files[0]) : "");
      chooser.oncancel = () => resolve("");
      chooser.click();
    });
  }

  share(): void {
    const { title, path } = (this.top.page.onShareAppMessage?.({ from: "button" }) ?? {}) as { title?: string; path?: string };
    const card = { title: title ?? this.top.title.textContent, path: path ?? this.top.url, from: this.openid };
    if (parent === window) this.toast("已转发：" + card.title);
    else parent.postMessage({ kind: "share", card }, location.origin);
  }

  private async showMenu(): Promise<void> {
    const chosen = await this.ask("邻里", [], [["转发给朋友", "share", "main"], ["重新进入小程序", "again"], ["取消", ""]]);
    if (chosen === "share") this.share();
    if (chosen === "again") this.switchTab(this.app.pages[0]!);
  }
}

/** The phone's clock is the city's, which the demo moves. */
async function useClock(phone: Phone): Promise<void> {
  const Real = Date;
  let ahead = 0;
  const read = async () => (ahead = (await phone.admin<{ offset_seconds: number }>("clock")).offset_seconds * 1000);
  globalThis.Date = class extends Real {
    constructor(...parts: []) {
      super(...((parts.length ? parts : [Real.now() + ahead]) as []));
    }
    static override now = () => Real.now() + ahead;
  } as DateConstructor;
  await read();
  setInterval(() => void read().catch(() => undefined), 3000);
}

export async function start(phone: Phone): Promise<void> {
  await useClock(phone);
  phone.application.onLaunch?.({});
  const wanted = decodeURI(location.hash.slice(1)) || phone.app.pages[0]!;
  if (phone.isTab(wanted.split("?")[0]!)) return phone.open(wanted);
  phone.open(phone.app.pages[0]!);
  phone.open(wanted);
}
