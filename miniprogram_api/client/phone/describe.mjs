// From the API's document: the types of all calls (typings/, not committed), and what the pages need of it when they run:
// of every operation that they call its method, path and the fields of its body, and the words of the values they show.
//
//   npm run types        (asks `python -m server openapi`; PYTHON names another Python than the project's)
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import openapiTS, { astToString } from "openapi-typescript";

const CLIENT = join(dirname(fileURLToPath(import.meta.url)), "..");
const ROOT = join(CLIENT, "../..");
const python = process.env.PYTHON ?? [join(ROOT, ".venv/bin/python")].find(existsSync) ?? "python3";
const document = JSON.parse(execFileSync(python, ["-m", "server", "openapi"], { cwd: ROOT, maxBuffer: 1 << 28 }));
const schemas = document.components.schemas;

const sources = filesIn(join(CLIENT, "miniprogram"), ".ts").filter((path) => !path.endsWith("described.ts")).map((path) => readFileSync(path, "utf8")).join("\n");
const mentioned = new Set(sources.match(/(?<=["'])\w+(?=["'])/g));

function filesIn(folder, ending) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesIn(join(folder, entry.name), ending) : entry.name.endsWith(ending) ? [join(folder, entry.name)] : [],
  );
}

const resolve = (schema) => {
  if (schema.$ref) return { ...resolve(schemas[schema.$ref.split("/").pop()]), ...without(schema, "$ref") };
  const choice = schema.anyOf?.find((one) => one.type !== "null");
  return choice ? { ...resolve(choice), ...without(schema, "anyOf") } : schema;
};
const without = (value, name) => Object.fromEntries(Object.entries(value).filter(([key]) => key !== name));

/** A field's label: the document's words up to the first comma. */
const label = (words = "") => words.replace(/的标识$/, "").split(/[（，；：。]/)[0];

/** What can be chosen, with "other" last. */
function optionsOf({ enum: values, "x-enum-descriptions": words }) {
  const options = values.map((value, at) => [value, words?.[at] ?? value]);
  return [...options.filter(([value]) => value !== "other"), ...options.filter(([value]) => value === "other")];
}

function describeField(name, schema, required) {
  const settled = resolve(schema);
  const field = { name, label: label(schema.description ?? settled.description) };
  if (required) field.required = true;
  if (settled.enum) return { ...field, kind: "choice", options: optionsOf(settled) };
  if (settled.format === "date") return { ...field, kind: "date" };
  if (settled.format === "date-time") return { ...field, kind: "moment" };
  if (settled.type === "boolean") return { ...field, kind: "switch" };
  if (settled.type === "integer" || settled.type === "number") return { ...field, kind: name === "stars" ? "stars" : "number", min: settled.minimum, max: settled.maximum };
  if (name === "picture_ids") return { ...field, label: "照片", kind: "pictures", max: settled.maxItems };
  if (settled.type === "array") return { ...field, kind: "list", max: settled.maxItems };
  if (settled.properties) return { ...field, kind: "group", fields: describeFields(settled) };
  return { ...field, kind: (settled.maxLength ?? 0) > 100 ? "long" : "text", max: settled.maxLength };
}

const describeFields = (schema) =>
  Object.entries(schema.properties ?? {}).map(([name, one]) => describeField(name, one, schema.required?.includes(name)));

const operations = {};
const words = {};
for (const [path, methods] of Object.entries(document.paths))
  for (const [method, operation] of Object.entries(methods)) {
    if (!mentioned.has(operation.operationId)) continue;
    const described = (operations[operation.operationId] = { method: method.toUpperCase(), path: path.replace("/api/v1", ""), title: label(operation.summary) });
    if (!operation.security?.length) described.anyone = true;
    if (operation.parameters?.some((one) => one.name === "Idempotency-Key")) described.once = true;
    const body = operation.requestBody?.content?.["application/json"]?.schema;
    if (body) described.fields = describeFields(resolve(body));
  }
for (const [name, schema] of Object.entries(schemas))
  if (schema["x-enum-descriptions"] && mentioned.has(name)) words[name] = Object.fromEntries(schema.enum.map((value, at) => [value, schema["x-enum-descriptions"][at]]));

const lines = (value) => Object.entries(value).map(([name, one]) => `  ${name}: ${JSON.stringify(one)},\n`).join("");
const wanted = process.argv[2] !== "--types-only";
if (wanted) writeFileSync(
  join(CLIENT, "miniprogram/api/described.ts"),
  `// Made by phone/describe.mjs from the API's document: not to be edited.
import type { Operation } from "./operation";

export const OPERATIONS: Record<string, Operation> = {\n${lines(operations)}};

export const WORDS: Record<string, Record<string, string>> = {\n${lines(words)}};\n`,
);
mkdirSync(join(CLIENT, "typings"), { recursive: true });
writeFileSync(join(CLIENT, "typings/api.d.ts"), astToString(await openapiTS(document, { defaultNonNullable: false })));
console.log(`${Object.keys(operations).length} operations, ${Object.keys(words).length} kinds of words`);
