// Questions over the page: the token, and whether something that cannot be undone is meant.

import { useToken } from "./api.js";
import { h } from "./dom.js";

function open(dialog) {
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
  return dialog;
}

/** Asks for a token once; `then` runs when one was given. */
export function askForToken(then) {
  if (document.querySelector("dialog.token")) return;
  const field = h("input", { id: "token-field", type: "password", autocomplete: "off", spellcheck: "false", required: true, placeholder: "sf_…" });
  const form = h("form", { method: "dialog" },
    h("h2", { id: "token-title" }, "A token is needed"),
    h("p", {}, "It is kept in the memory of this page until you leave or reload it: never in a cookie or an address."),
    h("label", { for: "token-field" }, "Token"), field,
    h("div", { class: "row end" },
      h("button", { type: "button", class: "plain", onclick: () => dialog.close() }, "Cancel"),
      h("button", { type: "submit", class: "primary" }, "Use it")));
  const dialog = h("dialog", { class: "token", "aria-labelledby": "token-title" }, form);
  form.addEventListener("submit", () => { useToken(field.value); setTimeout(then); });
  open(dialog);
}

/** Asks whether something is meant; resolves to true or false. */
export function confirmed(title, sentence, word) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "confirm-title" },
      h("form", { method: "dialog" },
        h("h2", { id: "confirm-title" }, title),
        h("p", {}, sentence),
        h("div", { class: "row end" },
          h("button", { type: "submit", value: "no", class: "plain", autofocus: true }, "Keep it"),
          h("button", { type: "submit", value: "yes", class: "danger" }, word))));
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"));
    open(dialog);
  });
}

/** Says something that passes by itself, to readers of screens too. */
export function say(text, kind = "plain") {
  let place = document.getElementById("said");
  if (!place) {
    place = h("div", { id: "said", role: "status" });
    document.body.append(place);
  }
  const line = h("p", { class: `said is-${kind}` }, text);
  place.append(line);
  setTimeout(() => line.remove(), 8000);
}
