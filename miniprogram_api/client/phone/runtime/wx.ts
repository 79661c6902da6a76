// wx.* as our pages use it: the browser does what it can, the simulator plays WeChat's part.
import jsQR from "jsqr";
import type { Phone } from "./main";

type Options = Record<string, any> & { success?(answer: object): void; fail?(error: object): void; complete?(): void };
const ADDRESS = /^https:\/\/linli\.example\.cn/;
/** Where the demo's people stand: before the first community's neighbor center, in gcj02. */
const HERE = { longitude: 122.12042, latitude: 37.51307 };

/** A call as WeChat has them: callbacks where there are some, a promise where there are none. */
function answering<T extends object>(name: string, run: (options: Options) => Promise<T> | T) {
  return (options: Options = {}) => {
    const done = (async () => ({ errMsg: `${name}:ok`, ...(await run(options)) }))();
    const failed = (error: unknown) => ({ errMsg: `${name}:fail ${error instanceof Error ? error.message : String(error)}` });
    if (!options.success && !options.fail && !options.complete) return done.catch((error: unknown) => Promise.reject(failed(error)));
    done.then((answer) => options.success?.(answer), (error: unknown) => options.fail?.(failed(error))).finally(() => options.complete?.());
    return undefined;
  };
}

export function makeWx(phone: Phone) {
  const key = (name: string) => `${phone.openid} ${name}`;
  const refuse = (why: string): never => {
    throw new Error(why);
  };
  return {
    ...storage(key),
    request: (options: Options) => request(options),
    uploadFile: answering("uploadFile", async ({ url, filePath, name, header }) => {
      const form = new FormData();
      form.append(name, await (await fetch(filePath)).blob(), "picture.jpg");
      const answer = await fetch(url.replace(ADDRESS, ""), { method: "POST", headers: header, body: form });
      return { statusCode: answer.status, data: await answer.text() };
    }),
    downloadFile: answering("downloadFile", async ({ url, header }) => {
      const answer = await fetch(url.replace(ADDRESS, ""), { headers: header });
      return { statusCode: answer.status, tempFilePath: URL.createObjectURL(await answer.blob()) };
    }),
    login: answering("login", () => phone.ofPerson<{ code: string }>("login-code", {})),
    getLocation: answering("getLocation", async () => {
      const agreed = await phone.ask("邻里 申请使用您的位置", ["用于查找附近的社区、活动和服务场所"], [["不允许", false], ["允许", true, "main"]]);
      return agreed ? HERE : refuse("auth deny");
    }),
    chooseMedia: answering("chooseMedia", async () => {
      const tempFilePath = await phone.choosePicture();
      return tempFilePath ? { tempFiles: [{ tempFilePath, size: 0 }] } : refuse("cancel");
    }),
    scanCode: answering("scanCode", async () => {
      const result = await scan(phone);
      return result ? { result, path: result.includes("?scene=") ? result : "" } : refuse("cancel");
    }),
    requestSubscribeMessage: answering("requestSubscribeMessage", async ({ tmplIds }: Options) => askToSubscribe(phone, tmplIds as string[])),
    navigateTo: answering("navigateTo", ({ url }) => (phone.open(absolute(phone, url)), {})),
    redirectTo: answering("redirectTo", ({ url }) => (phone.replace(absolute(phone, url)), {})),
    navigateBack: answering("navigateBack", ({ delta }) => (phone.back(delta ?? 1), {})),
    switchTab: answering("switchTab", ({ url }) => (phone.switchTab(absolute(phone, url)), {})),
    reLaunch: answering("reLaunch", ({ url }) => (phone.switchTab(absolute(phone, url)), {})),
    showToast: answering("showToast", ({ title }) => (phone.toast(title), {})),
    showModal: answering("showModal", async ({ title, content, showCancel, confirmText, cancelText }) => {
      const buttons: [string, boolean, string?][] = [[confirmText ?? "确定", true, "main"]];
      if (showCancel !== false) buttons.unshift([cancelText ?? "取消", false]);
      const confirm = await phone.ask(title ?? "", [content ?? ""], buttons);
      return { confirm, cancel: !confirm };
    }),
    showActionSheet: answering("showActionSheet", async ({ itemList }) => {
      const tapIndex = await phone.ask("请选择", [], [...(itemList as string[]).map((text, index): [string, number] => [text, index]), ["取消", -1]]);
      return tapIndex < 0 ? refuse("cancel") : { tapIndex };
    }),
    setNavigationBarTitle: answering("setNavigationBarTitle", ({ title }) => ((phone.top.title.textContent = title), {})),
    setTabBarBadge: answering("setTabBarBadge", ({ index, text }) => (phone.setBadge(index, text), {})),
    removeTabBarBadge: answering("removeTabBarBadge", ({ index }) => (phone.setBadge(index, ""), {})),
    stopPullDownRefresh: answering("stopPullDownRefresh", () => ({})),
    pageScrollTo: answering("pageScrollTo", ({ scrollTop }) => (phone.top.body.scrollTo(0, scrollTop), {})),
    previewImage: answering("previewImage", async ({ current, urls }) => {
      const picture = Object.assign(document.createElement("img"), { src: current ?? urls[0], alt: "", className: "preview" });
      await phone.ask("图片", [picture], [["关闭", true]]);
      return {};
    }),
    openDocument: answering("openDocument", ({ filePath }) => (window.open(filePath), {})),
    saveImageToPhotosAlbum: answering("saveImageToPhotosAlbum", ({ filePath }) => {
      Object.assign(document.createElement("a"), { href: filePath, download: "邻里.png" }).click();
      return {};
    }),
    makePhoneCall: answering("makePhoneCall", async ({ phoneNumber }) => (await phone.ask("拨打电话", [phoneNumber], [["关闭", true]]), {})),
    openLocation: answering("openLocation", async ({ name, address }) => (await phone.ask(name, [address], [["关闭", true]]), {})),
    setClipboardData: answering("setClipboardData", async ({ data }) => {
      await navigator.clipboard?.writeText(data).catch(() => undefined);
      phone.toast("内容已复制");
      return {};
    }),
    getNetworkType: answering("getNetworkType", () => ({ networkType: navigator.onLine ? "wifi" : "none" })),
    onNetworkStatusChange: (heard: (state: { isConnected: boolean }) => void) => {
      addEventListener("online", () => heard({ isConnected: true }));
      addEventListener("offline", () => heard({ isConnected: false }));
    },
    nextTick: (run: () => void) => void Promise.resolve().then(run),
    canIUse: () => true,
    getSystemInfoSync: () => ({ windowWidth: innerWidth, windowHeight: innerHeight, platform: "devtools" }),
  };
}

const storage = (key: (name: string) => string) => ({
  getStorageSync: (name: string) => JSON.parse(localStorage.getItem(key(name)) ?? '""') as unknown,
  setStorageSync: (name: string, value: unknown) => localStorage.setItem(key(name), JSON.stringify(value)),
  removeStorageSync: (name: string) => localStorage.removeItem(key(name)),
});

/** Relative addresses are seen from the page that is open. */
function absolute(phone: Phone, url: string): string {
  return url.startsWith("/") ? url : new URL(url, `http://p/${phone.stack.length ? phone.top.path : ""}`).pathname;
}

function request(options: Options) {
  const aborting = new AbortController();
  const listeners: ((chunk: { data: ArrayBuffer }) => void)[] = [];
  const method = options.method ?? "GET";
  const body = options.data === undefined || method === "GET" ? undefined : JSON.stringify(options.data);
  fetch((options.url as string).replace(ADDRESS, ""), { method, headers: options.header, body, signal: aborting.signal })
    .then(async (answer) => {
      if (options.enableChunked && answer.ok) {
        for (const reader = answer.body!.getReader(); ; ) {
          const { done, value } = await reader.read();
          if (done) return options.success?.({ statusCode: answer.status, data: "", header: {} });
          for (const heard of listeners) heard({ data: value.buffer });
        }
      }
      const text = await answer.text();
      const data: unknown = answer.headers.get("content-type")?.includes("json") && text ? JSON.parse(text) : text;
      options.success?.({ statusCode: answer.status, data, header: Object.fromEntries(answer.headers) });
    })
    .catch((error: Error) => options.fail?.({ errMsg: `request:fail ${error.message}` }))
    .finally(() => options.complete?.());
  return { abort: () => aborting.abort(), onChunkReceived: (heard: (typeof listeners)[0]) => listeners.push(heard), onHeadersReceived: () => undefined };
}

/** WeChat's own dialog: which messages this mini-program may send once. */
async function askToSubscribe(phone: Phone, ids: string[]): Promise<object> {
  const { items } = await phone.admin<{ items: { id: string; title: string }[] }>("templates");
  const boxes = ids.map((id) => {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true, value: id });
    const label = document.createElement("label");
    label.append(box, items.find((one) => one.id === id)?.title ?? id);
    return { box, label };
  });
  const agreed = await phone.ask("邻里 申请发送一次以下消息", boxes.map((one) => one.label), [["取消", false], ["允许", true, "main"]]);
  const accept = agreed ? boxes.filter(({ box }) => box.checked).map(({ box }) => box.value) : [];
  const reject = ids.filter((id) => !accept.includes(id));
  await phone.ofPerson("subscriptions", { accept, reject });
  return Object.fromEntries(ids.map((id) => [id, accept.includes(id) ? "accept" : "reject"]));
}

/** What a code says: one that another phone shows, one in a picture, one on the screen, or one that is typed. */
async function scan(phone: Phone): Promise<string> {
  const field = Object.assign(document.createElement("input"), { placeholder: "或输入码的内容", className: "code" });
  field.setAttribute("aria-label", "码的内容");
  const said = document.createElement("p");
  for (;;) {
    const how = await phone.ask("扫一扫", [said, field], [["取消", ""], ["扫图片", "picture"], ["扫屏幕", "screen"], ["确定", "typed", "main"]]);
    if (!how) return "";
    try {
      const found = how === "typed" ? field.value.trim() : how === "screen" ? await readScreen() : await readPicture(await phone.choosePicture());
      if (found) return found;
    } catch {
      // Not allowed, or no picture: said below.
    }
    said.textContent = "没有看到二维码";
  }
}

async function readPicture(address: string): Promise<string> {
  const picture = await createImageBitmap(await (await fetch(address)).blob());
  return decode(picture, picture.width, picture.height);
}

async function readScreen(): Promise<string> {
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  const video = Object.assign(document.createElement("video"), { srcObject: stream, muted: true });
  await video.play();
  const found = decode(video, video.videoWidth, video.videoHeight);
  for (const track of stream.getTracks()) track.stop();
  return found;
}

function decode(source: CanvasImageSource, width: number, height: number): string {
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), drawing = canvas.getContext("2d")!;
  drawing.drawImage(source, 0, 0);
  return jsQR(drawing.getImageData(0, 0, width, height).data, width, height)?.data ?? "";
}
