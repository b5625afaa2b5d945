// Every task of a job with its attempts and its log: shown on request, asked for one by one.

import { Problem, json, text } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, count, seconds } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { long } from "../lib/long.js";
import { badge, copyable, facts, failure } from "../lib/view.js";

/** Rows from which on a table holds those in sight alone. */
const LONG = 60;

/** A folded table; what went wrong comes first. */
export function taskTable(job, live, signal) {
  const tasks = [...live.tasks.values()];
  const bad = tasks.filter((task) => ["failed", "skipped"].includes(task.state));
  const detail = h("div", { "aria-live": "polite" });
  const show = (task) => async () => {
    try {
      const path = `/v1/jobs/${job}/tasks/${task.id}`;
      const [found, log] = await Promise.all([json(path, { signal }), text(`${path}/log`, { signal })]);
      put(detail, whole(found, log));
      detail.scrollIntoView({ block: "nearest" });
    } catch (error) {
      if (error instanceof Problem) put(detail, failure(error));
    }
  };
  const columns = [
    { name: "id", title: "Task", width: "24em", of: (task) => h("button", { type: "button", class: "link-button mono", onclick: show(task) }, task.id), by: (task) => task.id },
    { name: "state", title: "State", width: "9em", of: (task) => badge(task.state), by: (task) => task.state },
    { name: "seconds", title: "Seconds", width: "7em", number: true, of: (task) => (task.began && task.ended ? ((task.ended - task.began) / 1000).toFixed(3) : "–"), by: (task) => task.ended - task.began },
    { name: "attempts", title: "Attempts", width: "7em", number: true, of: (task) => task.attempts ?? "–", by: (task) => task.attempts },
    { name: "cache", title: "Reused", width: "6em", of: (task) => (task.from_cache ? "yes" : "") },
    { name: "why", title: "Reason", width: "22em", of: (task) => task.problem?.detail ?? "" },
  ];
  return h("section", { class: "card" }, h("h2", {}, "Tasks"),
    bad.length ? [h("h3", {}, `${count(bad.length)} failed or skipped`), table("Tasks that failed or were skipped", bad, columns)] : null,
    folded(tasks, columns), detail);
}

/** A table of some tasks; of many only those in sight are drawn. */
const table = (caption, rows, columns) =>
  (rows.length > LONG ? long({ caption, rows, columns, key: (task) => task.id }) : grid({ caption, rows, columns }));

/** All tasks, made when they are asked for: there may be ten thousand. */
function folded(tasks, columns) {
  const place = h("div");
  const told = h("span", { class: "small quiet", role: "status" });
  const ordered = tasks.slice().sort((one, other) => (one.id < other.id ? -1 : 1));
  const filter = h("input", { type: "search", id: "task-text", placeholder: "Part of a task's name", oninput: () => show() });
  const show = () => {
    const fit = ordered.filter((task) => task.id.includes(filter.value));
    put(place, table("All tasks", fit, columns));
    put(told, `${count(fit.length)} of ${count(tasks.length)} tasks`);
  };
  return h("details", { ontoggle: (event) => { if (event.target.open && !place.firstChild) show(); } }, h("summary", {}, `All ${count(tasks.length)} tasks`), h("p", { class: "row" }, h("label", { class: "sr", for: "task-text" }, "Filter tasks"), filter, told), place);
}

function whole(task, log) {
  const history = (task.history ?? []).map((one) => h("li", {}, `attempt ${one.attempt} on ${one.worker ?? "?"}: ${one.ended ?? (task.state === "done" ? "done" : "under way")}${one.problem ? `, ${one.problem.detail}` : ""}`));
  return h("div", { class: "card" }, h("h3", {}, task.id), facts([
    ["State", badge(task.state)], ["Worker", task.worker], ["Waited", seconds(task.wait_seconds)], ["Processor", seconds(task.cpu_seconds)], ["Memory at most", bytes(task.memory_peak_bytes)],
    ["Phases", (task.phase_seconds ?? []).map(([name, value]) => `${name} ${seconds(value)}`).join(", ")], ["Needs", (task.needs ?? []).join(", ")],
    ["Made", (task.outputs ?? []).map((one) => `${one.role} (${bytes(one.bytes)})`).join(", ")], ["Scores", task.scores?.length ? String(task.scores.length) : null], ["Problem", task.problem?.detail],
  ]), history.length ? h("ul", { class: "small" }, history) : null,
  h("div", { class: "row spread" }, h("h4", {}, "Log"), copyable(log)), h("pre", { class: "task-log", tabindex: "0", role: "region", "aria-label": `Log of ${task.id}` }, log));
}
