// Headline scores with their intervals and what held-out rows get; every score below, by benchmark.

import { h } from "../lib/dom.js";
import { plain, score } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { tile } from "../lib/view.js";

const HEADLINES = [["accuracy", "Accuracy"], ["detection.gbt", "Hard to detect"], ["ml_efficacy", "Use for models"], ["coverage", "Coverage"], ["distances.dcr_share", "Nearer to learnt rows"], ["membership.nn_attack", "Membership attack"]];

/** The tab. */
export function overview({ repeat, held, own }) {
  if (!repeat) return h("p", {}, own.skipped ? `It was never begun: ${own.skipped.message}` : "It has no repeat.");
  const reference = (name) => held?.scores.find((one) => one.name === name)?.value;
  const find = (name) => repeat.scores.find((one) => one.name === name);
  const tiles = HEADLINES.map(([name, title]) => ({ name, title, score: find(name) })).filter((one) => one.score);
  return [
    repeat.error ? h("div", { class: "notice" }, h("p", {}, `${repeat.error.phase} failed: ${repeat.error.error?.message ?? repeat.error.message ?? ""}`)) : null,
    h("div", { class: "tiles" }, tiles.map(({ name, title, score: one }) => tile(`${title} ${arrow(one)}`, score(one.value), `[${score(reference(name))}]${fair(one)}`))),
    findings(repeat),
    h("p", { class: "small quiet" }, "In brackets: what real rows that were held out get. ↑ more is better, ↓ less is, ◎ nearest to the fair value is."),
    scores({ scores: repeat.scores.filter((one) => !one.name.includes(".")) }, reference),
    h("details", { class: "section" }, h("summary", {}, `All ${repeat.scores.length} scores`), scores(repeat, reference)),
  ];
}

/** The way a score should go. */
export const arrow = (one) => (typeof one.fair === "number" && one.goal !== "up" && one.goal !== "down" ? "◎" : one.goal === "down" ? "↓" : "↑");
const fair = (one) => (typeof one.fair === "number" ? `, fair ${plain(one.fair)}` : "");

function findings(repeat) {
  const list = repeat.findings ?? [];
  return list.length ? h("details", {}, h("summary", {}, `${list.length} remarks`), h("ul", { class: "small" }, list.map((one) => h("li", {}, one.column ? `${one.column}: ` : "", one.text ?? one.message ?? one.code)))) : null;
}

/** All scores of a repeat, or those of some benchmarks. */
export function scores(repeat, reference, benchmarks = null) {
  const rows = repeat.scores.filter((one) => !benchmarks || benchmarks.includes(one.name.split(".")[0]));
  return grid({ caption: "All scores", rows, columns: [
    { name: "name", title: "Score", of: (one) => h("span", { class: "mono" }, one.name), by: (one) => one.name },
    { name: "value", title: "Value", number: true, of: (one) => (one.value === null ? h("span", { class: "quiet", title: one.why ?? "" }, one.undefined ?? "undefined") : score(one.value)), by: (one) => one.value },
    { name: "interval", title: "95 % interval", number: true, of: (one) => (typeof one.low === "number" ? `${score(one.low)} – ${score(one.high)}` : "–") },
    { name: "reference", title: "Held-out rows", number: true, of: (one) => score(reference(one.name)), by: (one) => reference(one.name) },
    { name: "fair", title: "Fair", number: true, of: (one) => plain(one.fair ?? undefined) },
    { name: "goal", title: "Better", of: arrow },
    { name: "unit", title: "Unit", of: (one) => one.unit ?? "" },
  ] });
}
