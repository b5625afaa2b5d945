// A long table of which only the rows in sight are elements: ten thousand tasks scroll like ten. Every row has one height.

import { freshId, h, put } from "./dom.js";
import { headOf, sorted } from "./grid.js";

/** Rows that are drawn above and below those in sight. */
const BEYOND = 12;
/** Height of a row until one was measured, in pixels. */
const HEIGHT = 36;

/** A table as `grid` makes it, in a box that scrolls; a column may tell its `width` in CSS units. `key(row)` names a row. */
export function long({ caption, columns, rows, sort = null, key }) {
  const [heads, body, above, below] = [h("tr", { "aria-rowindex": 1 }), h("tbody"), h("tr", { class: "gap", "aria-hidden": "true" }), h("tr", { class: "gap", "aria-hidden": "true" })];
  for (const gap of [above, below]) gap.append(h("td", { colspan: columns.length }));
  const id = freshId("table");
  const table = h("table", { "aria-labelledby": id, "aria-rowcount": rows.length + 1 }, h("caption", { id, class: "sr" }, caption), h("colgroup", {}, columns.map((column) => h("col", { style: column.width ? { width: column.width } : {} }))), h("thead", {}, heads), body);
  const box = h("div", { class: "scroll long", tabindex: "0", role: "region", "aria-labelledby": id }, table);
  let [order, list, height, drawn, due] = [sort, [], HEIGHT, new Map(), false];

  const rowOf = (row, place) => h("tr", { "aria-rowindex": place + 2 }, columns.map((column, at) => h(at === 0 ? "th" : "td", { class: column.number ? "n" : null, scope: at === 0 ? "row" : null }, column.of(row))));
  /** Draws the rows in sight; those that stay are kept, with the focus that may be in them. */
  const draw = () => {
    due = false;
    const first = Math.max(0, Math.floor(box.scrollTop / height) - BEYOND);
    const last = Math.min(list.length, Math.ceil((box.scrollTop + (box.clientHeight || 600)) / height) + BEYOND);
    const now = new Map();
    for (let place = first; place < last; place += 1) now.set(key(list[place]), drawn.get(key(list[place])) ?? rowOf(list[place], place));
    const focused = body.contains(document.activeElement);
    for (const [name, row] of drawn) if (!now.has(name)) row.remove();
    let before = above;
    for (const row of now.values()) {
      if (before.nextSibling !== row) before.after(row);
      before = row;
    }
    drawn = now;
    // who walked through the rows does not fall out of the table
    if (focused && !body.contains(document.activeElement)) box.focus({ preventScroll: true });
    above.firstChild.style.height = `${first * height}px`;
    below.firstChild.style.height = `${(list.length - last) * height}px`;
    const measured = now.values().next().value?.getBoundingClientRect().height;
    if (measured && Math.abs(measured - height) > 0.5) { height = measured; soon(); }
  };
  const soon = () => { if (!due) { due = true; requestAnimationFrame(draw); } };
  const arrange = () => {
    put(heads, columns.map((column) => headOf(column, order, (name) => {
      order = { name, down: order?.name === name ? !order.down : Boolean(columns.find((one) => one.name === name).number) };
      box.scrollTop = 0;
      arrange();
      heads.querySelector(`[data-column="${name}"] button`)?.focus();
    })));
    list = sorted(rows, columns, order);
    drawn = new Map();
    put(body, above, below);
    draw();
  };
  box.addEventListener("scroll", soon, { passive: true });
  // its place is known when it is on the page
  new ResizeObserver(soon).observe(box);
  arrange();
  return box;
}
