// Every column beside the real one: the worst first, with the distribution function on request.

import { h, put, visible } from "../lib/dom.js";
import { score } from "../lib/format.js";
import { address, figure, legend } from "../lib/figure.js";
import { orderOf } from "../lib/grid.js";
import { empty } from "../lib/view.js";

/** Cards that are made at once. */
const SHOWN = 60;

/** The tab. */
export function columns({ job, name, repeat, held, context }) {
  const list = repeat?.details?.column_shapes?.columns ?? [];
  if (!list.length) return empty("Column shapes were not computed for this candidate.");
  const references = new Map((held?.details?.column_shapes?.columns ?? []).map((one) => [one.column, one.score]));
  const { signal } = context;
  const place = h("div", { class: "cards" });
  const more = h("p");
  let order = orderOf(context.query.get("sort"))?.name === "position" ? "position" : "score";
  let shown = 0;
  const sorted = () => (order === "position" ? list : [...list].sort((a, b) => (a.score ?? 2) - (b.score ?? 2)));
  const grow = () => {
    place.append(...sorted().slice(shown, shown + SHOWN).map((entry) => card(entry)));
    shown = Math.min(list.length, shown + SHOWN);
    put(more, shown < list.length ? h("button", { type: "button", onclick: grow }, `Show more (${list.length - shown} left)`) : null);
  };
  const card = (entry) => {
    const parameters = { candidate: name, repeat: repeat.repeat, column: entry.column };
    return h("figure", { class: "card" }, h("h3", {}, visible(entry.column)),
      h("p", { class: "small quiet" }, `${entry.kind}, `, entry.score === null ? entry.why ?? "undefined" : `agreement ${score(entry.score)} [${score(references.get(entry.column))}]`),
      figure(address(job, "column", parameters), signal), later(entry, parameters));
  };
  const later = (entry, parameters) => {
    if (!["continuous", "datetime"].includes(entry.kind)) return null;
    const inside = h("div");
    return h("details", { ontoggle: (event) => { if (event.target.open && !inside.firstChild) put(inside, figure(address(job, "column_ecdf", parameters), signal), figure(address(job, "column_qq", parameters), signal)); } }, h("summary", { class: "small" }, "Distribution function and quantiles"), inside);
  };
  const choice = h("select", { id: "column-order", onchange: () => { order = choice.value; context.note({ sort: order === "position" ? "position" : null }); shown = 0; put(place); grow(); } },
    h("option", { value: "score" }, "worst first"), h("option", { value: "position", selected: order === "position" }, "as in the table"));
  grow();
  return [
    h("div", { class: "row spread" }, legend(), h("div", { class: "row" }, h("label", { for: "column-order" }, "Order"), choice)),
    h("p", { class: "small quiet" }, "Agreement: 1 is equal. In brackets: what held-out rows get. The gap between the curves is filled."),
    place, more,
    h("section", { class: "section" }, h("h2", {}, "All columns in one picture"), figure(address(job, "scores_by_column", { candidate: name, repeat: repeat.repeat }), signal, { wide: true })),
    h("section", { class: "section" }, h("h2", {}, "Missing cells"), figure(address(job, "missing_rates", { candidate: name, repeat: repeat.repeat }), signal, { wide: true })),
  ];
}
