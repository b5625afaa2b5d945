// Faults of a job, each beside the field that it is about.

import { freshId, h, put } from "../lib/dom.js";

/** Fields by the pointer of what they set: the longest that a fault's pointer starts with gets it. */
export class Faults {
  #places = new Map();

  /** A field with its label, a hint, and the place for its fault. */
  field(pointer, label, control, hint) {
    if (!control.id) control.id = freshId("field");
    const fault = h("p", { class: "fault", id: `${control.id}-fault`, hidden: true });
    if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
    this.#places.set(pointer, { control, fault, hint: hint ? `${control.id}-hint` : "" });
    return h("div", { class: "field" }, h("label", { for: control.id }, label), control, hint ? h("p", { class: "hint", id: `${control.id}-hint` }, hint) : null, fault);
  }

  /** A place for faults of a group of controls. */
  group(pointer, control) {
    const fault = h("p", { class: "fault", hidden: true });
    this.#places.set(pointer, { control, fault, hint: "", group: true });
    return fault;
  }

  clear() {
    for (const { control, fault, hint, group } of this.#places.values()) {
      fault.hidden = true;
      if (!group) {
        control.removeAttribute("aria-invalid");
        if (hint) control.setAttribute("aria-describedby", hint);
      }
    }
  }

  /** Shows the faults of a problem; gives those that belong to no field. */
  show(problem) {
    this.clear();
    const left = [];
    let first = null;
    for (const part of problem.errors) {
      const pointer = part.pointer ?? "";
      const found = [...this.#places.keys()].filter((known) => pointer.startsWith(known)).sort((a, b) => b.length - a.length)[0];
      const place = found && this.#places.get(found);
      if (!place?.control.isConnected) { left.push(part); continue; }
      put(place.fault, [part.detail, ...(part.help ?? [])].join("; "));
      place.fault.hidden = false;
      if (!place.group) {
        place.control.setAttribute("aria-invalid", "true");
        place.control.setAttribute("aria-describedby", [place.hint, place.fault.id].filter(Boolean).join(" "));
      }
      first ??= place.control;
    }
    first?.closest("details")?.setAttribute("open", "");
    first?.focus();
    return left;
  }
}
