// What the page New job knows: what was typed, and the job that follows from it.

import { draft } from "../lib/draft.js";

export const KINDS = ["continuous", "categorical", "ordinal", "boolean", "datetime", "id", "text"];
export const ROLES = { model: "learn it", generate: "invent values", drop: "leave out", null: "all missing" };
export const PROBLEMS = ["binary_classification", "multiclass_classification", "regression", "gaussian_likelihood", "bayesian_likelihood"];
export const OWN = "own";

const fresh = () => ({
  link: "", file: null, preview: null, read: null, dialect: {}, bad_rows: "", bad_rows_max: "", bad_bytes: "", columns: {}, target: "", problem_type: "",
  preset: "quick", picks: [], options: {}, repeats: "", seed: "0", minutes: "", gate: "balanced", rows: "train", benchmarks: null, summary: "",
  hold: false, job: null,
});

/** The draft of this tab. */
export const state = () => draft("new", fresh);

/** Where the table is, as a job names it; empty: nowhere yet. */
export const uriOf = (value) => (value.file?.upload ? `upload:${value.file.upload}` : value.file ? "" : value.link.trim());

/** The source of a job: as short as what was changed. */
export function sourceOf(value) {
  const uri = uriOf(value);
  const dialect = Object.fromEntries(Object.entries(value.dialect).filter(([, wish]) => wish !== "" && wish !== null).map(([name, wish]) => [name, name === "header" ? wish === "yes" : name === "skip_lines" ? Number(wish) : wish]));
  const columns = Object.fromEntries(Object.entries(value.columns).filter(([, wish]) => wish.kind || wish.role));
  const more = {};
  if (Object.keys(dialect).length) more.dialect = dialect;
  if (Object.keys(columns).length) more.columns = columns;
  if (value.bad_rows) more.bad_rows = value.bad_rows;
  if (value.bad_rows_max !== "") more.bad_rows_max = value.bad_rows_max;
  if (value.bad_bytes) more.bad_bytes = value.bad_bytes;
  return Object.keys(more).length ? { uri, ...more } : uri;
}

/** The job that Start asks for. */
export function jobOf(value) {
  const job = { source: sourceOf(value) };
  if (value.preset === OWN) job.synthesizers = value.picks;
  else job.preset = value.preset;
  const set = Object.fromEntries(Object.entries(value.options).filter(([, options]) => Object.keys(options).length));
  if (Object.keys(set).length) job.set = set;
  if (value.benchmarks) job.benchmarks = value.benchmarks;
  if (value.target) job.target = value.target;
  if (value.problem_type) job.problem_type = value.problem_type;
  if (value.gate !== "balanced") job.gate = value.gate;
  if (value.repeats !== "") job.repeats = Number(value.repeats);
  if (value.seed !== "" && value.seed !== "0") job.seed = Number(value.seed);
  if (value.minutes !== "") job.budget = { seconds: Number(value.minutes) * 60 };
  if (value.rows !== "train") job.rows = value.rows === "input" ? "input" : Number(value.rows);
  if (value.summary.trim()) job.summary = value.summary.trim();
  if (value.hold) job.hold = true;
  return job;
}

/** The name that people know the table by. */
export const nameOfTable = (value) => value.file?.name ?? value.link.trim();
