// Step 2: the first rows, and how the file was read. Another wish reads it again.

import { Problem, json } from "../lib/api.js";
import { cell, h, put, visible } from "../lib/dom.js";
import { count, plural } from "../lib/format.js";
import { empty, failure } from "../lib/view.js";

const ROWS = 50;

/** A table of cells: a header and rows of values. */
export function cells(caption, header, rows) {
  return h("div", { class: "scroll cells", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", { class: "sr" }, caption),
      h("thead", {}, h("tr", {}, header.map((name) => h("th", { scope: "col", title: name }, visible(name))))),
      h("tbody", {}, rows.map((row) => h("tr", {}, header.map((_, place) => h("td", {}, cell(row[place]))))))));
}

/** The first real rows of a job, for who may see them. */
export async function realRows(job, profile, signal) {
  try {
    const told = await json(`/v1/jobs/${job}/rows?limit=${ROWS}`, { signal });
    const names = profile.columns.map((column) => column.name);
    return cells(`First ${told.items.length} rows`, profile.columns.map((column) => column.header), told.items.map((row) => names.map((name) => row[name])));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status === 403) return empty("Your token may not see real rows (scope read_real). Columns are described below without them.");
    return failure(error);
  }
}

/** The step, before and after the server read the table. */
export function dataStep({ draft, profile, faults, rows, again }) {
  const value = draft.value;
  if (!profile) {
    if (!value.preview) return h("p", { class: "quiet" }, "The first rows of the table appear here.");
    const { header, rows: first } = value.preview;
    return h("div", {}, h("p", { class: "small quiet" }, `The first ${first.length} rows as this page reads them; nothing was sent yet.`), cells("First rows of the file", header, first));
  }
  const { table, source } = profile;
  const place = h("div", {}, rows);
  return h("div", {},
    h("p", {}, h("b", {}, table.name), `: ${plural(table.rows, "row")}, ${plural(table.columns, "column")}; ${count(profile.split.train_rows)} to learn from, ${count(profile.split.holdout_rows)} held out. `, table.duplicate_rows ? `${count(table.duplicate_rows)} rows equal an earlier one. ` : "", source.rejected_rows ? `${count(source.rejected_rows)} rows were left out. ` : "", source.rejected_cells ? `${count(source.rejected_cells)} cells do not fit their column. ` : ""),
    notes(profile.notes),
    source.format === "parquet" ? null : dialect({ draft, profile, faults, again }),
    place);
}

function notes(list) {
  return list.length ? h("ul", { class: "small quiet" }, list.map((note) => h("li", {}, note.text))) : null;
}

function dialect({ draft, profile, faults, again }) {
  const found = profile.source.dialect;
  const wish = draft.value.dialect;
  const dirty = h("p", { class: "row", hidden: true }, h("button", { type: "button", onclick: again }, "Read again"), h("span", { class: "small quiet" }, "with the settings above"));
  const set = (name) => (event) => { draft.save({ dialect: { ...draft.value.dialect, [name]: event.target.value } }); dirty.hidden = false; };
  const text = (name, label, shown) => faults.field(`/source/dialect/${name}`, label, h("input", { type: "text", id: `dialect-${name}`, value: wish[name] ?? "", placeholder: shown, oninput: set(name) }));
  const chars = (char) => (char === "\t" ? "tab" : char ?? "none");
  const named = (char) => ({ ",": "comma", ";": "semicolon", "|": "bar", "\"": "double", "'": "single" }[char] ?? chars(char));
  const header = h("select", { id: "dialect-header", onchange: set("header") },
    [["", `found: ${found.header ? "yes" : "no"}`], ["yes", "yes"], ["no", "no"]].map(([name, title]) => h("option", { value: name, selected: name === (wish.header ?? "") }, title)));
  const fields = h("div", { class: "dialect" },
    text("delimiter", "Delimiter", chars(found.delimiter)), text("quote", "Quote", chars(found.quote)), text("decimal", "Decimal mark", found.decimal),
    text("encoding", "Encoding", found.encoding), faults.field("/source/dialect/header", "Header", header), text("skip_lines", "Lines to skip", String(found.skipped_lines ?? 0)));
  const open = Object.values(wish).some((one) => one !== "");
  return h("details", { open }, h("summary", {}, `How it was read: delimiter ${named(found.delimiter)}, quote ${named(found.quote)}, ${found.encoding}, header ${found.header ? "yes" : "no"}`), fields, dirty);
}

/** One-click remedies for what a table is refused for. */
export function remedies(problem, draft, again) {
  const code = problem.errors?.[0]?.code ?? "";
  const button = (word, change) => h("button", { type: "button", onclick: () => { draft.save(change); again(); } }, word);
  if (code === "csv::ragged" || code === "csv::bad_rows") {
    return [button("Leave those rows out", { bad_rows: "skip" }), button("Fill short rows", { bad_rows: "pad" })];
  }
  if (code === "csv::too_many_bad_rows") return [0.05, 0.2].map((share) => button(`Let up to ${share * 100} % of the rows be left out`, { bad_rows_max: share }));
  if (code === "csv::nul_byte" || code.startsWith("encoding::")) return [button("Take such bytes out", { bad_bytes: "strip" }), button("Replace them", { bad_bytes: "replace" })];
  if (code === "csv::dialect") return [button("Delimiter ,", { dialect: { delimiter: "," } }), button("Delimiter ;", { dialect: { delimiter: ";" } }), button("Delimiter tab", { dialect: { delimiter: "tab" } })];
  return null;
}

/** Replaces the rows of a place once they came. */
export async function fillRows(place, job, profile, signal) {
  put(place, await realRows(job, profile, signal));
}
