// Associations of pairs: real, synthetic, difference. A pair that is chosen is drawn for both tables and their difference.

import { h, put, visible } from "../lib/dom.js";
import { score } from "../lib/format.js";
import { address, figure, legend } from "../lib/figure.js";
import { grid } from "../lib/grid.js";
import { empty } from "../lib/view.js";

/** Pairs of the table. */
const SHOWN = 200;

/** The tab. */
export function pairs({ job, name, repeat, held, context }) {
  const details = repeat?.details?.pair_trends;
  if (!details?.pairs?.length) return empty("Pair trends were not computed for this candidate.");
  const { signal, query, note } = context;
  const key = (pair) => pair.columns.join("\u0000");
  const references = new Map((held?.details?.pair_trends?.pairs ?? []).map((pair) => [key(pair), pair.fixed]));
  const loss = (pair) => (1 - (pair.fixed ?? 1)) * (pair.weight ?? 0);
  const worst = details.pairs.filter((pair) => typeof pair.fixed === "number").sort((a, b) => loss(b) - loss(a));
  const place = h("div");
  const choose = (one, other, scroll) => {
    note({ column: one, column2: other });
    put(place, h("figure", { class: "card" }, h("h3", {}, visible(one), " × ", visible(other)), legend(),
      h("p", { class: "small quiet" }, "Real, synthetic, and the difference: blue-green where the synthetic table has more, brown where it has less. Cells of fewer than five rows are empty."),
      figure(address(job, "pair", { candidate: name, repeat: repeat.repeat, column: one, column2: other }), signal, { wide: true })));
    if (scroll) place.scrollIntoView({ block: "nearest" });
  };
  if (query.get("column") && query.get("column2")) choose(query.get("column"), query.get("column2"), false);
  else if (worst[0]) choose(...worst[0].columns, false);
  return [
    h("h2", {}, "Associations"),
    h("p", { class: "small quiet" }, "|r| of two numbers, Cramér's V of two labels, the correlation ratio otherwise. Difference: synthetic less real."),
    figure(address(job, "correlation", { candidate: name, repeat: repeat.repeat }), signal, { wide: true }),
    h("section", { class: "section" }, h("h2", {}, "One pair"), place),
    h("section", { class: "section" }, h("h2", {}, "Pairs, those kept worst first"),
      h("p", { class: "small quiet" }, `By loss of agreement times strength in the real table; ${Math.min(SHOWN, worst.length)} of ${details.pairs_total ?? worst.length} pairs. Choose one to see it.`),
      grid({ caption: "Pairs", rows: worst.slice(0, SHOWN), columns: [
        { name: "pair", title: "Columns", of: (pair) => h("button", { type: "button", class: "link-button", onclick: () => choose(...pair.columns, true) }, visible(pair.columns[0]), " × ", visible(pair.columns[1])), by: (pair) => pair.columns[0] },
        { name: "agreement", title: "Agreement ↑", number: true, of: (pair) => score(pair.fixed), by: (pair) => pair.fixed },
        { name: "reference", title: "Held-out rows", number: true, of: (pair) => score(references.get(key(pair))), by: (pair) => references.get(key(pair)) },
        { name: "strength", title: "Strength in the real table", number: true, of: (pair) => score(pair.weight), by: (pair) => pair.weight },
      ] })),
  ];
}
