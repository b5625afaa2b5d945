// The API as its own description tells it: every operation with its rights, parameters and bodies. Nothing comes from elsewhere.

import { json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { plural } from "../lib/format.js";
import { empty, filled, head } from "../lib/view.js";

const METHODS = ["get", "post", "put", "patch", "delete"];

export async function page(main, { query, note, signal }) {
  const place = h("div");
  put(main, head("API", { line: "Every request that this server takes. The web app uses no other.", twin: "/openapi.json" }), place);
  await filled(place, "the description of the API", async () => {
    const told = await json("/openapi.json", { signal });
    return view(told, query.get("q") ?? "", note);
  }, 8);
}

function view(told, wish, note) {
  const operations = Object.entries(told.paths).flatMap(([path, entry]) => METHODS.filter((method) => entry[method]).map((method) => ({ path, method, ...entry[method] })));
  const list = h("div");
  const found = h("p", { class: "small quiet", "aria-live": "polite" });
  const draw = (text) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = operations.filter((one) => words.every((word) => `${one.method} ${one.path} ${one.summary}`.toLowerCase().includes(word)));
    put(found, shown.length === operations.length ? plural(operations.length, "operation") : `${shown.length} of ${plural(operations.length, "operation")}`);
    put(list, shown.length ? groups(shown) : empty("No operation fits these words."));
  };
  const field = h("input", { type: "search", id: "docs-filter", value: wish, placeholder: "Method, path or words", oninput: () => { note({ q: field.value }); draw(field.value); } });
  draw(wish);
  return [
    h("p", {}, `${told.info.title} ${told.info.version}. A token goes into the header `, h("code", {}, "Authorization: Bearer sf_…"), ", a key that makes a repeated POST harmless into ", h("code", {}, "Idempotency-Key"), "."),
    h("form", { class: "row filters", onsubmit: (event) => event.preventDefault() }, h("label", { for: "docs-filter", class: "sr" }, "Search operations"), field),
    found, list,
    h("section", { class: "card" }, h("h2", {}, "Schemas"), Object.entries(told.components?.schemas ?? {}).map(([name, schema]) => schemaOf(name, schema))),
  ];
}

/** Operations by what they are about: the first part of the path. */
function groups(operations) {
  const by = new Map();
  for (const one of operations) {
    const parts = one.path.split("/").filter((part) => part && part !== "v1");
    const name = parts[0] ?? "/";
    by.set(name, [...(by.get(name) ?? []), one]);
  }
  return [...by].map(([name, some]) => h("section", { class: "card" }, h("h2", {}, name), some.map(operation)));
}

function operation(one) {
  const scopes = (one.security ?? []).flatMap((rule) => Object.values(rule).flat());
  return h("details", { id: one.operationId },
    h("summary", {}, h("b", { class: "mono" }, one.method.toUpperCase()), " ", h("code", {}, one.path), " ", h("span", { class: "small quiet" }, one.summary)),
    h("p", {}, scopes.length ? ["Needs the scope ", h("code", {}, scopes.join(", ")), "."] : "Open to whoever reaches the port."),
    one.parameters?.length ? parameters(one.parameters) : null,
    one.requestBody ? Object.entries(one.requestBody.content ?? {}).map(([media, content]) => schemaOf(`Body: ${media}${one.requestBody.required ? "" : " (may be left out)"}`, content.schema)) : null,
    Object.entries(one.responses ?? {}).map(([status, answer]) => h("p", { class: "small" }, h("code", {}, status), ` ${answer.description} `, Object.keys(answer.content ?? {}).map((media) => h("span", { class: "chip" }, media)))));
}

function parameters(list) {
  return h("div", { class: "scroll" }, h("table", {}, h("caption", { class: "sr" }, "Parameters"),
    h("thead", {}, h("tr", {}, ["Name", "Where", "Needed", "What"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, list.map((one) => h("tr", {}, h("td", {}, h("code", {}, one.name)), h("td", {}, one.in), h("td", {}, one.required ? "yes" : "no"), h("td", {}, one.description ?? one.schema?.type ?? ""))))));
}

const schemaOf = (title, schema) => (schema ? h("details", {}, h("summary", {}, title), h("pre", {}, JSON.stringify(schema, null, 2))) : h("p", { class: "small" }, title));
