// Compiles the native mini-program into one script and one style sheet that run in a browser: the simulator's phone.
//
//   npm ci && npm run build
//
// WeChat's own component framework, glass-easel, does the work. What it lacks (the elements, wx.*, navigation) is in runtime/.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, extname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { TmplGroup } from "glass-easel-template-compiler";

const CLIENT = join(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE = join(CLIENT, "miniprogram");
const TARGET = join(CLIENT, "../../server/wechat/simulator/phone");
const ELEMENTS = ["view", "text", "image", "button", "input", "textarea", "picker", "switch"];

const read = (path) => readFileSync(path, "utf8");
const json = (path) => JSON.parse(read(path));

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name)) : [join(folder, entry.name)],
  );
}

/** What the bundle is made of, as one hash: tests/wechat/test_phone.py computes the same. */
function hashSources() {
  const paths = [...filesIn(SOURCE), ...filesIn(join(CLIENT, "phone")), join(CLIENT, "package-lock.json")];
  const hash = createHash("sha256");
  for (const path of paths.map((path) => path.slice(CLIENT.length + 1)).sort())
    hash.update(path + "\0").update(readFileSync(join(CLIENT, path))).update("\0");
  return hash.digest("hex");
}

/** Every page and component, and what each uses. */
function findComponents(app) {
  const found = new Map();
  const visit = (path) => {
    if (found.has(path)) return;
    const config = json(`${SOURCE}/${path}.json`);
    found.set(path, config);
    for (const [name, used] of Object.entries(config.usingComponents ?? {})) {
      config.usingComponents[name] = used.startsWith("/") ? used : "/" + posix.join(posix.dirname(path), used);
      visit(config.usingComponents[name].slice(1));
    }
  };
  for (const [name, used] of Object.entries(app.usingComponents ?? {})) visit(used.slice(1));
  app.pages.forEach(visit);
  return found;
}

const TAGS = new RegExp(`(</?)(${ELEMENTS.join("|")})(?=[\\s/>])`, "g");
const RPX = /((?:\{\{[^}]+\}\}|[\d.]+))rpx/g;
const compileTemplate = (text) =>
  text.replace(TAGS, "$1wx-$2").replace(/style="[^"]*"/g, (style) => style.replace(RPX, "calc($1 * var(--rpx))"));

/** A component's classes get a prefix of its own; a page's styles hold everywhere. */
function compileStyle(text, prefix) {
  const named = prefix ? text.replace(/\.([a-zA-Z][\w-]*)(?=[^{}]*\{)/g, `.${prefix}--$1`) : text;
  return named
    .replace(/(-?[\d.]+)rpx/g, "calc($1 * var(--rpx))")
    .replace(/(^|[\s,}])page(?=[\s,{])/g, "$1.page-body");
}

function build() {
  const app = json(join(SOURCE, "app.json"));
  const components = findComponents(app);
  const group = new TmplGroup();
  for (const path of components.keys()) group.addTmpl(path, compileTemplate(read(`${SOURCE}/${path}.wxml`)));
  group.addTmpl("kit/page", compileTemplate(read(`${SOURCE}/kit/page.wxml`)));
  for (const name of ELEMENTS) group.addTmpl("wx/" + name, ["view", "text", "button", "picker"].includes(name) ? "<slot/>" : "");

  const native = Object.fromEntries(ELEMENTS.map((name) => ["wx-" + name, "/wx/" + name]));
  let style = read(join(CLIENT, "phone/runtime/phone.css")) + compileStyle(read(join(SOURCE, "app.wxss")), "");
  let script = `
import { start, Phone } from "./phone/runtime/main";
const templates = ${group.getTmplGenObjectGroups()};
const phone = new Phone(templates, ${JSON.stringify(app)}, ${JSON.stringify(findAssets())});
import "./phone/runtime/elements";
phone.addElements();
`;
  let number = 0;
  // What is used is registered before what uses it.
  for (const [path, config] of [...components].sort(([one], [other]) => Number(one.startsWith("pages/")) - Number(other.startsWith("pages/")))) {
    const isPage = app.pages.includes(path);
    const prefix = isPage ? "" : `c${number++}`;
    if (existsSync(`${SOURCE}/${path}.wxss`)) style += compileStyle(read(`${SOURCE}/${path}.wxss`), prefix);
    const settled = { ...config, usingComponents: { ...native, ...app.usingComponents, ...config.usingComponents } };
    script += `phone.add(${JSON.stringify(path)}, ${JSON.stringify(settled)}, () => require("./miniprogram/${path}"), ${JSON.stringify(prefix)});\n`;
  }
  script += `phone.runApp(() => require("./miniprogram/app"));\nvoid start(phone);\n`;

  const { outputFiles } = buildSync({
    stdin: { contents: script, resolveDir: CLIENT, sourcefile: "phone.ts", loader: "ts" },
    bundle: true,
    write: false,
    format: "iife",
    target: "es2022",
    charset: "utf8",
    minify: true,
    legalComments: "none",
    logLevel: "warning",
  });
  const head = `/* Made by miniprogram_api/client (npm run build). Sources ${hashSources()} */\n`;
  mkdirSync(TARGET, { recursive: true });
  writeFileSync(join(TARGET, "app.js"), head + outputFiles[0].text);
  writeFileSync(join(TARGET, "app.css"), head + style);
  const size = filesIn(SOURCE).reduce((sum, path) => sum + readFileSync(path).length, 0);
  console.log(`${app.pages.length} pages, ${components.size - app.pages.length} components, source ${size >> 10} kB, bundle ${outputFiles[0].text.length >> 10} kB`);
}

/** Pictures of the package, by their path in it. */
function findAssets() {
  const kinds = { ".png": "image/png", ".svg": "image/svg+xml" };
  return Object.fromEntries(
    filesIn(SOURCE)
      .filter((path) => kinds[extname(path)])
      .map((path) => [path.slice(SOURCE.length), `data:${kinds[extname(path)]};base64,${readFileSync(path).toString("base64")}`]),
  );
}

build();
