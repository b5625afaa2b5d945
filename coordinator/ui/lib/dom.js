// Elements. Text always enters a page as a text node, so that a header or a cell is shown literally.

const SVG = "http://www.w3.org/2000/svg";

/** An element: properties starting with "on" are listeners, `style` is an object, false and null leave one out. */
export function h(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function s(tag, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, wish] of Object.entries(value)) element.style.setProperty(key, wish);
    else if (name === "value" && "value" in element) element.value = value;
    else if (name === "checked" || name === "indeterminate") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

/** Appends children: elements, texts, numbers, lists of those; null and false are nothing. */
export function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replaces what an element holds. */
export function put(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** Replaces what an element holds, and keeps the focus on the control of the same id. */
export function redraw(element, ...children) {
  const focused = document.activeElement;
  const id = focused && element.contains(focused) ? focused.id : "";
  const range = id && "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
  put(element, ...children);
  const again = id && document.getElementById(id);
  if (!again) return element;
  again.focus({ preventScroll: true });
  // only texts have a selection, and asking others throws
  if (range && range[0] !== null && again.type === "text") again.setSelectionRange(...range);
  return element;
}

let number = 0;

/** An id that no other element has. */
export const freshId = (stem) => `${stem}-${++number}`;

/** Longest cell that is shown whole. */
const SHOWN = 200;

/** A text of a table: cut where it is long, with a button that shows the rest. */
export function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  if (value === null || value === undefined) return h("span", { class: "missing", title: "missing" }, "∅");
  if (text.length <= SHOWN) return visible(text);
  const shown = h("span", {}, visible(`${text.slice(0, SHOWN)}…`));
  const more = h("button", { type: "button", class: "link-button", onclick: () => put(shown, visible(text)) }, "show");
  return h("span", {}, shown, " ", more);
}

/** A text with its control characters made visible, so that an escape sequence cannot hide. */
export function visible(text) {
  return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (found) => {
    const code = found.codePointAt(0);
    return code < 0x20 ? String.fromCodePoint(0x2400 + code) : `<U+${code.toString(16).toUpperCase().padStart(4, "0")}>`;
  });
}
