// What a page knows of a running job: the snapshot, and every event laid over it. The same task told twice is the same.

/** Lines of what happened that are kept. */
const LOG_MAX = 500;
const OVER = ["done", "failed", "skipped", "cancelled"];

/** A job as its events tell it. */
export class Live {
  job = null;
  tasks = new Map();
  /** Newest last: {at, kind, text}. */
  log = [];
  /** By task: {fraction, phase, eta}. */
  progress = new Map();
  /** By task and name: [[step, value]]. */
  curves = new Map();
  scores = 0;

  /** Takes an event; true where the structure changed. */
  take(event) {
    switch (event.type) {
      case "snapshot": return this.#snapshot(event.snapshot);
      case "state": this.job = { ...this.job, state: event.state, outcome: event.outcome ?? this.job?.outcome }; this.#note(event, "state", `the job is ${event.state.replaceAll("_", " ")}${event.outcome ? `: ${event.outcome.replaceAll("_", " ")}` : ""}`); return false;
      case "task": return this.#task(event);
      case "progress": this.progress.set(event.task, { fraction: event.fraction, phase: event.phase, eta: event.eta_seconds }); return false;
      case "measure": this.#measure(event); return false;
      case "score": this.scores += 1; return false;
      case "planned": this.#note(event, "plan", `${event.tasks} tasks are planned`); return true;
      case "profile": this.#note(event, "profile", "the table was read"); return false;
      case "note": this.#note(event, "note", event.text); return false;
      case "verdict": this.#note(event, "verdict", event.verdict.why ?? "judged"); return false;
      case "published": this.#note(event, "published", `${event.files.length} files are published`); return false;
      default: return false;
    }
  }

  #snapshot({ job, tasks }) {
    this.job = job;
    this.tasks = new Map(tasks.map((task) => [task.id, { ...task, began: task.started ? Date.parse(task.started) : null, ended: task.ended ? Date.parse(task.ended) : null }]));
    return true;
  }

  /** Takes the tasks of a list that no event told of yet: those that are only planned. */
  know(items) {
    for (const task of items) if (!this.tasks.has(task.id)) this.tasks.set(task.id, { ...task, began: null, ended: null });
  }

  #task(event) {
    const known = this.tasks.get(event.task);
    const before = known?.state;
    const task = { id: event.task, kind: event.kind, candidate: event.candidate, repeat: event.repeat, benchmark: event.benchmark, ...known, state: event.state, worker: event.worker ?? known?.worker, attempts: Math.max(event.attempt ?? 0, known?.attempts ?? 0), from_cache: event.from_cache || known?.from_cache };
    if (event.state === "running" && before !== "running") { task.began = event.at; task.ended = null; }
    if (OVER.includes(event.state)) {
      task.ended = event.at;
      if (event.seconds !== undefined && !OVER.includes(before)) task.began = event.at - event.seconds * 1000;
      this.progress.delete(event.task);
    }
    if (event.error) task.problem = { detail: event.error.message, errors: [{ code: event.error.code }] };
    this.tasks.set(event.task, task);
    if (event.state === "done" && event.kind === "synthesize" && before !== "done") this.#note(event, "sample", `${event.task} made its sample`);
    if (event.state === "failed" || event.state === "skipped" || (event.attempt > 1 && event.state === "running")) {
      const tried = event.attempt > 1 ? `, attempt ${event.attempt}` : "";
      this.#note(event, event.state, `${event.task} ${event.state}${tried}${event.error ? `: ${event.error.message}` : ""}`);
    }
    return !known;
  }

  #measure({ task, name, step, value }) {
    const key = `${task} ${name}`;
    const curve = this.curves.get(key) ?? [];
    curve.push([step, value]);
    if (curve.length > 600) curve.splice(0, curve.length - 600);
    this.curves.set(key, curve);
  }

  #note(event, kind, text) {
    this.log.push({ at: event.at, kind, text });
    if (this.log.length > LOG_MAX) this.log.shift();
  }

  /** What happened, of a job that ended before it was watched: told by the times of its tasks. */
  recall() {
    if (this.log.length) return;
    const lines = [];
    const reused = [...this.tasks.values()].filter((task) => task.from_cache).length;
    if (reused) lines.push({ at: Date.parse(this.job.created), kind: "reused", text: `${reused} results were taken from earlier jobs` });
    for (const task of this.tasks.values()) {
      if (!task.ended || task.from_cache) continue;
      const why = task.problem?.detail ? `: ${task.problem.detail}` : "";
      if (task.kind === "profile") lines.push({ at: task.ended, kind: "profile", text: task.state === "done" ? "the table was read" : `the table was not read${why}` });
      else if (task.state !== "done") lines.push({ at: task.ended, kind: task.state, text: `${task.id} ${task.state}${why}` });
      else if (task.kind === "synthesize") lines.push({ at: task.ended, kind: "sample", text: `${task.id} made its sample` });
      else if (task.kind === "generate") lines.push({ at: task.ended, kind: "table", text: "the released table was written" });
      if (task.attempts > 1) lines.push({ at: task.ended, kind: "retry", text: `${task.id} needed ${task.attempts} attempts` });
    }
    if (this.job?.ended) lines.push({ at: Date.parse(this.job.ended), kind: "state", text: `the job is ${this.job.state}` });
    this.log = lines.sort((a, b) => a.at - b.at).slice(-LOG_MAX);
  }

  get over() { return OVER.includes(this.job?.state); }

  /** How many tasks are in each state. */
  counts() {
    const counts = {};
    for (const task of this.tasks.values()) counts[task.state] = (counts[task.state] ?? 0) + 1;
    return counts;
  }

  /** The share of tasks that ended, what runs counted as far as it is. */
  share() {
    if (!this.tasks.size) return this.over ? 1 : 0;
    let sum = 0;
    for (const task of this.tasks.values()) sum += OVER.includes(task.state) ? 1 : this.progress.get(task.id)?.fraction ?? 0;
    return sum / this.tasks.size;
  }
}

/** The state of several tasks taken together. */
export function together(tasks) {
  const states = tasks.map((task) => task.state);
  if (!states.length) return "planned";
  if (states.includes("running")) return "running";
  if (states.every((state) => OVER.includes(state))) return states.includes("failed") ? "failed" : states.every((state) => state === "skipped") ? "skipped" : states.every((state) => state === "cancelled") ? "cancelled" : "done";
  return states.some((state) => OVER.includes(state)) ? "running" : "planned";
}

/** Of some tasks those that ended. */
export const ended = (tasks) => tasks.filter((task) => OVER.includes(task.state));
