// Models that learnt from synthetic rows beside models that learnt from real ones, both tested on rows held out.

import { h } from "../lib/dom.js";
import { score } from "../lib/format.js";
import { address, figure } from "../lib/figure.js";
import { grid } from "../lib/grid.js";
import { empty } from "../lib/view.js";
import { scores } from "./overview.js";

/** The tab. */
export function utility({ job, name, repeat, held, context }) {
  const details = repeat?.details?.ml_efficacy;
  if (!details?.models?.length) return empty("No model was trained: the table has no target, or the benchmark was left out.");
  const { signal } = context;
  const parameters = { candidate: name, repeat: repeat.repeat };
  const measures = details.models.flatMap((model) => Object.entries(model.tstr ?? {}).filter(([, value]) => typeof value === "number").map(([measure, value]) => ({ model, measure, value })));
  const ranked = details.models.filter((model) => model.importance?.length);
  const reference = (id) => held?.scores.find((one) => one.name === id)?.value;
  return [
    h("p", {}, "Models of ", h("b", {}, details.target), " learn from synthetic rows and from as many real ones; both are tested on rows that were held out. Grey: learnt from real rows; blue-green: from synthetic ones; lines: 95 % intervals."),
    figure(address(job, "utility", parameters), signal, { wide: true }),
    grid({ caption: "Measures of both trainings", rows: measures, columns: [
      { name: "model", title: "Model", of: (row) => row.model.model, by: (row) => row.model.model },
      { name: "measure", title: "Measure", of: (row) => row.measure.replaceAll("_", " "), by: (row) => row.measure },
      { name: "synthetic", title: "From synthetic rows", number: true, of: (row) => score(row.value), by: (row) => row.value },
      { name: "real", title: "From real rows", number: true, of: (row) => score(row.model.trtr?.[row.measure]), by: (row) => row.model.trtr?.[row.measure] },
    ] }),
    ranked.length ? h("section", { class: "section" }, h("h2", {}, "What the models look at"), h("p", { class: "small quiet" }, "Ranks of importance, 1 is most. Amber: more than three ranks apart."),
      h("div", { class: "cards" }, ranked.map((model) => h("figure", { class: "card" }, h("h3", {}, model.model), h("p", { class: "small quiet" }, `correlation of the ranks ${score(model.importance_correlation)}`), figure(address(job, "importance", { ...parameters, column: model.model }), signal))))) : null,
    h("section", { class: "section" }, h("h2", {}, "All scores"), scores(repeat, reference, ["ml_efficacy", "sdgym2020"])),
  ];
}
