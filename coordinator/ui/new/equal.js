// The same job as a command, as a request and as a file: always in step with the page.

import { h, put } from "../lib/dom.js";
import { copyable } from "../lib/view.js";
import { jobOf, nameOfTable } from "./state.js";

const FORMS = [["cli", "Command"], ["curl", "curl"], ["toml", "TOML"]];

/** The box; call `update` when the draft changed. */
export function equalBox(draft, query, note) {
  let form = FORMS.some(([name]) => name === query.get("view")) ? query.get("view") : "cli";
  const place = h("pre", { tabindex: "0", "aria-label": "The equal command" });
  const copy = h("span");
  const bar = h("div", { class: "row", role: "group", "aria-label": "Form" });
  const update = () => {
    const text = { cli: command, curl: request, toml: file }[form](draft.value);
    put(place, text);
    put(copy, copyable(text));
    put(bar, FORMS.map(([name, title]) => h("button", { type: "button", class: "small-button", id: `equal-${name}`, "aria-pressed": String(name === form), onclick: () => { form = name; note({ view: name === "cli" ? null : name }); update(); document.getElementById(`equal-${name}`)?.focus(); } }, title)), copy);
  };
  update();
  return { element: h("section", { class: "card equal", "aria-label": "Equal command" }, h("h2", {}, "The equal command"), bar, place), update };
}

const quoted = (word) => (/^[A-Za-z0-9/._:=-]+$/.test(word) ? word : `'${String(word).replaceAll("'", "'\\''")}'`);

/** A job whose source a person can name: an upload is the file that it was. */
function job(value) {
  const made = jobOf(value);
  const name = value.file ? value.file.name : nameOfTable(value) || "table.csv";
  if (typeof made.source === "string") made.source = name;
  else made.source = { ...made.source, uri: name };
  return made;
}

/** The job as flags of `run`. */
export function command(value) {
  const made = job(value);
  const source = typeof made.source === "string" ? { uri: made.source } : made.source;
  const out = ["synthfleet run", quoted(source.uri)];
  const flag = (name, wish) => { if (wish !== undefined) out.push(`--${name} ${quoted(String(wish))}`); };
  for (const [name, wish] of Object.entries(source.dialect ?? {})) flag(name.replaceAll("_", "-"), wish === true ? "yes" : wish === false ? "no" : wish);
  for (const [name, wish] of Object.entries(source.columns ?? {})) {
    if (wish.kind) flag("kind", `${name}=${wish.kind}`);
    if (wish.role) flag("role", `${name}=${wish.role}`);
  }
  flag("bad-rows", source.bad_rows);
  flag("bad-rows-max", source.bad_rows_max);
  flag("bad-bytes", source.bad_bytes);
  flag("preset", made.preset);
  if (made.synthesizers?.length) out.push(`-s ${made.synthesizers.map(quoted).join(" ")}`);
  if (made.benchmarks) out.push(`-b ${made.benchmarks.map(quoted).join(" ")}`);
  flag("target", made.target);
  flag("gate", made.gate);
  flag("repeats", made.repeats);
  flag("seed", made.seed);
  flag("rows", made.rows);
  if (made.budget) flag("budget", `${made.budget.seconds}s`);
  for (const [member, options] of Object.entries(made.set ?? {})) for (const [name, wish] of Object.entries(options)) flag("set", `${member}.${name}=${typeof wish === "string" ? wish : JSON.stringify(wish)}`);
  const text = out.join(" \\\n  ");
  return made.problem_type || made.hold || made.summary ? `${text} \\\n  --job job.toml` : text;
}

/** The job as a request. */
function request(value) {
  const made = jobOf(value);
  const body = JSON.stringify(made, null, 1);
  return `curl ${location.origin}/v1/jobs \\\n  -H 'content-type: application/json' \\\n  -d '${body.replaceAll("'", "'\\''")}'`;
}

/** The job as a file for `--job`. */
export function file(value) {
  const lines = [];
  const tables = [];
  const write = (path, fields) => {
    const own = Object.entries(fields).filter(([, wish]) => !isTable(wish));
    if (path && (own.length || !Object.keys(fields).length)) (path ? tables : lines).push(`\n[${path}]`);
    for (const [name, wish] of own) (path ? tables : lines).push(`${key(name)} = ${JSON.stringify(wish)}`);
    for (const [name, wish] of Object.entries(fields)) if (isTable(wish)) write(path ? `${path}.${key(name)}` : key(name), wish);
  };
  write("", job(value));
  return [...lines, ...tables].join("\n").trim();
}

const isTable = (wish) => typeof wish === "object" && wish !== null && !Array.isArray(wish);
const key = (name) => (/^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name));
