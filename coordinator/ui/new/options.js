// A form for the options of a member, made from the JSON Schema that workers announce. Only what differs is sent.

import { h } from "../lib/dom.js";

/** The form; an empty schema has none. */
export function optionsForm({ draft, faults, member, changed }) {
  const schema = member.options ?? {};
  const names = Object.keys(schema.properties ?? {});
  if (!names.length) return null;
  const given = () => draft.value.options[member.name] ?? {};
  const set = (name, value, usual) => {
    const now = { ...given() };
    if (value === undefined || JSON.stringify(value) === JSON.stringify(usual)) delete now[name];
    else now[name] = value;
    draft.save({ options: { ...draft.value.options, [member.name]: now } });
    changed();
  };
  const fields = names.map((name) => one(member, name, resolve(schema, schema.properties[name]), given()[name], set, faults));
  return h("details", { class: "options", open: Object.keys(given()).length > 0 }, h("summary", {}, `Options of ${member.name}`), h("div", { class: "two" }, fields));
}

/** What a reference or an optional value stands for. */
function resolve(schema, property) {
  const found = property.$ref ? { ...schema.$defs?.[property.$ref.split("/").pop()], ...property } : property;
  const other = found.anyOf?.find((choice) => choice.type !== "null");
  return other ? { ...resolve(schema, other), ...found, optional: true } : found;
}

function one(member, name, property, given, set, faults) {
  const id = `option-${member.name}-${name}`;
  const usual = property.default ?? null;
  const choices = property.enum ?? property.oneOf?.map((choice) => choice.const ?? choice.enum?.[0]);
  const types = [property.type].flat();
  let control;
  if (choices) {
    control = h("select", { id, onchange: () => set(name, control.value === "" ? undefined : control.value, usual) },
      usual === null ? h("option", { value: "" }, "–") : null, choices.map((choice) => h("option", { value: choice, selected: choice === (given ?? usual) }, choice)));
  } else if (types.includes("boolean")) {
    control = h("select", { id, onchange: () => set(name, control.value === "yes", usual) }, ["yes", "no"].map((word) => h("option", { value: word, selected: (word === "yes") === (given ?? usual) }, word)));
  } else {
    const isNumber = types.includes("integer") || types.includes("number");
    control = h("input", { type: "text", id, inputmode: isNumber ? "decimal" : null, value: given === undefined ? "" : typeof given === "string" ? given : JSON.stringify(given), placeholder: usual === null ? "none" : typeof usual === "string" ? usual : JSON.stringify(usual), oninput: () => set(name, read(control.value, isNumber), usual) });
  }
  return faults.field(`/set/${member.name}/${name}`, name.replaceAll("_", " "), control, property.description);
}

/** What was typed as a value; text that is none stays text, and the server says what is wrong with it. */
function read(text, isNumber) {
  if (text.trim() === "") return undefined;
  if (isNumber && Number.isFinite(Number(text))) return Number(text);
  try { return JSON.parse(text); } catch { return text; }
}
