// Step 6: how the job goes, the tables as soon as they are made, and at the end the best one.

import { Problem, download, json } from "../lib/api.js";
import { h, put, visible } from "../lib/dom.js";
import { watch } from "../lib/feed.js";
import { percent, score } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, empty, failure, problemIn } from "../lib/view.js";
import { warnings } from "../pages/leaderboard.js";
import { cells } from "./data.js";

/** Components of the verdict with the scores that a running job tells them by. */
const SHOWN = [["accuracy", "accuracy.component"], ["detection.gbt", "detection.gbt"], ["ml_efficacy", "ml_efficacy"], ["accuracy.nmi", "accuracy.nmi"]];

/** Watches a job into a place. */
export async function results(place, job, signal) {
  const board = new Map();
  const live = { job: null, tasks: new Map(), progress: new Map() };
  const line = h("div");
  const table = h("div");
  const rows = h("div", { "aria-live": "polite" });
  const end = h("div");
  put(place, line, table, rows, end);
  const candidate = (name) => { if (!board.has(name)) board.set(name, { name, made: false, done: 0, scores: {} }); return board.get(name); };
  const task = (event) => {
    live.tasks.set(event.task ?? event.id, event);
    if (!event.candidate || event.candidate.startsWith("ref_")) return;
    const row = candidate(event.candidate);
    if (event.kind === "synthesize") { row.state = event.state; row.made ||= event.state === "done"; }
    if (event.kind === "benchmark" && event.state === "done") row.done += 1;
  };
  let due = false;
  const draw = () => {
    if (due) return;
    due = true;
    setTimeout(() => { due = false; if (!signal.aborted) show(); }, 120);
  };
  const show = () => {
    const all = [...live.tasks.values()];
    const ended = all.filter((one) => ["done", "failed", "skipped", "cancelled"].includes(one.state)).length;
    const share = all.length ? ended / all.length : 0;
    put(line, h("p", { class: "row" }, badge(live.job?.state ?? "queued"), h("span", {}, `${ended} of ${all.length} tasks`), h("a", { href: `/jobs/${job}` }, "See the job live")),
      h("div", { class: "progress", role: "progressbar", "aria-label": "Progress of the job", "aria-valuenow": Math.round(share * 100), "aria-valuemin": 0, "aria-valuemax": 100 }, h("i", { style: { width: percent(share).replace(" ", "") } })));
    if (!board.size) return;
    put(table, grid({ caption: "Candidates", rows: [...board.values()], columns: [
      { name: "name", title: "Candidate", of: (row) => row.name },
      { name: "state", title: "Sample", of: (row) => badge(row.made ? "done" : row.state ?? "planned", row.made ? "made" : row.state ?? "planned") },
      ...SHOWN.map(([name, id]) => ({ name, title: `${name} ↑`, number: true, of: (row) => score(row.scores[id]) })),
      { name: "rows", title: "Rows", of: (row) => h("button", { type: "button", class: "small-button", disabled: !row.made, "aria-label": `Show synthesized data of ${row.name}`, onclick: () => showRows(rows, job, row.name, signal) }, "Show synthesized data") },
    ] }));
  };
  try {
    await watch(job, {
      link: () => {},
      event: (event) => {
        if (event.type === "snapshot") { live.job = event.snapshot.job; event.snapshot.tasks.forEach((one) => task(one)); }
        if (event.type === "state") live.job = { ...live.job, state: event.state, outcome: event.outcome };
        // events tell of tasks as they begin; what is planned is asked for
        if (event.type === "planned") json(`/v1/jobs/${job}/tasks`, { signal }).then(({ items }) => { items.filter((one) => !live.tasks.has(one.id)).forEach(task); draw(); }, () => {});
        if (event.type === "task") task(event);
        if (event.type === "score" && !event.candidate.startsWith("ref_")) candidate(event.candidate).scores[event.score.name] = event.score.value;
        draw();
      },
    }, signal);
    if (signal.aborted) return;
    const verdict = await finish(end, job, signal);
    // a page that came late heard of no score
    for (const row of verdict?.ranking ?? []) for (const [name, id] of SHOWN) candidate(row.candidate).scores[id] ??= row.components?.[name];
    show();
  } catch (error) {
    if (error.name === "AbortError") return;
    put(end, failure(error));
  }
}

async function showRows(place, job, name, signal) {
  try {
    const [told, profile] = await Promise.all([json(`/v1/jobs/${job}/candidates/${name}/rows?limit=50`, { signal }), json(`/v1/jobs/${job}/metadata`, { signal })]);
    const columns = profile.columns.filter((column) => told.items.length && column.name in told.items[0]);
    put(place, h("h3", {}, `Synthesized by ${name}`), cells(`First rows synthesized by ${name}`, columns.map((column) => column.header), told.items.map((row) => columns.map((column) => row[column.name]))));
  } catch (error) {
    if (error instanceof Problem) put(place, failure(error));
  }
}

async function finish(place, job, signal) {
  const about = await json(`/v1/jobs/${job}`, { signal });
  if (about.state !== "done") {
    put(place, about.problem ? failure(problemIn(about.problem)) : empty(`The job is ${about.state}.`, h("a", { class: "button", href: `/jobs/${job}` }, "See the job")));
    return null;
  }
  const verdict = await json(`/v1/jobs/${job}/verdict`, { signal });
  const first = verdict.ranking.find((row) => row.candidate === verdict.winner);
  const held = verdict.references.holdout;
  const files = about.outcome === "winner" ? (await json(`/v1/jobs/${job}/files`, { signal })).items.filter((file) => file.path.startsWith("synthetic.")) : [];
  put(place, warnings(verdict),
    h("div", { class: "card" },
      h("h3", {}, first ? ["Best: ", visible(first.candidate), `, score ${score(first.score)} [${score(held?.score)}]`] : "Nothing was released"),
      h("p", {}, verdict.why),
      h("p", { class: "small quiet" }, "In brackets: what real rows that were held out get."),
      h("div", { class: "row" },
        files.map((file) => h("button", { type: "button", class: "primary", onclick: () => download(file.href, `${about.table.name}-${file.path}`) }, `Download ${file.path}`)),
        h("a", { class: "button", href: `/jobs/${job}/leaderboard` }, "Leaderboard"), h("a", { class: "button", href: `/jobs/${job}/report` }, "Report"))));
  return verdict;
}
