// Tables by what was read: their jobs, the best score, and how far each moved from the one of its name before it.

import { json, list } from "../lib/api.js";
import { h, put, visible } from "../lib/dom.js";
import { bytes, count, percent, plural, score, time } from "../lib/format.js";
import { grid, nameOf, orderOf } from "../lib/grid.js";
import { long } from "../lib/long.js";
import { badge, empty, facts, filled, head } from "../lib/view.js";
import { PREVIEW_LABEL, nameOfJob } from "./jobs.js";

/** Columns from which on a table holds those in sight alone. */
const LONG = 60;

export async function page(main, { signal, query, note, title }) {
  const id = /^tbl_[a-z0-9]{1,40}$/.exec(query.get("table") ?? "")?.[0];
  const place = h("div");
  if (id) {
    put(main, head("Dataset", { line: h("a", { href: "/tables" }, "All datasets"), twin: `/v1/tables/${id}` }), place);
    return filled(place, "the dataset", async () => {
      const table = await json(`/v1/tables/${id}`, { signal });
      title(table.name);
      return one(table);
    }, 8);
  }
  put(main, head("Datasets", { line: "Tables that jobs read, by their content and their description.", actions: h("a", { href: "/", class: "primary" }, "New job"), twin: "/v1/tables" }), place);
  return filled(place, "datasets", async () => {
    const tables = await list("/v1/tables?limit=200", { signal });
    if (!tables.length) return empty("No table was read yet.", h("a", { href: "/", class: "primary" }, "New job"));
    return all(tables, orderOf(query.get("sort")), (order) => note({ sort: nameOf(order) }));
  }, 6);
}

function all(tables, sort, resort) {
  return [grid({ caption: "Tables", rows: tables, sort, on: { sort: resort }, columns: [
    { name: "name", title: "Table", of: (table) => [h("a", { href: `/tables?table=${table.id}` }, table.name), h("div", { class: "quiet small mono" }, table.id)], by: (table) => table.name },
    { name: "rows", title: "Rows", number: true, of: (table) => count(table.rows), by: (table) => table.rows },
    { name: "columns", title: "Columns", number: true, of: (table) => count(table.columns), by: (table) => table.columns },
    { name: "best", title: "Best score ↑", number: true, of: (table) => score(table.best?.score), by: (table) => table.best?.score },
    { name: "winner", title: "By", of: (table) => (table.best ? h("a", { href: `/jobs/${table.best.job}/leaderboard` }, table.best.candidate) : "–"), by: (table) => table.best?.candidate ?? "" },
    { name: "drift", title: "As before ↑", number: true, of: (table) => (table.drift ? score(table.drift.column_shapes) : "–"), by: (table) => table.drift?.column_shapes },
    { name: "jobs", title: "Jobs judged", number: true, of: (table) => count(table.jobs.judged), by: (table) => table.jobs.judged },
    { name: "last", title: "Last read", of: (table) => time(table.last_read), by: (table) => table.last_read },
    { name: "hash", title: "SHA-256", of: (table) => h("code", { title: table.sha256 }, table.sha256 ? `${table.sha256.slice(0, 12)}…` : "–") },
  ] }), h("p", { class: "quiet small" }, "As before: how alike its columns are to those of the table of this name that was read before it; 1 is equal. It is told by the protected descriptions of both.")];
}

function one(table) {
  const jobs = table.jobs.filter((job) => !(PREVIEW_LABEL in (job.labels ?? {})));
  const looked = table.jobs.length - jobs.length;
  return [
    h("h2", {}, table.name),
    facts([
      ["Table", `${plural(table.rows, "row")}, ${plural(table.columns, "column")}, ${bytes(table.bytes)}`], ["First read", time(table.first_read)], ["Last read", time(table.last_read)],
      ["Best score", table.best ? h("a", { href: `/jobs/${table.best.job}/candidates/${table.best.candidate}` }, `${score(table.best.score)} by ${table.best.candidate}`) : "none yet"],
      ["Fingerprint", h("code", {}, table.id)], ["SHA-256 of the file", h("code", {}, table.sha256)],
    ]),
    h("section", { class: "section" }, h("h2", {}, "Jobs"), jobs.length ? grid({ caption: "Jobs that read this table", rows: jobs, columns: [
      { name: "job", title: "Job", of: (job) => h("a", { href: `/jobs/${job.id}` }, nameOfJob({ ...job, table: job.table ?? table.name })), by: (job) => nameOfJob({ ...job, table: table.name }) },
      { name: "state", title: "State", of: (job) => badge(job.state), by: (job) => job.state },
      { name: "winner", title: "Winner", of: (job) => job.winner ?? "–", by: (job) => job.winner ?? "" },
      { name: "score", title: "Score ↑", number: true, of: (job) => score(job.score), by: (job) => job.score },
      { name: "created", title: "Asked for", of: (job) => time(job.created), by: (job) => job.created },
    ] }) : h("p", { class: "quiet" }, "It was read, and no job was started on it."), looked ? h("p", { class: "quiet small" }, `Read ${plural(looked, "time")} more to be looked at.`) : null,
    jobs.filter((job) => job.outcome).length > 1 ? h("p", {}, h("a", { class: "button", href: `/compare?jobs=${jobs.filter((job) => job.outcome).slice(0, 6).map((job) => job.id).join(",")}` }, "Compare its jobs")) : null),
    h("section", { class: "section" }, h("h2", {}, "Drift"), table.drift ? drift(table.drift) : h("p", { class: "quiet" }, "No other table of this name was read before it.")),
  ];
}

function drift(found) {
  const columns = [
    { name: "column", title: "Column", width: "18em", of: (column) => visible(column.name), by: (column) => column.name },
    { name: "score", title: "As before ↑", width: "9em", number: true, of: (column) => score(column.score), by: (column) => column.score },
    { name: "before", title: "Missing before", width: "9em", number: true, of: (column) => percent(column.missing_before), by: (column) => column.missing_before },
    { name: "missing", title: "Missing now", width: "9em", number: true, of: (column) => percent(column.missing), by: (column) => column.missing },
    { name: "was", title: "Kind", width: "14em", of: (column) => (column.was ? `was ${column.was}` : column.score === null ? "not measured" : "as before"), by: (column) => column.was ?? "" },
  ];
  const named = (title, names) => (names.length ? h("p", {}, h("b", {}, `${title}: `), names.map(visible).join(", ")) : null);
  const sort = { name: "score", down: false };
  const table = found.columns.length > LONG ? long({ caption: "Columns of both tables", rows: found.columns, columns, sort, key: (column) => column.name }) : grid({ caption: "Columns of both tables", rows: found.columns, columns, sort });
  return [
    h("p", {}, "Columns as before: ", h("b", {}, score(found.column_shapes)), " of 1, against ", h("a", { href: `/tables?table=${found.from}` }, `the table that was first read ${time(found.read)}`), "."),
    named("Columns that are gone", found.gone), named("Columns that came", found.come), table,
    h("p", { class: "quiet small" }, "Labels by their total variation, numbers by the largest step between their histograms, so to within a bin; dates, ids and texts are not measured."),
  ];
}
