// Two to six candidates, of one job or of several, beside each other: small multiples, parallel coordinates, differences
// with intervals.

import { json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { plural, score } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, empty, failure, filled, head, loading } from "../lib/view.js";
import { arrow, differences, letter, multiples, named, parallel, signed } from "../compare/pictures.js";
import { nameOfJob } from "./jobs.js";

const [LEAST, MOST] = [2, 6];
const JOB = /^job_[a-z0-9]{26}$/;

export async function page(main, { query, note, go, signal }) {
  const place = h("div");
  put(main, head("Compare", { line: `${LEAST} to ${MOST} candidates, of one job or of several.` }), place);
  await filled(place, "the comparison", async () => {
    const wished = (query.get("candidates") ?? "").split(",").filter(Boolean);
    const named = [...(query.get("jobs") ?? "").split(","), ...wished.map((one) => one.split(":")[0])];
    const ids = [...new Set(named)].filter((id) => JOB.test(id)).slice(0, MOST);
    if (!ids.length) return pick(go, signal);
    const jobs = await Promise.all(ids.map(async (id) => {
      const [about, verdict] = await Promise.all([json(`/v1/jobs/${id}`, { signal }), json(`/v1/jobs/${id}/verdict`, { signal })]);
      return { id, about, verdict };
    }));
    return shown(jobs, wished, note, signal);
  }, 6);
}

/** Nothing is chosen yet: finished jobs to tick. */
async function pick(go, signal) {
  const { items } = await json("/v1/jobs?state=done&limit=50", { signal });
  if (!items.length) return empty("There is no finished job to compare.", h("a", { href: "/", class: "primary" }, "New job"));
  const chosen = new Set();
  const button = h("button", { type: "button", class: "primary", disabled: true, onclick: () => go(`/compare?jobs=${[...chosen].join(",")}`) }, "Compare");
  const tick = (job) => h("label", { class: "choice" }, h("input", { type: "checkbox", onchange: (event) => {
    if (event.target.checked) chosen.add(job.id); else chosen.delete(job.id);
    button.disabled = chosen.size < 1 || chosen.size > MOST;
  } }), h("span", {}, h("b", {}, nameOfJob(job)), ` ${job.winner ?? "nothing released"}`, h("span", { class: "small quiet mono" }, job.id)));
  return h("div", { class: "card" }, h("h2", {}, "Finished jobs"), h("p", { class: "small quiet" }, `Tick one to ${MOST}; of one job its candidates are compared, of several their winners.`), items.map(tick), h("p", {}, button));
}

/** What is compared without a wish: the winners of several jobs, the candidates of one; with too few, baselines too. */
function usual(all, jobs) {
  const first = jobs.length > 1 ? all.filter((one) => one.row.candidate === (one.verdict.winner ?? one.verdict.nearest)) : all.filter((one) => !one.row.baseline);
  return (first.length < LEAST ? [...first, ...all.filter((one) => !first.includes(one))].slice(0, Math.max(LEAST, first.length)) : first).slice(0, MOST);
}

function shown(jobs, wished, note, signal) {
  const title = (about, row) => (jobs.length > 1 ? `${row.candidate} (${about.spec?.summary || about.table?.name || about.id})` : row.candidate);
  const all = jobs.flatMap(({ id, about, verdict }) => verdict.ranking.filter((row) => typeof row.score === "number").map((row) => ({ key: `${id}:${row.candidate}`, verdict, row, title: title(about, row) })));
  const known = all.filter((one) => wished.includes(one.key)).sort((one, other) => wished.indexOf(one.key) - wished.indexOf(other.key));
  const chosen = new Set((wished.length ? known : usual(all, jobs)).slice(0, MOST).map((one) => one.key));
  const place = h("div");
  let turn = 0;
  const draw = async () => {
    turn += 1;
    const now = turn;
    if (chosen.size < LEAST) return put(place, empty(all.length < LEAST ? "Fewer than two rows of these jobs have a score." : "Choose two candidates or more."));
    const path = `/v1/compare?${[...chosen].map((key) => `candidate=${encodeURIComponent(key)}`).join("&")}`;
    put(place, loading("the scores", 6));
    try {
      const told = await json(path, { signal });
      if (now === turn) put(place, picture(told, [...chosen].map((key) => all.find((one) => one.key === key)?.title ?? key), path));
    } catch (error) {
      if (error.name !== "AbortError" && now === turn) put(place, failure(error, draw));
    }
  };
  const ticks = all.map((one) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: chosen.has(one.key), onchange: (event) => {
    if (!event.target.checked) chosen.delete(one.key);
    else if (chosen.size < MOST) chosen.add(one.key);
    else event.target.checked = false;
    note({ candidates: [...chosen].join(",") });
    draw();
  } }), one.title));
  draw();
  return [h("details", { open: chosen.size < LEAST }, h("summary", {}, `Candidates: ${chosen.size} chosen at first, ${MOST} at most`), h("div", { class: "two" }, ticks)), place];
}

function picture(told, titles, path) {
  const [whole] = told.scores;
  const components = told.scores.filter((one) => one.name !== "score" && one.values.some((value) => typeof value.weight === "number"));
  const others = told.scores.filter((one) => one !== whole && !components.includes(one));
  const main = [whole, ...components];
  const jobs = new Set(told.candidates.map((one) => one.job));
  return [
    h("div", { class: "row spread" }, key(told, titles), h("a", { class: "twin", href: path, target: "_blank", rel: "noopener" }, "JSON")),
    h("section", { class: "section" }, h("h2", {}, "Score and components"), multiples(main, titles), h("p", { class: "small quiet" }, "Marks with their 95 % intervals; dashed: real rows that were held out. ↑ more is better, ↓ less is.")),
    h("section", { class: "section" }, h("h2", {}, "Parallel coordinates"), h("figure", { class: "card wide", tabindex: "0", role: "group", "aria-label": "Parallel coordinates" }, parallel(main, titles))),
    h("section", { class: "section" }, h("h2", {}, `Differences from A, ${titles[0]}`), h("figure", { class: "card wide", tabindex: "0", role: "group", "aria-label": "Differences" }, differences(main, titles)),
      h("p", { class: "small quiet" }, jobs.size > 1 ? "Candidates of different jobs were measured on rows of their own: their intervals are those of independent scores." : "Candidates of one job were measured on the same rows: what moves all of them alike is no part of a difference, so intervals of differences may be narrower than those of scores.")),
    h("section", { class: "section" }, h("h2", {}, "Numbers"), table("Score and components", main, titles)),
    others.length ? more(others, titles) : null,
  ];
}

const key = (told, titles) => h("ul", { class: "plain line-keys" }, told.candidates.map((one, place) => h("li", {}, h("span", { class: `line-key s${place}` }, letter(place)), " ", h("a", { href: `/jobs/${one.job}/candidates/${one.candidate}` }, titles[place]), " ",
  one.baseline ? badge("planned", "baseline") : one.eligible ? badge("pass", one.winner ? "winner" : "passed") : badge("fail", "refused"), one.failure ? h("span", { class: "small quiet" }, ` ${one.failure.code}`) : null)));

function table(caption, scores, titles) {
  return grid({ caption, rows: scores, columns: [
    { name: "name", title: "Score", of: (one) => `${named(one)} ${arrow(one)}`, by: (one) => one.name },
    ...titles.map((title, place) => ({ name: `value-${place}`, title: `${letter(place)} ${title}`, number: true, of: (one) => value(one.values[place]), by: (one) => one.values[place].value })),
    ...titles.slice(1).map((title, place) => ({ name: `difference-${place + 1}`, title: `${letter(place + 1)} less A`, number: true, of: (one) => difference(one, one.values[place + 1].difference), by: (one) => one.values[place + 1].difference?.value })),
    { name: "reference", title: "Held-out rows", number: true, of: (one) => score(one.values.find((found) => typeof found.reference === "number")?.reference) },
  ] });
}

const value = (found) => (typeof found.value === "number" ? [score(found.value), typeof found.low === "number" ? h("div", { class: "quiet small" }, `${score(found.low)} – ${score(found.high)}`) : null] : h("span", { class: "quiet", title: found.undefined?.detail ?? "" }, found.undefined?.code?.replaceAll("_", " ") ?? "–"));

function difference(one, found) {
  if (!found) return "–";
  if (typeof found.low !== "number") return signed(found.value);
  const better = one.goal === "down" ? found.high < 0 : found.low > 0;
  const worse = one.goal === "down" ? found.low > 0 : found.high < 0;
  return [signed(found.value), better ? " better" : worse ? " worse" : "", h("div", { class: "quiet small" }, `${signed(found.low)} to ${signed(found.high)}`)];
}

/** All other scores, drawn when they are asked for. */
function more(scores, titles) {
  const place = h("div");
  return h("details", { class: "section", ontoggle: (event) => { if (event.target.open && !place.firstChild) put(place, multiples(scores, titles), table("All other scores", scores, titles)); } }, h("summary", {}, `${plural(scores.length, "more score")}`), place);
}
