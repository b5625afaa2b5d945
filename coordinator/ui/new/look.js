// A short look at the beginning of a table, while a job reads it whole: first rows, and a guess of each column's kind that
// can be corrected already. What is corrected here stays when the whole table was read.

import { Problem, json } from "../lib/api.js";
import { h, visible } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { cells } from "./data.js";
import { KINDS, ROLES } from "./state.js";

/** Whether there is something to look at: links are read by workers alone. */
export const canLook = (source) => !/^(https?|s3):/.test(source.uri ?? source);

/** What a short look tells; null where nobody looks at such a table. */
export async function look(source, signal) {
  try {
    return await json("/v1/sniff", { method: "POST", body: { source }, signal });
  } catch (error) {
    // what is wrong with the table is told by the job that reads it whole
    if (error instanceof Problem) return null;
    throw error;
  }
}

/** The first rows, as far as the caller may see them. */
export function lookedAtRows(told) {
  const seen = `A look at the first ${count(told.rows_seen)} rows${told.whole ? ", which is all of them" : ""}.`;
  const rows = told.rows?.length ? cells("First rows of the table", told.columns.map((column) => column.header || column.name), told.rows) : null;
  return h("div", {}, h("p", { class: "small quiet" }, seen), rows);
}

/** Kinds and uses as they are guessed, to be corrected. */
export function lookedAtColumns(told, { draft, changed }) {
  const set = (column, field) => (event) => {
    const now = { ...(draft.value.columns[column.name] ?? {}), [field]: event.target.value };
    if (now[field] === column[field]) delete now[field];
    draft.save({ columns: { ...draft.value.columns, [column.name]: now } });
    changed();
  };
  const select = (column, field, options) => h("select", { "aria-label": `${field === "kind" ? "Kind" : "Use"} of ${column.name}`, onchange: set(column, field) },
    options.map(([name, title]) => h("option", { value: name, selected: name === (draft.value.columns[column.name]?.[field] ?? column[field]) }, title)));
  const kinds = (column) => (KINDS.includes(column.kind) ? KINDS : [...KINDS, column.kind]).map((name) => [name, name]);
  return h("div", {},
    h("p", { class: "small quiet" }, "Guessed from the first rows; ranges and remarks follow when the whole table was read."),
    h("div", { class: "scroll virtual columns-table", tabindex: "0", role: "region", "aria-label": "Guessed columns" },
      h("table", {}, h("caption", { class: "sr" }, "Guessed columns with their kind and use"),
        h("thead", {}, h("tr", {}, ["Column", "Kind", "Use", "Missing", "Distinct"].map((title, place) => h("th", { scope: "col", class: place > 2 ? "n" : null }, title)))),
        h("tbody", {}, told.columns.slice(0, COLUMNS).map((column) => h("tr", {}, h("th", { scope: "row" }, visible(column.header || column.name)),
          h("td", {}, select(column, "kind", kinds(column))), h("td", {}, select(column, "role", Object.entries(ROLES))),
          h("td", { class: "n" }, count(column.missing)), h("td", { class: "n" }, count(column.distinct))))))),
    told.columns.length > COLUMNS ? h("p", { class: "small quiet" }, `${count(told.columns.length - COLUMNS)} more columns follow.`) : null);
}

/** Columns that are shown of a short look. */
const COLUMNS = 120;
