"use strict";
// Keyboard: j and k walk through what can be opened, Enter opens, digits do what the buttons with that number say.
const typing = (target) => target.closest("input, select, textarea, [contenteditable]");
const rows = () => [...document.querySelectorAll("[data-row]")];
const at = () => rows().findIndex((row) => row.classList.contains("at"));
const goTo = (number) => {
  const all = rows();
  if (!all.length) return;
  const next = all[Math.max(0, Math.min(number, all.length - 1))];
  all.forEach((row) => row.classList.toggle("at", row === next));
  const link = next.matches("a") ? next : next.querySelector("a");
  (link || next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "j") goTo(at() + 1);
  else if (event.key === "k") goTo(at() - 1);
  else if (/^[1-9]$/.test(event.key)) document.querySelectorAll("[data-key]")[Number(event.key) - 1]?.click();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const row = event.target.closest("a[data-row]");
  if (row) rows().forEach((other) => other.classList.toggle("at", other === row));
  const all = event.target.closest("[data-all]");
  if (all) document.querySelectorAll("[name=pick]").forEach((pick) => (pick.checked = all.checked));
  const more = event.target.closest("[data-more]");
  if (more) addOne(more.closest("fieldset"));
});
// Another one of a list in a form: a copy of the last, with the next number in its names.
const addOne = (group) => {
  const parts = [...group.querySelectorAll(":scope > .part")];
  const last = parts[parts.length - 1];
  const copy = last.cloneNode(true);
  const stem = group.dataset.name + ".";
  const renumber = (text) => text && text.replace(stem + (parts.length - 1) + ".", stem + parts.length + ".");
  copy.querySelectorAll("[name], [id], [for], [data-name]").forEach((node) => {
    for (const name of ["name", "id", "for", "data-name"])
      if (node.hasAttribute(name)) node.setAttribute(name, renumber(node.getAttribute(name)));
    if ("value" in node && !["checkbox", "hidden"].includes(node.type)) node.value = "";
  });
  last.after(copy);
  copy.querySelector("input, select, textarea")?.focus();
};
// Views: lists as they are filtered, by names of one's own, kept by this browser and nobody else.
const views = () => JSON.parse(localStorage.getItem("views") || "[]");
const keepViews = (kept) => { localStorage.setItem("views", JSON.stringify(kept)); showViews(); };
const here = () => location.pathname + location.search;
const showViews = () => {
  const place = document.querySelector("[data-views]");
  if (!place) return;
  place.querySelectorAll("a, button").forEach((node) => node.remove());
  place.hidden = !views().length;
  for (const { name, address } of views()) {
    const link = Object.assign(document.createElement("a"), { href: address, textContent: name });
    if (address === here()) link.setAttribute("aria-current", "page");
    place.append(link);
    if (address !== here()) continue;
    const remove = Object.assign(document.createElement("button"), { className: "link", textContent: "移除这个视图" });
    remove.addEventListener("click", () => keepViews(views().filter((view) => view.address !== address)));
    place.append(remove);
  }
  document.querySelectorAll("details.view").forEach((part) => (part.hidden = views().some((view) => view.address === here())));
};
document.addEventListener("submit", (event) => {
  const form = event.target.closest("[data-save-view]");
  if (!form) return;
  event.preventDefault();
  keepViews([...views(), { name: form.elements.view.value, address: here() }]);
});
// Whoever enters otherwise no longer waits for the phone: its answer, that the code is spent, would lead back here.
const stopWaiting = () => document.querySelector("[data-waits]")?.remove();
document.addEventListener("submit", (event) => event.target.closest("[data-passkey]") || stopWaiting());
// A passkey 通行密钥: the browser is asked, and its answer goes along with the form.
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-passkey]");
  if (!form) return;
  event.preventDefault();
  const options = JSON.parse(form.dataset.passkey);
  try {
    const answer = form.dataset.making
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.credential.value = JSON.stringify(answer.toJSON());
    stopWaiting();
    form.submit();
  } catch {
    form.querySelector("[role=alert]").hidden = false;
  }
});
// Rectangles over a picture: what they cover is blurred. Kept in parts of its width and height.
const takeAreas = (form) => {
  const picture = form.querySelector("svg");
  const { width, height } = picture.viewBox.baseVal;
  const field = form.elements.areas;
  let areas = JSON.parse(field.value);
  let from = null;
  const show = (more) => {
    picture.querySelectorAll("rect").forEach((node) => node.remove());
    [...areas, ...more].forEach((area, number) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const values = { x: area.left * width, y: area.top * height, width: (area.right - area.left) * width, height: (area.bottom - area.top) * height };
      for (const [name, value] of Object.entries(values)) node.setAttribute(name, value);
      node.dataset.number = number;
      picture.append(node);
    });
    field.value = JSON.stringify(areas);
  };
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    const part = (value) => Math.max(0, Math.min(1, value));
    return { x: part((event.clientX - box.left) / box.width), y: part((event.clientY - box.top) / box.height) };
  };
  const between = (to) => ({ left: Math.min(from.x, to.x), top: Math.min(from.y, to.y), right: Math.max(from.x, to.x), bottom: Math.max(from.y, to.y) });
  picture.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    if (event.target.matches("rect")) {
      areas = areas.filter((_, number) => number !== Number(event.target.dataset.number));
      return show([]);
    }
    from = at(event);
    picture.setPointerCapture(event.pointerId);
  });
  picture.addEventListener("pointermove", (event) => from && show([between(at(event))]));
  picture.addEventListener("pointerup", (event) => {
    if (!from) return;
    const drawn = between(at(event));
    from = null;
    // A tap is no rectangle.
    if (drawn.right - drawn.left > 0.005 && drawn.bottom - drawn.top > 0.005) areas.push(drawn);
    show([]);
  });
  show([]);
};
const draw = () => {
  if (!window.echarts) return;
  document.querySelectorAll("[data-chart]").forEach((place) => {
    if (echarts.getInstanceByDom(place)) return;
    const chart = echarts.init(place, null, { renderer: "svg" });
    chart.setOption(JSON.parse(place.dataset.chart));
    new ResizeObserver(() => chart.resize()).observe(place);
  });
};
const begin = () => {
  // Where there is no room beside it, the menu opens when it is wanted.
  if (window.matchMedia("(max-width: 60rem)").matches) document.querySelector(".side details")?.removeAttribute("open");
  draw();
  showViews();
  document.querySelectorAll("[data-blurring]").forEach(takeAreas);
  document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest" });
  const first = document.querySelector("[data-open-first]");
  if (first && window.matchMedia("(min-width: 60.01rem)").matches) first.click();
  document.querySelector("[aria-invalid=true]")?.focus();
};
const still = document.querySelector("[data-reload]");
if (still) setTimeout(() => location.reload(), Number(still.dataset.reload) * 1000);
document.addEventListener("DOMContentLoaded", begin);
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  if (event.target.matches("[data-insert]") && event.target.value)
    document.getElementById(event.target.dataset.insert).value = event.target.value;
  if (event.target.matches("[data-go]")) location.assign(event.target.value);
});
