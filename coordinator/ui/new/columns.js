// Step 3: what each column holds and what is done with it; the target and what it asks for.

import { h, put, visible } from "../lib/dom.js";
import { count } from "../lib/format.js";
import { mini, missing, range, remarks } from "../lib/columns.js";
import { KINDS, PROBLEMS, ROLES } from "./state.js";

/** Rows that are drawn at once; more come as the list is scrolled to its end. */
const DRAWN = 120;

/** The table of columns with editable kinds and roles. `edits` is {name: {kind, role}}; `changed(edits)` hears of a change. */
export function columnTable({ profile, edits, changed, locked = false }) {
  const body = h("tbody");
  const row = (column) => {
    const edit = edits[column.name] ?? {};
    const line = h("tr", { class: edit.kind || edit.role ? "is-edited" : null });
    const set = (field) => (event) => {
      const now = { ...(edits[column.name] ?? {}), [field]: event.target.value };
      if (now[field] === column[field === "kind" ? "kind" : "role"]) delete now[field];
      edits[column.name] = now;
      line.className = now.kind || now.role ? "is-edited" : "";
      changed(edits);
    };
    const select = (field, options) => h("select", { "aria-label": `${field === "kind" ? "Kind" : "Use"} of ${column.name}`, disabled: locked, onchange: set(field) },
      options.map(([name, title]) => h("option", { value: name, selected: name === (edit[field] ?? column[field]) }, title)));
    const kinds = (KINDS.includes(column.kind) ? KINDS : [...KINDS, column.kind]).map((name) => [name, name]);
    line.append(
      h("th", { scope: "row" }, visible(column.header || column.name), column.header !== column.name ? h("div", { class: "quiet small" }, `as ${column.name}`) : null),
      h("td", {}, select("kind", kinds)), h("td", {}, select("role", Object.entries(ROLES))),
      h("td", { class: "n" }, missing(column, profile.table.rows)), h("td", { class: "n" }, `${column.approximate ? "~ " : ""}${count(column.distinct)}`),
      h("td", {}, range(column)), h("td", {}, mini(column)),
      h("td", { class: "small" }, remarks(column).map((text) => h("div", {}, text))));
    return line;
  };
  const box = h("div", { class: "scroll virtual columns-table", tabindex: "0", role: "region", "aria-label": "Columns" },
    h("table", {}, h("caption", { class: "sr" }, "Columns with their kind and use"),
      h("thead", {}, h("tr", {}, ["Column", "Kind", "Use", "Missing", "Distinct", "Values", "Distribution", "Remarks"].map((title, place) => h("th", { scope: "col", class: place === 3 || place === 4 ? "n" : null }, title)))), body));
  let drawn = 0;
  let list = profile.columns;
  const more = () => {
    body.append(...list.slice(drawn, drawn + DRAWN).map(row));
    drawn = Math.min(list.length, drawn + DRAWN);
  };
  box.addEventListener("scroll", () => { if (drawn < list.length && box.scrollTop + box.clientHeight > box.scrollHeight - 400) more(); });
  more();
  /** Shows only some columns. */
  box.show = (filter) => { list = profile.columns.filter(filter); drawn = 0; put(body); more(); };
  return box;
}

/** The step. */
export function columnStep({ draft, profile, faults, changed }) {
  if (!profile) return h("p", { class: "quiet" }, "Kinds, ranges and remarks of each column appear here; kinds and uses can be corrected.");
  const value = draft.value;
  const table = columnTable({ profile, edits: { ...value.columns }, changed: (edits) => { draft.save({ columns: edits }); changed(); } });
  const guess = profile.target ? `guess: ${profile.target}` : "none";
  const target = h("select", { id: "target", onchange: () => { draft.save({ target: target.value }); changed(); } },
    h("option", { value: "" }, guess), h("option", { value: "none", selected: value.target === "none" }, "no target"),
    profile.columns.filter((column) => column.role === "model").map((column) => h("option", { value: column.name, selected: column.name === value.target }, visible(column.header || column.name))));
  const problem = h("select", { id: "problem", onchange: () => { draft.save({ problem_type: problem.value }); changed(); } },
    h("option", { value: "" }, profile.problem_type ? `guess: ${profile.problem_type.replaceAll("_", " ")}` : "guess"),
    PROBLEMS.map((name) => h("option", { value: name, selected: name === value.problem_type }, name.replaceAll("_", " "))));
  return h("div", {}, table, faults.group("/source/columns", table),
    h("div", { class: "two" },
      faults.field("/target", "Target: the column that models learn", target, "Utility is judged by models of this column."),
      faults.field("/problem_type", "What the target asks for", problem)));
}
