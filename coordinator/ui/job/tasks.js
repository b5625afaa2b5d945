// Every task of a job with its attempts: shown on request, asked for one by one.

import { Problem, json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { bytes, seconds } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, facts, failure } from "../lib/view.js";

/** Tasks that a table shows at once. */
const SHOWN = 300;

/** A folded table; what went wrong comes first. */
export function taskTable(job, live, signal) {
  const tasks = [...live.tasks.values()];
  const bad = tasks.filter((task) => ["failed", "skipped"].includes(task.state));
  const detail = h("div", { "aria-live": "polite" });
  const show = (task) => async () => {
    try {
      put(detail, whole(await json(`/v1/jobs/${job}/tasks/${task.id}`, { signal })));
    } catch (error) {
      if (error instanceof Problem) put(detail, failure(error));
    }
  };
  const columns = [
    { name: "id", title: "Task", of: (task) => h("button", { type: "button", class: "link-button mono", onclick: show(task) }, task.id), by: (task) => task.id },
    { name: "state", title: "State", of: (task) => badge(task.state), by: (task) => task.state },
    { name: "seconds", title: "Seconds", number: true, of: (task) => (task.began && task.ended ? ((task.ended - task.began) / 1000).toFixed(3) : "–"), by: (task) => task.ended - task.began },
    { name: "attempts", title: "Attempts", number: true, of: (task) => task.attempts ?? "–", by: (task) => task.attempts },
    { name: "cache", title: "Reused", of: (task) => (task.from_cache ? "yes" : "") },
    { name: "why", title: "Reason", of: (task) => task.problem?.detail ?? "" },
  ];
  return h("section", { class: "card" }, h("h2", {}, "Tasks"),
    bad.length ? grid({ caption: "Tasks that failed or were skipped", hidden: false, rows: bad, columns }) : null,
    folded(tasks, columns), detail);
}

/** All tasks, made when they are asked for: there may be ten thousand. */
function folded(tasks, columns) {
  const place = h("div");
  const text = h("input", { type: "search", id: "task-text", placeholder: "Part of a task's name", oninput: () => show() });
  const show = () => {
    const fit = tasks.filter((task) => task.id.includes(text.value));
    put(place, grid({ caption: "All tasks", rows: fit.slice(0, SHOWN), columns, sort: { name: "id" } }), fit.length > SHOWN ? h("p", { class: "small quiet" }, `${SHOWN} of ${fit.length}; type a part of the name.`) : null);
  };
  return h("details", { ontoggle: (event) => { if (event.target.open && !place.firstChild) show(); } }, h("summary", {}, `All ${tasks.length} tasks`), h("p", { class: "row" }, h("label", { class: "sr", for: "task-text" }, "Filter tasks"), text), place);
}

function whole(task) {
  const history = (task.history ?? []).map((one) => h("li", {}, `attempt ${one.attempt} on ${one.worker ?? "?"}: ${one.ended ?? (task.state === "done" ? "done" : "under way")}${one.problem ? `, ${one.problem.detail}` : ""}`));
  return h("div", { class: "card" }, h("h3", {}, task.id), facts([
    ["State", badge(task.state)], ["Worker", task.worker], ["Waited", seconds(task.wait_seconds)], ["Processor", seconds(task.cpu_seconds)], ["Memory at most", bytes(task.memory_peak_bytes)],
    ["Phases", (task.phase_seconds ?? []).map(([name, value]) => `${name} ${seconds(value)}`).join(", ")], ["Needs", (task.needs ?? []).join(", ")],
    ["Made", (task.outputs ?? []).map((one) => `${one.role} (${bytes(one.bytes)})`).join(", ")], ["Scores", task.scores?.length ? String(task.scores.length) : null], ["Problem", task.problem?.detail],
  ]), history.length ? h("ul", { class: "small" }, history) : null);
}
