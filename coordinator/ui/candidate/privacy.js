// Gates with their limits, distances three ways, attacks with intervals. Rows themselves are never part of it.

import { h } from "../lib/dom.js";
import { plain, score } from "../lib/format.js";
import { address, figure } from "../lib/figure.js";
import { grid } from "../lib/grid.js";
import { gateMeaning } from "../lib/meaning.js";
import { badge, empty } from "../lib/view.js";
import { scores } from "./overview.js";

const SIDES = [["train", "synthetic to learnt"], ["holdout", "synthetic to held out"], ["real", "held out to learnt"]];

/** The tab. */
export function privacy({ job, name, repeat, held, ranked, reference, context }) {
  const details = repeat?.details?.distances;
  const of = (id) => held?.scores.find((one) => one.name === id)?.value;
  const gates = ranked?.gates ?? [];
  if (!gates.length && !details) return empty("Privacy was not measured for this candidate.");
  return [
    h("h2", {}, "Gates"),
    h("p", { class: "small quiet" }, "A gate fails when its one-sided 95 % bound lies beyond the limit, not by the value alone: up to there chance explains it."),
    grid({ caption: "Gates", rows: gates, columns: [
      { name: "name", title: "Gate", of: (gate) => gate.name.replaceAll("_", " ") },
      { name: "state", title: "State", of: (gate) => badge(gate.state, gate.state === "weak_evidence" ? "pass, weak evidence" : gate.state) },
      { name: "value", title: "Value", number: true, of: (gate) => score(gate.value) },
      { name: "bounds", title: "Bounds", number: true, of: (gate) => (typeof gate.low === "number" ? `${score(gate.low)} – ${score(gate.high)}` : "–") },
      { name: "limit", title: "Limit", number: true, of: (gate) => plain(gate.limit) }, { name: "fair", title: "Fair", number: true, of: (gate) => plain(gate.fair) },
      { name: "held", title: "Held-out rows", number: true, of: (gate) => score(reference?.gates.find((one) => one.name === gate.name)?.value) },
      { name: "asks", title: "Asks whether", text: true, of: (gate) => h("span", { class: "small quiet" }, gateMeaning(gate.name)) },
    ] }),
    details ? h("section", { class: "section" }, h("h2", {}, "Distances to the nearest row"),
      h("p", {}, "Synthetic rows should lie as far from rows that were learnt as from rows that were not."),
      h("p", { class: "legend" }, h("span", {}, h("i", { class: "l-real" }), "held out to learnt"), h("span", {}, h("i", { class: "l-ref" }), "synthetic to held out"), h("span", {}, h("i", { class: "l-syn" }), "synthetic to learnt")),
      figure(address(job, "distances", { candidate: name, repeat: repeat.repeat }), context.signal, { wide: true }), deciles(details.deciles), groups(details.groups), scores(repeat, of, ["distances"])) : null,
    h("section", { class: "section" }, h("h2", {}, "Attacks"),
      h("p", {}, "An attacker holds the synthetic table and guesses who was learnt from (.5 is guessing), or uses it against people who were learnt from beyond what it tells of others (0 is fair)."),
      scores(repeat, of, ["membership", "anonymity", "disclosure"])),
    h("p", { class: "small quiet" }, "Passing these gates is evidence, not proof. ", typeof repeat?.epsilon === "number" ? `Formal guarantee: differential privacy with ε = ${plain(repeat.epsilon)}, δ = ${plain(repeat.delta ?? 0)}.` : "This synthesizer gives no formal guarantee (it is not differentially private)."),
  ];
}

function deciles(data) {
  const rows = SIDES.filter(([side]) => data?.[side]?.length).map(([side, title]) => ({ title, values: data[side] }));
  if (!rows.length) return null;
  return grid({ caption: "Deciles of distances", hidden: false, rows, columns: [
    { name: "side", title: "Distance", of: (row) => row.title },
    ...Array.from({ length: 9 }, (_, place) => ({ name: `d${place}`, title: `${(place + 1) * 10} %`, number: true, of: (row) => score(row.values[place]) })),
  ] });
}

function groups(list) {
  if (!list?.length) return null;
  const share = (value) => (typeof value?.value === "number" ? `${score(value.value)} ± ${score(value.error)}` : "–");
  return grid({ caption: "Share of synthetic rows nearer to learnt rows, fair is 0.5", hidden: false, rows: list, columns: [
    { name: "name", title: "Columns", of: (group) => [group.name, h("div", { class: "quiet small" }, group.columns.join(", ").slice(0, 120))] },
    { name: "equal", title: "Equal sides", number: true, of: (group) => share(group.dcr_share) },
    { name: "all", title: "All rows", number: true, of: (group) => share(group.dcr_share_full) },
  ] });
}
