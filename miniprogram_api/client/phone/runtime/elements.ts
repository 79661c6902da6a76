// The elements of a mini-program that our pages use. Those that take input hold one real control of the browser.
import type { Shown } from "./types";

type Properties = Record<string, unknown>;
interface Element {
  properties: Properties;
  /** Makes the control; `tell` sends an event to the page. */
  make?(host: HTMLElement, tell: (event: string, detail?: object) => void, now: () => Shown): void;
  /** Brings the control up to date. */
  show?(host: HTMLElement, now: Shown): void;
}

const control = <T extends HTMLElement>(host: HTMLElement) => host.firstElementChild as T;

function makeText(host: HTMLElement, tag: "input" | "textarea", tell: (event: string, detail?: object) => void) {
  const field = document.createElement(tag);
  field.addEventListener("input", (event) => {
    event.stopPropagation();
    tell("input", { value: field.value });
  });
  field.addEventListener("blur", () => tell("blur", { value: field.value }));
  field.addEventListener("keydown", (event) => {
    if ((event as KeyboardEvent).key === "Enter" && tag === "input") tell("confirm", { value: field.value });
  });
  host.append(field);
}

function showText(host: HTMLElement, now: Shown) {
  const field = control<HTMLInputElement>(host);
  if (field.value !== String(now.value ?? "")) field.value = String(now.value ?? "");
  field.placeholder = String(now.placeholder ?? "");
  if (Number(now.maxlength) > 0) field.maxLength = Number(now.maxlength);
  field.inputMode = now.type === "number" ? "numeric" : now.type === "digit" ? "decimal" : "text";
  field.setAttribute("aria-label", String(now.ariaLabel || now.placeholder || ""));
  if (now.focus) field.focus();
}

const TEXT = { value: String, placeholder: String, type: String, maxlength: Number, focus: Boolean, ariaLabel: String };

/** What was typed counts once it is left or Enter is pressed, as a wheel counts once it is closed. */
export const ELEMENTS: Record<string, Element> = {
  view: { properties: { ariaRole: String, ariaLabel: String, hidden: Boolean }, show: showRole },
  text: { properties: { ariaRole: String, ariaLabel: String }, show: showRole },
  button: {
    properties: { disabled: Boolean, loading: Boolean, openType: String, ariaLabel: String, ariaRole: String },
    make(host, tell, now) {
      host.tabIndex = 0;
      host.setAttribute("role", "button");
      host.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") host.click();
      });
      host.addEventListener("click", async () => {
        const { openType, disabled } = now();
        if (disabled) return;
        if (openType === "getPhoneNumber") tell("getphonenumber", await window.phone.askPhoneNumber());
        if (openType === "share") window.phone.share();
        if (openType === "chooseAvatar") {
          const chosen = await window.phone.choosePicture();
          if (chosen) tell("chooseavatar", { avatarUrl: chosen });
        }
      });
    },
    show(host, now) {
      host.setAttribute("aria-disabled", String(!!now.disabled));
      if (now.ariaLabel) host.setAttribute("aria-label", String(now.ariaLabel));
    },
  },
  image: {
    properties: { src: String, mode: String, ariaLabel: String },
    make(host, tell) {
      const picture = document.createElement("img");
      picture.addEventListener("error", () => tell("error"));
      picture.addEventListener("load", () => tell("load"));
      host.append(picture);
    },
    show(host, now) {
      const picture = control<HTMLImageElement>(host);
      const source = window.phone.assets[String(now.src)] ?? String(now.src ?? "");
      if (source && picture.getAttribute("src") !== source) picture.src = source;
      picture.alt = String(now.ariaLabel ?? "");
      picture.style.objectFit = now.mode === "aspectFill" ? "cover" : now.mode === "aspectFit" ? "contain" : "fill";
      host.dataset.mode = String(now.mode ?? "");
    },
  },
  input: { properties: TEXT, make: (host, tell) => makeText(host, "input", tell), show: showText },
  textarea: { properties: TEXT, make: (host, tell) => makeText(host, "textarea", tell), show: showText },
  switch: {
    properties: { checked: Boolean, ariaLabel: String },
    make(host, tell) {
      const box = Object.assign(document.createElement("input"), { type: "checkbox" });
      box.setAttribute("role", "switch");
      box.addEventListener("change", (event) => {
        event.stopPropagation();
        tell("change", { value: box.checked });
      });
      host.append(box);
    },
    show(host, now) {
      control<HTMLInputElement>(host).checked = !!now.checked;
      control(host).setAttribute("aria-label", String(now.ariaLabel ?? ""));
    },
  },
  picker: {
    properties: { mode: String, range: Array, rangeKey: String, value: String, start: String, end: String, ariaLabel: String },
    make(host, tell, now) {
      const { mode } = now();
      const chooser = document.createElement(mode === "selector" ? "select" : "input");
      if (chooser instanceof HTMLInputElement) chooser.type = mode === "time" ? "time" : "date";
      chooser.className = "chooser";
      chooser.addEventListener("change", (event) => {
        event.stopPropagation();
        tell("change", { value: chooser.value });
      });
      host.append(chooser);
    },
    show(host, now) {
      const chooser = host.querySelector<HTMLSelectElement | HTMLInputElement>(":scope > .chooser");
      if (!chooser) return;
      chooser.setAttribute("aria-label", String(now.ariaLabel ?? ""));
      if (chooser instanceof HTMLSelectElement) {
        const names = ((now.range as unknown[]) ?? []).map((one) =>
          now.rangeKey ? String((one as Record<string, unknown>)[String(now.rangeKey)]) : String(one),
        );
        chooser.replaceChildren(new Option("请选择", ""), ...names.map((name, index) => new Option(name, String(index))));
      } else Object.assign(chooser, { min: now.start ?? "", max: now.end ?? "" });
      chooser.value = String(now.value ?? "");
    },
  },
};

function showRole(host: HTMLElement, now: Shown) {
  if (now.ariaRole) host.setAttribute("role", String(now.ariaRole));
  if (now.ariaRole === "button") host.tabIndex = 0;
  if (now.ariaLabel) host.setAttribute("aria-label", String(now.ariaLabel));
}
