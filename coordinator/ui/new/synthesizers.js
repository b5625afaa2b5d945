// Step 4: which synthesizers, with which options, how long, and under which privacy gate.

import { h, put } from "../lib/dom.js";
import { words } from "../lib/format.js";
import { OWN } from "./state.js";
import { optionsForm } from "./options.js";

const GATES = [
  ["balanced", "Balanced", "A candidate whose attacks succeed measurably is refused; what cannot be told for want of rows is warned of."],
  ["strict", "Strict", "Nothing beyond what unseen rows get is let pass, and what cannot be told is refused."],
  ["off", "Off", "Privacy is measured and shown, and nothing is refused. Every page and file then says so."],
];

/** The step. */
export function synthesizerStep({ draft, faults, catalogue, changed }) {
  const value = draft.value;
  const own = h("div");
  const members = catalogue.synthesizers.filter((member) => !member.baseline);
  const drawOwn = () => put(own, draft.value.preset === OWN ? picks({ draft, faults, members, changed }) : chosen(draft, catalogue, members, faults, changed));
  const presets = [...catalogue.presets.map((preset) => [preset.name, preset.name, `${preset.members.map(words).join(", ")}; ${preset.repeats === 1 ? "one fit" : `${preset.repeats} fits`} each${preset.absent?.length ? `; not in this version: ${preset.absent.join(", ")}` : ""}`]), [OWN, "my own choice", "tick synthesizers below"]];
  const radio = ([name, title, what]) => h("label", { class: "choice" },
    h("input", { type: "radio", name: "preset", value: name, checked: value.preset === name, onchange: () => { draft.save({ preset: name }); drawOwn(); changed(); } }),
    h("span", {}, h("b", {}, title), h("span", { class: "small quiet" }, what)));
  drawOwn();
  const number = (id, name, label, hint, shown) => faults.field(`/${name}`, label, h("input", { type: "text", inputmode: "numeric", id, value: value[name], placeholder: shown, oninput: (event) => { draft.save({ [name]: event.target.value.trim() }); changed(); } }), hint);
  const minutes = faults.field("/budget", "Time budget, minutes", h("input", { type: "text", inputmode: "decimal", id: "minutes", value: value.minutes, placeholder: "1440", oninput: (event) => { draft.save({ minutes: event.target.value.trim() }); changed(); } }), "At its end the verdict is over what is finished.");
  const rows = h("input", { type: "text", id: "rows", value: value.rows, oninput: () => { draft.save({ rows: rows.value.trim() || "train" }); changed(); } });
  const summary = h("input", { type: "text", id: "summary", value: value.summary, maxlength: 200, oninput: () => { draft.save({ summary: summary.value }); changed(); } });
  const hold = h("input", { type: "checkbox", id: "hold", checked: value.hold, onchange: () => { draft.save({ hold: hold.checked }); changed(); } });
  return h("div", {},
      h("fieldset", {}, h("legend", {}, "Synthesizers"), h("div", { class: "two" }, presets.map(radio)), faults.group("/preset", own)),
      own, faults.group("/synthesizers", own),
      h("p", { class: "small quiet" }, "The baselines identity (a copy), uniform and independent run in every job, for comparison; none of them is ever released."),
      h("fieldset", {}, h("legend", {}, "Privacy gate"), GATES.map(([name, title, what]) => h("label", { class: "choice" },
        h("input", { type: "radio", name: "gate", value: name, checked: value.gate === name, onchange: () => { draft.save({ gate: name }); changed(); } }),
        h("span", {}, h("b", {}, title), h("span", { class: "small quiet" }, what)))), faults.group("/gate", own)),
      h("details", { open: ["repeats", "minutes", "summary"].some((name) => value[name] !== "") || value.seed !== "0" || value.rows !== "train" || value.hold }, h("summary", {}, "Repeats, seed, time, rows, name"),
        h("div", { class: "two" },
          number("repeats", "repeats", "Repeats", "Fits of each candidate with other seeds, 1 to 20.", "as the preset"), number("seed", "seed", "Seed", "Same seed, same table: the same bytes.", "0"),
          minutes, faults.field("/rows", "Rows to deliver", rows, "train (what was scored), input, or a number."),
          faults.field("/summary", "Name of the job", summary, "For people; at most 200 characters.")),
        h("label", { class: "choice", for: "hold" }, hold, h("span", {}, "Hold after reading the table", h("span", { class: "small quiet" }, "The job waits until somebody reviewed its metadata.")))));
}

function picks({ draft, faults, members, changed }) {
  return members.map((member) => {
    const options = h("div");
    const tick = h("input", { type: "checkbox", checked: draft.value.picks.includes(member.name), onchange: () => {
      const now = new Set(draft.value.picks);
      if (tick.checked) now.add(member.name); else now.delete(member.name);
      draft.save({ picks: members.map((one) => one.name).filter((name) => now.has(name)) });
      show();
      changed();
    } });
    const show = () => put(options, tick.checked ? optionsForm({ draft, faults, member, changed }) : null);
    show();
    return h("div", {}, h("label", { class: "choice" }, tick, h("span", {}, h("b", {}, member.name), ` ${member.summary}`, h("span", { class: "small quiet" }, about(member)))), options);
  });
}

function chosen(draft, catalogue, members, faults, changed) {
  const preset = catalogue.presets.find((one) => one.name === draft.value.preset);
  const listed = members.filter((member) => preset?.members.includes(member.name));
  return listed.length ? h("details", {}, h("summary", {}, "What they are, and their options"), listed.map((member) => h("div", {}, h("p", {}, h("b", {}, member.name), ` ${member.summary}`, h("span", { class: "small quiet" }, ` ${about(member)}`)), optionsForm({ draft, faults, member, changed })))) : null;
}

/** Cost, guarantee and paper of a member. */
export const about = (member) => [`cost: ${member.cost}`, member.private ? "differentially private" : "", member.paper].filter(Boolean).join(" · ");
