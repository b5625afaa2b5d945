// Columns of a profile as people see them: a small picture of the values, what they range over, what was noted.

import { h, s, visible } from "./dom.js";
import { count, percent, plain } from "./format.js";

const WIDTH = 96;
const HEIGHT = 26;

/** A small histogram of a column: bins of numbers, or its commonest labels. */
export function mini(column) {
  const counts = column.numeric?.histogram?.counts?.length ? column.numeric.histogram.counts : (column.levels ?? []).slice(0, 24).map((level) => level.count);
  if (!counts.length) return h("span", { class: "quiet small" }, "–");
  const most = Math.max(...counts, 1);
  const step = WIDTH / counts.length;
  const gap = step > 3 ? 1 : 0;
  const path = counts.map((value, place) => {
    const height = Math.max(value ? 1 : 0, (value / most) * HEIGHT);
    return `M${(place * step).toFixed(2)} ${HEIGHT}v${(-height).toFixed(2)}h${(step - gap).toFixed(2)}v${height.toFixed(2)}z`;
  }).join("");
  return s("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": `Values of ${column.name}: ${range(column)}` }, s("path", { class: "mini", d: path }));
}

/** What a column's values range over, in a few words. */
export function range(column) {
  if (column.numeric && column.numeric.min !== null) return `${plain(column.numeric.min)} to ${plain(column.numeric.max)}`;
  if (column.dates?.min) return `${column.dates.min} to ${column.dates.max}`;
  if (column.levels?.length) {
    const shown = column.levels.slice(0, 3).map((level) => cut(level.value)).join(", ");
    return column.levels.length > 3 || column.levels_rest ? `${shown}, …` : shown;
  }
  if (column.text?.length) return `${plain(column.text.length.min)} to ${plain(column.text.length.max)} characters`;
  return "no value";
}

const cut = (text) => visible(text.length > 24 ? `${text.slice(0, 23)}…` : text);

/** The share of missing cells. */
export const missing = (column, rows) => (column.missing ? `${percent(column.missing / Math.max(rows, 1))} (${count(column.missing)})` : "none");

/** Remarks on a column: personal data, constants, what was noted. */
export function remarks(column) {
  const all = column.notes.map((note) => note.text);
  if (column.sensitivity?.class === "direct") all.unshift(`personal data (${column.sensitivity.type ?? "direct"}${column.sensitivity.by ? `, by ${column.sensitivity.by}` : ""})`);
  else if (column.sensitivity?.class === "quasi") all.unshift("may tell people apart");
  if (column.constant) all.unshift("one value in all rows");
  return all;
}
