// The board of a job: score against risk, weights that re-rank, gates, and what failed with its reason.

import { json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, percent, score } from "../lib/format.js";
import { grid, nameOf, orderOf } from "../lib/grid.js";
import { rerank } from "../lib/rule.js";
import { scatter, scatterLegend } from "../lib/scatter.js";
import { LETTERS, badge, copyable, empty, filled, head, tile } from "../lib/view.js";
import { gateMeaning, fitness } from "../lib/meaning.js";
import { crumbs } from "../job/crumbs.js";

export async function page(main, context) {
  const [job] = context.parameters;
  const place = h("div");
  put(main, head("Leaderboard", { line: crumbs(job), actions: h("a", { class: "button", href: `/compare?jobs=${job}` }, "Compare"), twin: `/v1/jobs/${job}/verdict` }), place);
  await filled(place, "the leaderboard", async () => {
    const about = await json(`/v1/jobs/${job}`, { signal: context.signal });
    context.title(`Leaderboard of ${about.table?.name ?? job}`);
    if (!about.verdict) return unjudged(job, about);
    const [verdict, tasks] = await Promise.all([
      json(`/v1/jobs/${job}/verdict`, { signal: context.signal }),
      json(`/v1/jobs/${job}/tasks`, { signal: context.signal }),
    ]);
    return board(job, about, verdict, times(tasks.items), context);
  }, 8);
}

function unjudged(job, about) {
  const over = ["failed", "cancelled"].includes(about.state);
  return empty(over ? `This job is ${about.state}: it has no verdict.` : "The job is not judged yet. The board fills when its last benchmark ends.", h("a", { class: "button", href: `/jobs/${job}` }, "See the job"));
}

/** Seconds to fit and sample, by candidate. */
function times(tasks) {
  const found = new Map();
  for (const task of tasks) {
    if (task.kind !== "synthesize" || !task.started || !task.ended) continue;
    found.set(task.candidate, (found.get(task.candidate) ?? 0) + (Date.parse(task.ended) - Date.parse(task.started)) / 1000);
  }
  return found;
}

function board(job, about, verdict, took, context) {
  const own = Object.fromEntries(verdict.components.map((component) => [component.name, component.weight]));
  const picture = h("figure", { class: "card wide", tabindex: "0", role: "group", "aria-label": "Score against risk" });
  const table = h("div");
  const label = h("p", { class: "small", role: "status" });
  let sort = orderOf(context.query.get("sort"));
  const draw = (weights) => {
    const yours = Object.keys(own).some((name) => own[name] !== weights[name]);
    const rows = yours ? rerank(verdict, weights).rows : verdict.ranking;
    put(label, yours ? [h("b", {}, "Your weights, not the verdict. "), `First with them: ${rows.find((row) => row.eligible)?.candidate ?? "none"}.`] : "Weights of the verdict.");
    put(picture, scatter(points(rows, verdict, took, yours), { label: `Score against risk of ${rows.length} rows; the same numbers are in the table below` }), scatterLegend());
    put(table, h("div", { class: "board-table" }, list(job, rows, verdict, took, yours, sort, (now) => { sort = now; context.note({ sort: nameOf(now) }); })));
  };
  const sliders = verdict.profile === "sdgym2020" ? h("p", { class: "quiet" }, "This profile ranks by one measure alone, so there is nothing to weigh.") : weighing(verdict, own, draw);
  draw(own);
  return [
    verdictTiles(about, verdict),
    warnings(verdict),
    h("section", { class: "section" }, h("h2", {}, "Quality and risk"), h("div", { class: "board" }, picture, h("div", { class: "card" }, h("h3", {}, "What counts how much"), sliders, label))),
    h("section", { class: "section" }, h("h2", {}, "All rows"), table),
    failed(verdict),
    why(verdict),
    fit(verdict),
  ];
}

function verdictTiles(about, verdict) {
  const first = verdict.ranking.find((row) => row.candidate === verdict.winner);
  const held = verdict.references.holdout;
  return h("div", { class: "tiles" },
    tile("Verdict", verdict.winner ? h("span", {}, "★ ", verdict.winner) : badge("no_release", "nothing released"), verdict.stable === false ? "not stable under resampling" : verdict.stable ? "stable under resampling" : null),
    first ? tile("Score ↑", score(first.score), `[${score(held?.score)}] for real rows held out`) : null,
    first ? tile("Interval, 95 %", `${score(first.score_low)} – ${score(first.score_high)}`, first.win_share !== undefined ? `first in ${percent(first.win_share)} of replicates` : null) : null,
    tile("Privacy gate", verdict.gate, `rule ${verdict.rule_version}`),
    tile("Rows", count(about.table?.rows), `${count(about.table?.columns)} columns${about.table?.target ? `, target ${about.table.target}` : ""}`));
}

/** What everybody who looks at a verdict has to know. */
export function warnings(verdict) {
  const all = verdict.warnings;
  return all.length ? h("div", { class: "notice" }, all.map((one) => h("p", {}, h("b", {}, one.code.replaceAll("_", " ")), ": ", one.text))) : null;
}

function weighing(verdict, own, draw) {
  const weights = { ...own };
  const fields = verdict.components.map((component) => {
    const id = `weight-${component.name.replaceAll(".", "-")}`;
    const told = h("output", { for: id }, weights[component.name]);
    const slider = h("input", { type: "range", id, min: 0, max: 3, step: 0.25, value: weights[component.name], disabled: !component.used && component.weight > 0, oninput: () => {
      weights[component.name] = Number(slider.value);
      told.textContent = slider.value;
      // all zero weighs nothing: the last one stays at its smallest step
      if (Object.values(weights).every((weight) => weight === 0)) { weights[component.name] = 0.25; slider.value = 0.25; told.textContent = "0.25"; }
      draw(weights);
    } });
    return h("div", { class: "field" }, h("label", { for: id, class: "row spread" }, h("span", {}, component.name), told), slider, component.why ? h("p", { class: "hint" }, component.why) : null);
  });
  return h("div", {}, fields, h("button", { type: "button", class: "small-button", onclick: () => {
    for (const [place, component] of verdict.components.entries()) {
      weights[component.name] = own[component.name];
      fields[place].querySelector("input").value = own[component.name];
      fields[place].querySelector("output").textContent = own[component.name];
    }
    draw(weights);
  } }, "Back to the verdict's"));
}

function points(rows, verdict, took, yours) {
  const marks = rows.map((row) => ({ name: row.candidate, score: row.score, risk: row.risk, seconds: took.get(row.candidate), mark: row.baseline ? "baseline" : row.eligible ? "eligible" : "refused", front: !yours && row.on_pareto && !row.baseline }));
  const held = verdict.references.holdout;
  if (held && !yours) marks.push({ name: "held-out real rows", score: held.score, risk: held.risk, mark: "cross" });
  return marks;
}

function list(job, rows, verdict, took, yours, sort, resort) {
  const held = verdict.references.holdout;
  const components = verdict.components.map((component) => component.name);
  const scored = rows.filter((row) => typeof row.score === "number");
  const reference = held ? [{ candidate: "held-out real rows", reference: true, score: yours ? null : held.score, score_low: held.score_low, score_high: held.score_high, risk: held.risk, components: held.components, gates: held.gates }] : [];
  const columns = [
    { name: "rank", title: "#", of: (row) => row.rank ?? "–", by: (row) => row.rank, head: false, number: true },
    { name: "candidate", title: "Candidate", of: (row) => [row.reference ? row.candidate : h("a", { href: `/jobs/${job}/candidates/${row.candidate}` }, row.candidate), !yours && row.candidate === verdict.winner ? " ★" : "", h("div", { class: "quiet small" }, note(row))], by: (row) => row.candidate },
    { name: "score", title: "Score ↑", number: true, of: (row) => [score(row.score), !yours && typeof row.score_low === "number" ? h("div", { class: "quiet small" }, `${score(row.score_low)} – ${score(row.score_high)}`) : null], by: (row) => row.score },
    ...components.map((name) => ({ name, title: `${name} ↑`, number: true, of: (row) => score(row.components?.[name]), by: (row) => row.components?.[name] })),
    { name: "risk", title: "Risk ↓", number: true, of: (row) => (typeof row.risk === "number" ? row.risk.toFixed(2) : "–"), by: (row) => row.risk },
    { name: "gates", title: "Privacy and validity gates", text: true, of: (row) => gates(row.gates ?? []) },
    { name: "time", title: "Seconds ↓", number: true, of: (row) => took.get(row.candidate)?.toFixed(2) ?? "–", by: (row) => took.get(row.candidate) },
  ];
  return [
    grid({ caption: "Rows with a score", columns, rows: [...scored, ...reference], sort, on: { sort: resort }, rowClass: (row) => (row.candidate === verdict.winner && !yours ? "best" : row.baseline || row.reference ? "aside" : null) }),
    h("p", { class: "quiet small" }, "Numbers below a score: its 95 % interval over resampled rows and repeats. Risk: 0 is fair, 1 the limit of the balanced gates. ↑ more is better, ↓ less is."),
  ];
}

function note(row) {
  if (row.reference) return "reference: what an equally real table gets";
  if (row.baseline) return "baseline, never released";
  if (!row.eligible) return "refused";
  return row.repeats > 1 ? `${row.repeats_ok} of ${row.repeats} repeats` : "may be released";
}

function gates(list) {
  const told = list.filter((gate) => gate.state !== "not_applicable");
  const bad = told.filter((gate) => gate.state !== "pass");
  const passed = told.length - bad.length;
  return [
    passed ? h("span", { class: "chip", title: told.filter((gate) => gate.state === "pass").map((gate) => gate.name).join(", ") }, `✓ ${passed} passed`) : null,
    bad.map((gate) => h("span", { class: `chip ${gate.state}`, title: `${gateMeaning(gate.name)}: ${score(gate.value)}, limit ${gate.limit}` }, `${LETTERS[gate.state]} ${gate.name.replaceAll("_", " ")}`)),
  ];
}

function failed(verdict) {
  const rows = verdict.ranking.filter((row) => typeof row.score !== "number");
  if (!rows.length) return null;
  return h("section", { class: "section" }, h("h2", {}, "Without a score"),
    grid({ caption: "Failed and skipped candidates", columns: [
      { name: "candidate", title: "Candidate", of: (row) => row.candidate },
      { name: "phase", title: "Phase", of: (row) => (row.failures ?? []).map((one) => h("div", {}, one.phase)) },
      { name: "why", title: "Reason", text: true, of: (row) => ((row.failures ?? []).length ? row.failures.map((one) => h("div", {}, one.reason, " ", h("code", { class: "quiet" }, one.code))) : row.why) },
    ], rows }));
}

function why(verdict) {
  return h("section", { class: "section" }, h("h2", {}, verdict.winner ? "Why this one" : "Why none"),
    h("p", {}, verdict.why, " ", copyable(verdict.why)),
    verdict.advice?.length ? h("div", { class: "notice" }, h("p", {}, h("b", {}, "What may help: ")), h("ul", {}, verdict.advice.map((line) => h("li", {}, typeof line === "string" ? line : line.text ?? JSON.stringify(line))))) : null);
}

function fit(verdict) {
  const row = verdict.ranking.find((one) => one.candidate === (verdict.winner ?? verdict.nearest));
  if (!row) return null;
  return h("section", { class: "section" }, h("h2", {}, `What ${row.candidate} is fit for`),
    grid({ caption: "Uses with their rule", columns: [
      { name: "use", title: "Use", of: (use) => use.what },
      { name: "fit", title: "Fit", of: (use) => badge({ yes: "pass", care: "weak_evidence", no: "fail", unknown: "not_assessed" }[use.fit], { yes: "yes", care: "with care", no: "no", unknown: "not known" }[use.fit]) },
      { name: "rule", title: "By the rule", text: true, of: (use) => use.rule },
    ], rows: fitness(row) }));
}
