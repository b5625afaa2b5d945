// One job: what it is, the graph and the chart of its tasks while they run, and what happened.

import { Problem, json } from "../lib/api.js";
import { confirmed, say } from "../lib/dialog.js";
import { h, put, s } from "../lib/dom.js";
import { pause, watch } from "../lib/feed.js";
import { bytes, count, percent, plain, seconds, span, time } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, empty, facts, failure, filled, head, loading, problemIn } from "../lib/view.js";
import { Copying } from "../job/copying.js";
import { crumbs } from "../job/crumbs.js";
import { Graph } from "../job/dag.js";
import { files } from "../job/files.js";
import { Gantt, ganttLegend } from "../job/gantt.js";
import { Live } from "../job/model.js";
import { taskTable } from "../job/tasks.js";
import { fillFrom } from "../new/again.js";

/** Shortest time between two drawings, in milliseconds. */
const DRAW_EVERY = 250;
/** Times as long as the last drawing took until the next: of a large job a page leaves most of the time to its reader. */
const REST = 8;

export async function page(main, { parameters: [job], query, note, go, signal, title }) {
  const live = new Live();
  let by = query.get("view") === "worker" ? "worker" : "candidate";
  const places = Object.fromEntries(["head", "said", "copy", "dag", "gantt", "progress", "log", "tasks", "files", "about"].map((name) => [name, h("div")]));
  const [graph, times] = [new Graph(places.dag), new Gantt(places.gantt)];
  put(main, head("Job", { line: crumbs(job), twin: `/v1/jobs/${job}` }), loading("the job", 8));
  const first = await json(`/v1/jobs/${job}`, { signal });
  live.job = first;
  const copying = new Copying(places.copy, job, signal);
  title(first.summary ?? first.table?.name ?? job);
  const lanes = h("div", { class: "row", role: "group", "aria-label": "Lanes" });
  const choose = () => put(lanes, ["candidate", "worker"].map((name) => h("button", { type: "button", class: "small-button", id: `by-${name}`, "aria-pressed": String(name === by), onclick: () => { by = name; note({ view: name === "worker" ? name : null }); choose(); document.getElementById(`by-${name}`)?.focus(); draw(); } }, `by ${name}`)));
  choose();
  put(main, places.head, places.said, places.copy, h("div", { class: "live" },
    h("section", { class: "card" }, h("h2", {}, "Graph"), places.dag),
    h("section", { class: "card" }, h("div", { class: "row spread" }, h("h2", {}, "Times"), lanes), places.gantt, ganttLegend()),
    places.progress,
    h("section", { class: "card" }, h("h2", {}, "What happened"), places.log),
    places.files, places.tasks,
    h("section", { class: "card" }, h("h2", {}, "What was asked for"), places.about)));

  const act = async (verb, sentence, word) => {
    if (sentence && !(await confirmed(`${word}?`, sentence, word))) return;
    try {
      const told = await json(`/v1/jobs/${job}/${verb}`, { method: "POST", signal });
      if (verb === "retry") return go(`/jobs/${told.id}`);
      say(verb === "release" ? "The job goes on" : "The job is being cancelled");
    } catch (error) {
      if (error instanceof Problem) say(error.message, "wrong");
    }
  };
  const drawHead = () => {
    const now = live.job;
    const actions = live.over
      ? [h("button", { type: "button", onclick: () => act("retry") }, "Retry"), h("button", { type: "button", onclick: () => { fillFrom(now); go("/"); } }, "New job like this")]
      : [now.state === "on_hold" ? h("button", { type: "button", class: "primary", onclick: () => act("release") }, "Let it go on") : null, h("button", { type: "button", onclick: () => act("cancel", `Job ${job} stops, and what it has not finished is lost.`, "Cancel the job") }, "Cancel")];
    put(places.head, head(now.spec?.summary || now.table?.name || now.spec?.source?.uri.split("?")[0].split("/").pop() || "Job", { line: crumbs(job), actions, twin: `/v1/jobs/${job}` }),
      h("div", { class: "row" }, badge(now.state), sentence(now), now.partial ? h("span", { class: "chip weak_evidence" }, "partial") : null));
    if (now.problem) put(places.said, failure(problemIn(now.problem)));
    else if (now.state === "on_hold") put(places.said, h("div", { class: "notice" }, h("p", {}, "The table was read and the job waits. ", h("a", { href: `/jobs/${job}/metadata` }, "Review its metadata"), ", then let it go on.")));
    else put(places.said);
  };
  const draw = () => {
    if (live.tasks.size) graph.draw(live, job); else put(places.dag, empty("The table is read first; the graph follows from it."));
    times.draw(live, by);
    put(places.progress, running(live));
    drawLog(places.log, live);
  };
  let [due, took] = [null, 0];
  const soon = () => {
    due ??= setTimeout(() => {
      due = null;
      if (signal.aborted) return;
      const began = performance.now();
      drawHead();
      draw();
      took = performance.now() - began;
    }, Math.max(DRAW_EVERY, REST * took));
  };
  drawHead();
  draw();
  put(places.about, about(first));
  const last = async () => {
    const now = await json(`/v1/jobs/${job}`, { signal });
    live.job = now;
    live.recall();
    drawHead();
    draw();
    copying.draw(now);
    put(places.tasks, taskTable(job, live, signal));
    if (["winner", "no_release"].includes(now.outcome)) filled(places.files, "files", () => files(job, now, signal), 3);
  };
  if (live.over) {
    // nothing will happen any more: the tasks are asked for once
    const { items } = await json(`/v1/jobs/${job}/tasks`, { signal });
    live.take({ type: "snapshot", snapshot: { job: first, tasks: items } });
    return last();
  }
  const banner = document.getElementById("banner");
  const ticking = async () => { while (!signal.aborted && !live.over) { await pause(1, signal); if (!signal.aborted && !document.hidden) draw(); } };
  ticking();
  watch(job, {
    event: (event) => { live.take(event); if (event.type === "profile" || event.type === "planned") refresh().catch(() => {}); soon(); },
    link: (state) => put(banner, state === "live" ? "" : state === "polling" ? "The stream of events does not pass; asking every five seconds." : "The connection was lost; trying again. What is shown may be old."),
  }, signal).then(last).catch((error) => { if (error.name !== "AbortError") put(places.said, failure(error)); });
  const refresh = async () => {
    const [now, { items }] = await Promise.all([json(`/v1/jobs/${job}`, { signal }), json(`/v1/jobs/${job}/tasks`, { signal })]);
    if (!live.over) live.job = now;
    live.know(items);
    soon();
  };
}

function sentence(job) {
  if (job.outcome === "winner") return h("b", {}, `★ ${job.verdict?.winner ?? ""} wins, ${span(job.created, job.ended)}`);
  if (job.outcome === "no_release") return h("b", {}, `nothing may be released, ${span(job.created, job.ended)}`);
  if (job.ended) return span(job.created, job.ended);
  return h("span", { class: "quiet" }, `since ${time(job.created)}`);
}

function running(live) {
  const tasks = [...live.tasks.values()].filter((task) => task.state === "running");
  const counts = live.counts();
  const done = ["done", "failed", "skipped", "cancelled"].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  const share = live.share();
  return h("section", { class: "card" }, h("h2", {}, "Progress"),
    h("div", { class: "progress", role: "progressbar", "aria-label": "Progress of the job", "aria-valuenow": Math.round(share * 100), "aria-valuemin": 0, "aria-valuemax": 100 }, h("i", { style: { width: `${(share * 100).toFixed(1)}%` } })),
    h("p", { class: "small" }, `${done} of ${live.tasks.size} tasks ended`, counts.failed ? `, ${counts.failed} failed` : "", counts.skipped ? `, ${counts.skipped} skipped` : "", live.job?.state === "on_hold" ? "; the others are planned when the job goes on" : "", live.scores ? `; ${count(live.scores)} scores` : "", "."),
    tasks.length ? grid({ caption: "Tasks that run", rows: tasks, columns: [
      { name: "task", title: "Task", of: (task) => h("span", { class: "mono" }, task.id) },
      { name: "phase", title: "Phase", of: (task) => live.progress.get(task.id)?.phase ?? "–" },
      { name: "share", title: "Done", number: true, of: (task) => percent(live.progress.get(task.id)?.fraction) },
      { name: "eta", title: "Left", number: true, of: (task) => seconds(live.progress.get(task.id)?.eta) },
      { name: "for", title: "Runs for", number: true, of: (task) => (task.began ? seconds((Date.now() - task.began) / 1000) : "–") },
      { name: "worker", title: "Worker", of: (task) => task.worker ?? "–" },
      { name: "loss", title: "Curve", of: (task) => curves(live, task) },
    ] }) : null);
}

function curves(live, task) {
  const found = [...live.curves].filter(([key]) => key.startsWith(`${task.id} `));
  return found.map(([key, points]) => {
    const [low, high] = [Math.min(...points.map((point) => point[1])), Math.max(...points.map((point) => point[1]))];
    const x = (place) => (place / Math.max(points.length - 1, 1)) * 90;
    const y = (value) => 20 - ((value - low) / Math.max(high - low, 1e-12)) * 18;
    const name = key.slice(task.id.length + 1);
    return h("div", { class: "row small" }, s("svg", { class: "chart", viewBox: "0 0 92 22", width: 92, height: 22, role: "img", "aria-label": `${name} over steps, now ${plain(points.at(-1)[1])}` },
      s("path", { class: "spark", d: `M${points.map((point, place) => `${x(place).toFixed(1)} ${y(point[1]).toFixed(1)}`).join("L")}` })), `${name} ${plain(points.at(-1)[1])}`);
  });
}

/** What happened, newest first. Lines that are shown already stay. */
function drawLog(place, live) {
  if (!live.log.length) return put(place, h("p", { class: "quiet" }, live.over ? "No task ran." : "Nothing yet."));
  const row = (line) => h("li", {}, h("time", {}, time(line.at)), h("span", {}, line.text));
  const [list, shown] = [place.querySelector("ul"), shownLines.get(place)];
  const known = list && shown ? live.log.lastIndexOf(shown) : -1;
  shownLines.set(place, live.log.at(-1));
  if (known < 0) return put(place, h("ul", { class: "plain log", tabindex: "0", "aria-label": "Events, newest first" }, live.log.slice().reverse().map(row)));
  list.prepend(...live.log.slice(known + 1).reverse().map(row));
  while (list.childElementCount > live.log.length) list.lastElementChild.remove();
  return place;
}

/** The newest line that a place shows. */
const shownLines = new WeakMap();

function about(job) {
  const spec = job.spec ?? {};
  const options = Object.entries(spec.set ?? {}).flatMap(([name, set]) => Object.entries(set).map(([option, value]) => `${name}.${option} = ${JSON.stringify(value)}`));
  return [facts([
    ["Job", h("span", { class: "mono" }, job.id)], ["Source", h("span", { class: "mono" }, spec.source?.uri ?? "")], ["Rows", job.table?.rows ? `${count(job.table.rows)} of ${count(job.table.columns)} columns` : null],
    ["Target", job.table?.target ?? spec.target], ["Preset", spec.preset], ["Synthesizers", spec.synthesizers?.map((one) => one.as ?? one.name).join(", ")],
    ["Benchmarks", spec.benchmarks?.map((one) => one.name).join(", ")], ["Options", options.join(", ")], ["Gate", spec.gate?.profile ?? "balanced"], ["Seed", String(spec.seed ?? 0)],
    ["Holdout", percent(spec.holdout)], ["Time budget", seconds(spec.budget?.seconds)], ["Memory of a task", bytes(spec.budget?.memory_bytes_per_task)],
    ["Asked for", `${time(job.created)}, by ${job.door}`], ["Labels", Object.entries(job.spec?.labels ?? {}).map(([name, value]) => `${name}: ${value}`).join(", ")],
  ]), h("details", {}, h("summary", {}, "The whole request"), h("pre", {}, JSON.stringify(spec, null, 1)))];
}
