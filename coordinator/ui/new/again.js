// A new job that starts from an earlier one: its source and wishes fill the form.

import { OWN, state } from "./state.js";

/** Fills the draft from a job as the API shows it; `columns` are laid over its own. */
export function fillFrom(about, columns = {}) {
  const { spec } = about;
  const { source } = spec;
  const upload = source.uri.startsWith("upload:") ? source.uri.slice("upload:".length) : null;
  const known = Object.entries(source.columns ?? {}).map(([name, wish]) => [name, { kind: wish.kind ?? undefined, role: wish.role ?? undefined }]);
  const dialect = Object.entries(source.dialect ?? {}).filter(([, wish]) => wish !== null).map(([name, wish]) => [name, wish === true ? "yes" : wish === false ? "no" : String(wish)]);
  const draft = state();
  draft.clear();
  draft.save({
    link: upload ? "" : source.uri, file: upload ? { name: about.table?.name ?? "table", bytes: 0, upload } : null, read: about.table?.rows ? about.id : null,
    columns: { ...Object.fromEntries(known), ...columns }, dialect: Object.fromEntries(dialect), bad_rows: source.bad_rows ?? "", bad_bytes: source.bad_bytes ?? "", bad_rows_max: source.bad_rows_max ?? "",
    target: spec.target ?? "", problem_type: spec.problem_type ?? "", preset: spec.preset ?? (spec.synthesizers?.length ? OWN : "standard"), picks: (spec.synthesizers ?? []).map((one) => one.name),
    options: spec.set ?? {}, benchmarks: spec.benchmarks?.length ? spec.benchmarks.map((one) => one.name) : null, repeats: spec.repeats === null ? "" : String(spec.repeats), seed: String(spec.seed ?? 0),
    gate: spec.gate?.profile ?? "balanced", rows: String(spec.rows ?? "train"), summary: spec.summary ?? "",
  });
}
