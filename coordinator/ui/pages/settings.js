// Settings: the token of this page, the theme, tokens of the tenant, and what this server is.

import { Problem, ask, hasToken, json, useToken } from "../lib/api.js";
import { confirmed, say } from "../lib/dialog.js";
import { h, put } from "../lib/dom.js";
import { time } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { setTheme, theme } from "../lib/theme.js";
import { copyable, empty, facts, filled, head } from "../lib/view.js";

const SCOPES = [["submit", "ask for jobs, steer them, upload tables"], ["read", "see jobs, results and synthetic rows"], ["read_real", "see real rows"], ["admin", "manage tokens; with every tenant, the fleet"]];

export async function page(main, { signal, go }) {
  const tokens = h("div");
  const server = h("div");
  put(main, head("Settings"),
    h("section", { class: "card" }, h("h2", {}, "Theme"), themes()),
    h("section", { class: "card" }, h("h2", {}, "Token of this page"), own(go)),
    h("section", { class: "card" }, h("h2", {}, "Tokens"), tokens),
    h("section", { class: "card" }, h("h2", {}, "This server"), server));
  await Promise.all([filled(tokens, "tokens", () => issued(tokens, signal), 3), filled(server, "the server", () => about(signal), 3)]);
}

function themes() {
  return h("fieldset", {}, h("legend", { class: "sr" }, "Theme"), h("div", { class: "row" }, [["auto", "as the system"], ["light", "light"], ["dark", "dark"]].map(([name, title]) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "theme", value: name, checked: theme() === name, onchange: () => setTheme(name) }), title))));
}

function own(go) {
  const field = h("input", { type: "password", id: "own-token", autocomplete: "off", spellcheck: "false", placeholder: hasToken() ? "in use" : "sf_…" });
  return h("form", { onsubmit: (event) => { event.preventDefault(); useToken(field.value); say(field.value.trim() ? "The token is used until this page is left" : "No token is used"); go("/settings"); } },
    h("div", { class: "field" }, h("label", { for: "own-token" }, "Token"), h("div", { class: "row" }, field, h("button", { type: "submit" }, "Use it"), hasToken() ? h("button", { type: "button", onclick: () => { useToken(""); go("/settings"); } }, "Forget it") : null),
      h("p", { class: "hint" }, "Kept in the memory of this page alone: never in a cookie, an address or a file. Reload the page and it is gone.")));
}

async function issued(place, signal) {
  let items;
  try {
    ({ items } = await json("/v1/tokens", { signal }));
  } catch (error) {
    if (error instanceof Problem && error.status === 403) return empty("Your token may not manage tokens (scope admin).");
    throw error;
  }
  const again = () => filled(place, "tokens", () => issued(place, signal), 3);
  const revoke = async (token) => {
    if (!(await confirmed("Make it void?", `Whoever uses the token ${token.note || token.id} is refused from now on.`, "Make it void"))) return;
    await ask(`/v1/tokens/${token.id}`, { method: "DELETE", signal });
    say("The token is void");
    await again();
  };
  return [
    items.length ? grid({ caption: "Tokens", rows: items, columns: [
      { name: "note", title: "For", of: (token) => token.note || "–" }, { name: "id", title: "Id", of: (token) => h("code", {}, token.id) },
      { name: "scopes", title: "May", of: (token) => token.scopes.join(", ") }, { name: "tenant", title: "Tenant", of: (token) => token.tenant ?? "every" },
      { name: "created", title: "Made", of: (token) => time(token.created) }, { name: "expires", title: "Void from", of: (token) => (token.expires ? time(token.expires) : "never") },
      { name: "act", title: h("span", { class: "sr" }, "Actions"), of: (token) => h("button", { type: "button", class: "small-button", "aria-label": `Make token ${token.id} void`, onclick: () => revoke(token) }, "Make void") },
    ] }) : empty("No token was made. Without tokens this server is reached from this machine alone."),
    maker(signal, again),
  ];
}

function maker(signal, again) {
  const note = h("input", { type: "text", id: "token-note", maxlength: 100 });
  const days = h("input", { type: "text", inputmode: "numeric", id: "token-days", placeholder: "never" });
  const told = h("div", { "aria-live": "polite" });
  const fault = h("p", { class: "fault", hidden: true, id: "token-fault" });
  const boxes = SCOPES.map(([scope, what]) => h("label", { class: "choice" }, h("input", { type: "checkbox", value: scope, name: "scope" }), h("span", {}, h("b", {}, scope), h("span", { class: "small quiet" }, what))));
  const make = async (event) => {
    event.preventDefault();
    fault.hidden = true;
    const body = { scopes: boxes.map((box) => box.querySelector("input")).filter((box) => box.checked).map((box) => box.value), note: note.value };
    if (days.value.trim()) body.seconds = Number(days.value) * 86_400;
    try {
      const made = await json("/v1/tokens", { method: "POST", body, signal });
      put(told, h("div", { class: "notice" }, h("p", {}, "It is shown this once: ", h("code", {}, made.token), " ", copyable(made.token))), h("p", {}, h("button", { type: "button", onclick: again }, "I have kept it")));
    } catch (error) {
      put(fault, error.message);
      fault.hidden = false;
    }
  };
  return h("details", {}, h("summary", {}, "Make a token"), h("form", { onsubmit: make, "aria-describedby": "token-fault" },
    h("fieldset", {}, h("legend", {}, "It may"), boxes),
    h("div", { class: "two" }, h("div", { class: "field" }, h("label", { for: "token-note" }, "For whom or what"), note), h("div", { class: "field" }, h("label", { for: "token-days" }, "Days until it is void"), days)),
    fault, h("button", { type: "submit", class: "primary" }, "Make it"), told));
}

async function about(signal) {
  const [version, ready] = await Promise.all([json("/version", { signal }), json("/readyz", { signal }).catch((error) => ({ status: error.message }))]);
  return [facts([["Program", `${version.name} ${version.version}`], ["State", ready.status], ["Address", location.origin]]),
    h("p", { class: "row" }, h("a", { href: "/docs" }, "Description of the API"), h("a", { href: "/metrics", target: "_blank", rel: "noopener" }, "Measures for Prometheus"))];
}
