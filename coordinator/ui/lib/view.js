// What every page shows around its content: its head, and the states loading, empty and error.

import { h, put } from "./dom.js";

/** The head of a page: its title, a line below it, what can be done. */
export function head(title, { line, actions, twin } = {}) {
  return h("div", { class: "page-head" },
    h("div", {}, h("h1", { tabindex: "-1" }, title), line ? h("p", { class: "lead" }, line) : null),
    h("div", { class: "actions" }, actions, twin ? h("a", { class: "twin", href: twin, target: "_blank", rel: "noopener" }, "JSON") : null));
}

/** The layout of what is to come, while it is asked for. */
export function loading(what, lines = 5) {
  const bars = Array.from({ length: lines }, (_, place) => h("div", { class: "bar", style: { width: `${92 - ((place * 37) % 50)}%` } }));
  return h("div", { class: "skeleton", role: "status", "aria-label": `Loading ${what}` }, bars);
}

/** One sentence, and what fills the place. */
export const empty = (sentence, ...actions) => h("div", { class: "state" }, h("p", {}, sentence), actions.length ? h("p", {}, actions) : null);

/** What went wrong, with its remedies, and a way to try again. */
export function failure(problem, retry, { fix } = {}) {
  const parts = (problem.errors ?? []).filter((part) => part.detail && part.detail !== problem.message);
  const helps = (problem.errors ?? []).flatMap((part) => part.help ?? []);
  return h("div", { class: "state wrong", role: "alert" },
    h("p", { class: "state-title" }, problem.title ?? "This page failed"),
    h("p", {}, problem.message ?? String(problem), place(problem.errors?.[0])),
    parts.length ? h("ul", {}, parts.map((part) => h("li", {}, part.detail, place(part)))) : null,
    helps.length ? h("p", {}, "What helps: ", helps.join("; "), ".") : null,
    codes(problem),
    h("p", { class: "row" }, fix ?? null, retry ? h("button", { type: "button", onclick: retry }, "Try again") : null));
}

function place(part) {
  if (!part) return "";
  const said = [part.line ? `line ${part.line}` : "", part.column ? `column ${part.column}` : "", part.pointer ?? ""].filter(Boolean);
  return said.length ? ` (${said.join(", ")})` : "";
}

function codes(problem) {
  const found = (problem.errors ?? []).map((part) => part.code).filter(Boolean);
  if (!found.length && !problem.slug && !problem.requestId) return null;
  return h("p", { class: "quiet small" },
    problem.slug ? h("a", { href: `/problems/${problem.slug}`, target: "_blank", rel: "noopener" }, problem.slug) : null,
    found.length ? [" ", h("code", {}, [...new Set(found)].join(", "))] : null,
    problem.requestId ? ` request ${problem.requestId}` : null);
}

/** Fills a place with what `work` gives: a skeleton before, the failure with its retry if it throws. */
export async function filled(place, what, work, lines = 5) {
  put(place, loading(what, lines));
  try {
    put(place, await work());
  } catch (error) {
    if (error.name === "AbortError") return;
    put(place, failure(error, () => filled(place, what, work, lines)));
    if (!error.status && !error.title) console.error(error);
  }
}

/** A problem inside of a job or a task, as documents hold it. */
export const problemIn = (document) => document && ({ title: document.title, message: document.detail, errors: document.errors ?? [], slug: String(document.type ?? "").replace("/problems/", "") });

/** The mark of a state: a letter and a word, so that colour is never alone. */
export function badge(state, word = state) {
  return h("span", { class: `badge is-${state}` }, h("span", { class: "letter", "aria-hidden": "true" }, LETTERS[state] ?? "·"), String(word).replaceAll("_", " "));
}

/** One letter or sign for each state. */
export const LETTERS = {
  planned: "·", queued: "…", running: "▶", in_progress: "▶", done: "✓", failed: "✕", skipped: "–", cancelled: "■", on_hold: "‖",
  pass: "✓", fail: "✕", weak_evidence: "~", not_assessed: "?", not_applicable: "–", winner: "★", no_release: "∅",
};

/** A name with its value below each other. */
export const tile = (name, value, note) =>
  h("div", { class: "tile" }, h("div", { class: "tile-name" }, name), h("div", { class: "tile-value" }, value), note ? h("div", { class: "tile-note" }, note) : null);

/** Names with values, as a list. */
export const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

/** A text that can be copied. */
export function copyable(text, label = "Copy") {
  const button = h("button", { type: "button", class: "small-button", onclick: async () => {
    await navigator.clipboard?.writeText(text).catch(() => {});
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = label; }, 1500);
  } }, label);
  return button;
}
