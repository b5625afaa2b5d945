// Candidates of two to six jobs beside each other: components as parallel coordinates, scores with intervals, differences.

import { json } from "../lib/api.js";
import { h, put, s } from "../lib/dom.js";
import { score } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, empty, filled, head } from "../lib/view.js";
import { nameOfJob } from "./jobs.js";

const MAX = 6;

export async function page(main, { query, note, go, signal }) {
  const place = h("div");
  put(main, head("Compare", { line: "Winners, or the candidates that you choose, of two to six jobs." }), place);
  await filled(place, "the comparison", async () => {
    const ids = (query.get("jobs") ?? "").split(",").filter((id) => /^job_[a-z0-9]{26}$/.test(id)).slice(0, MAX);
    if (!ids.length) return pick(go, signal);
    const jobs = await Promise.all(ids.map(async (id) => {
      const [about, verdict] = await Promise.all([json(`/v1/jobs/${id}`, { signal }), json(`/v1/jobs/${id}/verdict`, { signal })]);
      return { id, about, verdict };
    }));
    return shown(jobs, query, note);
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
    button.disabled = chosen.size < 1 || chosen.size > MAX;
  } }), h("span", {}, h("b", {}, nameOfJob(job)), ` ${job.winner ?? "nothing released"}`, h("span", { class: "small quiet mono" }, job.id)));
  return h("div", { class: "card" }, h("h2", {}, "Finished jobs"), h("p", { class: "small quiet" }, `Tick one to ${MAX}; of one job all its candidates are compared.`), items.map(tick), h("p", {}, button));
}

function shown(jobs, query, note) {
  const all = jobs.flatMap(({ id, about, verdict }) => verdict.ranking.filter((row) => typeof row.score === "number").map((row) => ({ key: `${id}:${row.candidate}`, job: id, about, verdict, row, title: jobs.length > 1 ? `${row.candidate} (${about.spec?.summary || about.table?.name})` : row.candidate })));
  const wished = (query.get("candidates") ?? "").split(",").filter(Boolean);
  const usual = jobs.length > 1 ? all.filter((one) => one.row.candidate === (one.verdict.winner ?? one.verdict.nearest)) : all.filter((one) => !one.row.baseline);
  const chosen = new Set((wished.length ? all.filter((one) => wished.includes(one.key)) : usual).slice(0, MAX).map((one) => one.key));
  const place = h("div");
  const draw = () => put(place, picture(all.filter((one) => chosen.has(one.key))));
  const ticks = all.map((one) => h("label", { class: "choice" }, h("input", { type: "checkbox", checked: chosen.has(one.key), onchange: (event) => {
    if (!event.target.checked) chosen.delete(one.key);
    else if (chosen.size < MAX) chosen.add(one.key);
    else event.target.checked = false;
    note({ candidates: [...chosen].join(",") });
    draw();
  } }), one.title));
  draw();
  return [h("details", { open: chosen.size === 0 }, h("summary", {}, "Candidates"), h("div", { class: "two" }, ticks)), place];
}

function picture(list) {
  if (!list.length) return empty("Choose a candidate.");
  const names = [...new Set(list.flatMap((one) => one.verdict.components.map((component) => component.name)))];
  const axes = ["score", ...names];
  const value = (one, axis) => (axis === "score" ? one.row.score : one.row.components?.[axis] ?? null);
  const first = list[0];
  return [
    h("figure", { class: "card wide", tabindex: "0", role: "group", "aria-label": "Parallel coordinates" }, parallel(list, axes, value)),
    h("section", { class: "section" }, h("h2", {}, "Scores"), grid({ caption: "Scores of the chosen candidates", rows: list, columns: [
      { name: "title", title: "Candidate", of: (one) => [h("span", { class: "line-key" }, letter(list.indexOf(one))), " ", h("a", { href: `/jobs/${one.job}/candidates/${one.row.candidate}` }, one.title)], by: (one) => one.title },
      { name: "score", title: "Score ↑", number: true, of: (one) => score(one.row.score), by: (one) => one.row.score },
      { name: "interval", title: "95 % interval", number: true, of: (one) => (typeof one.row.score_low === "number" ? `${score(one.row.score_low)} – ${score(one.row.score_high)}` : "–") },
      { name: "difference", title: `Less ${letter(0)}`, number: true, of: (one) => (one === first ? "–" : difference(one, first)), by: (one) => one.row.score - first.row.score },
      ...names.map((name) => ({ name, title: `${name} ↑`, number: true, of: (one) => score(value(one, name)), by: (one) => value(one, name) })),
      { name: "held", title: "Held-out rows", number: true, of: (one) => score(one.verdict.references.holdout?.score) },
      { name: "gate", title: "Gates", of: (one) => (one.row.baseline ? badge("planned", "baseline") : one.row.eligible ? badge("pass", "passed") : badge("fail", "refused")) },
    ] })),
    h("p", { class: "small quiet" }, "Differences of candidates of one job are drawn from the same rows; intervals are told for each by itself, so overlapping ones do not prove a tie."),
  ];
}

function difference(one, first) {
  const value = one.row.score - first.row.score;
  const apart = one.row.score_low > first.row.score_high || one.row.score_high < first.row.score_low;
  return `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(3)}${apart ? ", intervals apart" : ""}`;
}

const letter = (place) => "ABCDEF"[place];

function parallel(list, axes, value) {
  const [width, height, left, right, top, bottom] = [760, 260, 60, 700, 34, 230];
  const known = list.flatMap((one) => axes.map((axis) => value(one, axis))).filter((one) => typeof one === "number");
  const low = Math.max(0, Math.floor((Math.min(...known, 1) - 0.02) * 10) / 10);
  const x = (place) => left + (place / Math.max(axes.length - 1, 1)) * (right - left);
  const y = (one) => bottom - ((one - low) / Math.max(1 - low, 0.01)) * (bottom - top);
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `Scores of ${list.length} candidates on ${axes.length} axes; the same numbers are in the table below` },
    axes.map((axis, place) => [s("path", { class: "axis", d: `M${x(place)} ${top}V${bottom}` }), s("text", { x: x(place), y: top - 14, "text-anchor": "middle" }, `${axis} ↑`), s("text", { class: "tick", x: x(place) - 5, y: bottom + 4, "text-anchor": "end" }, low.toFixed(1)), s("text", { class: "tick", x: x(place) - 5, y: top + 4, "text-anchor": "end" }, "1.0")]),
    list.map((one, index) => {
      const points = axes.map((axis, place) => [x(place), value(one, axis)]).filter(([, found]) => typeof found === "number");
      return s("g", { class: `series s${index}` }, s("title", {}, one.title), s("path", { class: "line", d: `M${points.map(([at, found]) => `${at.toFixed(1)} ${y(found).toFixed(1)}`).join("L")}` }),
        points.map(([at, found]) => s("circle", { class: "point", cx: at, cy: y(found), r: 3.5 })), s("text", { class: "halo", x: right + 10, y: y(points.at(-1)[1]) + 4 }, letter(index)));
    }));
}
