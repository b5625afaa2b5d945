// Step 5: what the tables are scored on. The usual set, or ticks.

import { h, put } from "../lib/dom.js";
import { about } from "./synthesizers.js";

/** The step. */
export function benchmarkStep({ draft, faults, catalogue, changed }) {
  const list = h("div");
  const usual = h("input", { type: "checkbox", id: "usual", checked: draft.value.benchmarks === null, onchange: () => {
    draft.save({ benchmarks: usual.checked ? null : [...catalogue.usual] });
    show();
    changed();
  } });
  const show = () => put(list, draft.value.benchmarks === null ? h("p", { class: "small quiet" }, catalogue.usual.join(", ")) : h("div", { class: "two" }, catalogue.benchmarks.map(tick)));
  const tick = (member) => {
    const box = h("input", { type: "checkbox", checked: draft.value.benchmarks.includes(member.name), onchange: () => {
      const now = new Set(draft.value.benchmarks);
      if (box.checked) now.add(member.name); else now.delete(member.name);
      draft.save({ benchmarks: catalogue.benchmarks.map((one) => one.name).filter((name) => now.has(name)) });
      changed();
    } });
    return h("label", { class: "choice" }, box, h("span", {}, h("b", {}, member.name), ` ${member.summary}`, h("span", { class: "small quiet" }, `${about(member)}${member.accepts?.needs_target ? " · needs a target" : ""}`)));
  };
  show();
  return h("div", {}, h("label", { class: "choice", for: "usual" }, usual, h("span", {}, h("b", {}, "The usual set"), h("span", { class: "small quiet" }, "Quality, utility and privacy. A gate whose benchmark is left out counts as not assessed."))), list, faults.group("/benchmarks", list));
}
