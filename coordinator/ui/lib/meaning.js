// What gates ask and what a table is fit for, in words.

import { score } from "./format.js";

const GATES = {
  structure: "columns and types are those of the real table", validity: "values lie among legal labels and ranges", keys: "keys are unique",
  constraints: "accepted rules hold", pii_copy: "identifying values are not copied", identical: "no more rows equal a learnt row than equal a held-out one",
  dcr_share: "rows lie no nearer to learnt rows than to held-out ones", nndr: "rows do not crowd around single learnt rows",
  membership_nn: "an attacker cannot tell by distance who was learnt", membership_density: "an attacker cannot tell by density who was learnt",
  singling_out: "singling out succeeds no more often than on people who were not learnt", linkability: "linking succeeds no more often than on people who were not learnt",
  inference: "inferring a secret succeeds no more often than on people who were not learnt", disclosure: "keys reveal no more of people who were learnt than of others",
};

/** Gates that judge privacy; the others judge whether the table is valid. */
export const PRIVACY = ["pii_copy", "identical", "dcr_share", "nndr", "membership_nn", "membership_density", "singling_out", "linkability", "inference", "disclosure"];

/** What a gate asks. */
export const gateMeaning = (name) => GATES[name] ?? "";

/** What a row of a verdict is fit for, with the rule: thresholds on its components and gates. */
export function fitness(row) {
  const gate = (name) => (row.gates ?? []).find((one) => one.name === name);
  const privacy = (row.gates ?? []).filter((one) => PRIVACY.includes(one.name) && one.state !== "not_applicable");
  return [
    by("testing software", gate("validity")?.value, 0.99, 0.95, "smallest share of legal values in a column"),
    by("relations of columns", row.components?.accuracy, 0.97, 0.9, "accuracy over its ceiling"),
    by("training models for the target", row.components?.ml_efficacy, 0.95, 0.8, "utility of a model trained on it, relative to real rows"),
    sharing("sharing inside the organisation", privacy, false),
    sharing("publishing", privacy, true),
  ];
}

function by(what, value, yes, care, name) {
  const fit = typeof value !== "number" ? "unknown" : value >= yes ? "yes" : value >= care ? "care" : "no";
  return { what, fit, rule: `${name} is ${typeof value === "number" ? score(value) : "undefined"}; yes from ${yes}, with care from ${care}` };
}

function sharing(what, gates, outside) {
  const any = (state) => gates.some((gate) => gate.state === state);
  const fit = any("fail") ? "no" : !gates.length || any("not_assessed") ? "unknown" : outside || any("weak_evidence") ? "care" : "yes";
  const unknown = gates.filter((gate) => gate.state === "not_assessed").length;
  const passed = gates.filter((gate) => gate.passed && gate.state !== "not_assessed").length;
  return { what, fit, rule: `${passed} of ${gates.length} privacy gates passed${unknown ? `, ${unknown} not assessed` : ""}${outside ? "; without a formal guarantee a person should decide" : ""}` };
}
