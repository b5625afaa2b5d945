// Tables: sorted by the keyboard or the mouse, wide ones scroll by themselves.

import { freshId, h, put } from "./dom.js";

/**
 * A table of `rows`. A column is {name, title, of(row): what is shown, by(row): what it sorts by, number: right-aligned}.
 * `sort` is {name, down}; `on.sort(sort)` hears of a change. `rowClass(row)` names the class of a row.
 */
export function grid({ caption, columns, rows, sort = null, on = {}, rowClass, hidden = true }) {
  const body = h("tbody");
  const heads = h("tr");
  let order = sort;
  const draw = () => {
    put(heads, columns.map((column) => headOf(column, order, (name) => {
      order = { name, down: order?.name === name ? !order.down : Boolean(columns.find((one) => one.name === name).number) };
      draw();
      heads.querySelector(`[data-column="${name}"] button`)?.focus();
      on.sort?.(order);
    })));
    put(body, sorted(rows, columns, order).map((row) => h("tr", { class: rowClass?.(row) },
      columns.map((column, place) => h(place === 0 && column.head !== false ? "th" : "td", { class: column.number ? "n" : column.text ? "text" : null, scope: place === 0 && column.head !== false ? "row" : null }, column.of(row))))));
  };
  draw();
  const id = freshId("table");
  const table = h("table", { "aria-labelledby": id }, h("caption", { id, class: hidden ? "sr" : null }, caption), h("thead", {}, heads), body);
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": id }, table);
}

/** The head of a column; a click or Enter on it chooses the order. */
export function headOf(column, order, choose) {
  const here = order?.name === column.name;
  if (!column.by) return h("th", { scope: "col", class: column.number ? "n" : null, "data-column": column.name }, column.title);
  const arrow = here ? (order.down ? "↓" : "↑") : "";
  return h("th", { scope: "col", class: column.number ? "n" : null, "data-column": column.name, "aria-sort": here ? (order.down ? "descending" : "ascending") : null },
    h("button", { type: "button", class: "sort", onclick: () => choose(column.name) }, column.title, h("span", { class: "arrow", "aria-hidden": "true" }, arrow)));
}

/** Rows in an order: what has no value stays at the end. */
export function sorted(rows, columns, order) {
  const column = order && columns.find((one) => one.name === order.name);
  if (!column?.by) return rows;
  const keyed = rows.map((row, place) => ({ row, place, key: column.by(row) }));
  const absent = (key) => key === null || key === undefined || Number.isNaN(key);
  keyed.sort((one, other) => {
    if (absent(one.key) || absent(other.key)) return absent(one.key) - absent(other.key) || one.place - other.place;
    const sign = typeof one.key === "string" ? one.key.localeCompare(other.key) : one.key - other.key;
    return (order.down ? -sign : sign) || one.place - other.place;
  });
  return keyed.map(({ row }) => row);
}

/** The order that an address names: "score" or "-score". */
export const orderOf = (text) => (text ? { name: text.replace(/^-/, ""), down: text.startsWith("-") } : null);

/** An order as an address names it. */
export const nameOf = (order) => (order ? `${order.down ? "-" : ""}${order.name}` : null);

/** Tabs with panels that are made when they are chosen first. `tabs`: [name, title, make(place)]. */
export function tabs(label, list, chosen, choose) {
  const bar = h("div", { class: "tabs", role: "tablist", "aria-label": label });
  const panel = h("div", { class: "tab-panel", role: "tabpanel", tabindex: "0" });
  const made = new Map();
  const select = (name, focus) => {
    for (const button of bar.children) {
      const here = button.dataset.name === name;
      button.setAttribute("aria-selected", String(here));
      button.tabIndex = here ? 0 : -1;
      if (here) { panel.setAttribute("aria-labelledby", button.id); if (focus) button.focus(); }
    }
    if (!made.has(name)) {
      const place = h("div");
      made.set(name, place);
      list.find(([known]) => known === name)[2](place);
    }
    put(panel, made.get(name));
    choose?.(name);
  };
  for (const [name, title] of list) {
    bar.append(h("button", { type: "button", role: "tab", id: freshId("tab"), "data-name": name, onclick: () => select(name) }, title));
  }
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = [...bar.children].findIndex((button) => button === document.activeElement);
    event.preventDefault();
    select(list[(place + step + list.length) % list.length][0], true);
  });
  select(list.some(([name]) => name === chosen) ? chosen : list[0][0], false);
  return h("div", {}, bar, panel);
}
