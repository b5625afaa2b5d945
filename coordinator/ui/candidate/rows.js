// The first rows of a sample; real rows beside them only on request, and only for who may see those.

import { Problem, json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { cells, realRows } from "../new/data.js";
import { empty, failure } from "../lib/view.js";

const PAGE = 50;

/** The tab. */
export async function rows({ job, name, own, context }) {
  const { signal } = context;
  const profile = await json(`/v1/jobs/${job}/metadata`, { signal });
  let first;
  try {
    first = await json(`/v1/jobs/${job}/candidates/${name}/rows?limit=${PAGE}`, { signal });
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return empty("The rows of this candidate are real ones. Your token may not see real rows (scope read_real).");
    if (error instanceof Problem && error.status === 409) return empty("This candidate has no rows to show.");
    throw error;
  }
  const columns = profile.columns.filter((column) => !first.items.length || column.name in first.items[0]);
  const table = h("div");
  const bar = h("div", { class: "row" });
  let from = 0;
  const show = (told) => {
    put(table, cells(`Rows ${from + 1} to ${from + told.items.length}`, columns.map((column) => column.header), told.items.map((row) => columns.map((column) => row[column.name]))));
    put(bar, h("button", { type: "button", disabled: from === 0, onclick: () => move(from - PAGE) }, "Earlier"), h("button", { type: "button", disabled: !told.next_cursor, onclick: () => move(from + PAGE) }, "Later"), h("span", { class: "small quiet", role: "status" }, `rows ${from + 1} to ${from + told.items.length}`));
  };
  const move = async (to) => {
    try {
      from = Math.max(0, to);
      show(await json(`/v1/jobs/${job}/candidates/${name}/rows?limit=${PAGE}&cursor=${from}`, { signal }));
    } catch (error) {
      if (error.name !== "AbortError") put(table, failure(error));
    }
  };
  show(first);
  const real = h("div");
  return [
    own.real_rows ? h("div", { class: "notice" }, h("p", {}, "These are real rows: this baseline copies them.")) : h("h2", {}, "Synthetic rows"),
    table, bar,
    h("section", { class: "section" }, h("h2", {}, "Real rows"), h("p", { class: "small quiet" }, "Shown on request alone, and noted in the log of the server."),
      real, h("button", { type: "button", onclick: async (event) => { event.target.remove(); put(real, await realRows(job, profile, signal)); } }, "Show real rows")),
  ];
}
