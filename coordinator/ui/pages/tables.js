// Datasets: jobs by the table that they read, with the best result of each.

import { json, list } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { count, score, time } from "../lib/format.js";
import { grid, nameOf, orderOf } from "../lib/grid.js";
import { empty, filled, head } from "../lib/view.js";
import { PREVIEW_LABEL, nameOfJob } from "./jobs.js";

/** Newest jobs that are looked at. */
const JOBS_MAX = 100;
const AT_ONCE = 8;

export async function page(main, { signal, query, note }) {
  const place = h("div");
  put(main, head("Datasets", { line: `Tables of the newest ${JOBS_MAX} jobs, by the content that was read.`, actions: h("a", { href: "/", class: "primary" }, "New job") }), place);
  await filled(place, "datasets", async () => {
    const jobs = (await list("/v1/jobs?limit=100", { signal, most: JOBS_MAX })).filter((job) => !(PREVIEW_LABEL in (job.labels ?? {})));
    if (!jobs.length) return empty("No table was read yet.", h("a", { href: "/", class: "primary" }, "New job"));
    const found = await described(jobs, signal);
    const groups = new Map();
    for (const one of found) {
      const key = one.profile?.table.id ?? `unread ${one.job.source}`;
      if (!groups.has(key)) groups.set(key, { key, table: one.profile?.table, name: one.profile?.table.name ?? nameOfJob(one.job), jobs: [] });
      groups.get(key).jobs.push(one);
    }
    return table([...groups.values()], orderOf(query.get("sort")), (order) => note({ sort: nameOf(order) }));
  }, 6);
}

/** Jobs with the description of their table and their verdict, some at a time. */
async function described(jobs, signal) {
  const found = [];
  for (let at = 0; at < jobs.length; at += AT_ONCE) {
    found.push(...await Promise.all(jobs.slice(at, at + AT_ONCE).map(async (job) => {
      const quietly = (path) => json(path, { signal }).catch((error) => { if (error.name === "AbortError") throw error; return null; });
      const profile = job.state !== "done" ? null : await quietly(`/v1/jobs/${job.id}/metadata`);
      const verdict = job.outcome ? await quietly(`/v1/jobs/${job.id}/verdict`) : null;
      const winner = verdict?.ranking.find((row) => row.candidate === verdict.winner);
      return { job, profile, score: winner?.score ?? null, winner: verdict?.winner ?? null };
    })));
  }
  return found;
}

function table(groups, sort, resort) {
  const best = (group) => group.jobs.filter((one) => one.score !== null).sort((a, b) => b.score - a.score)[0];
  return grid({ caption: "Tables", rows: groups, sort, on: { sort: resort }, columns: [
    { name: "name", title: "Table", of: (group) => [group.name, h("div", { class: "quiet small mono" }, group.table?.id ?? "not read")], by: (group) => group.name },
    { name: "rows", title: "Rows", number: true, of: (group) => count(group.table?.rows), by: (group) => group.table?.rows },
    { name: "columns", title: "Columns", number: true, of: (group) => count(group.table?.columns), by: (group) => group.table?.columns },
    { name: "best", title: "Best score ↑", number: true, of: (group) => score(best(group)?.score), by: (group) => best(group)?.score },
    { name: "winner", title: "By", of: (group) => (best(group) ? h("a", { href: `/jobs/${best(group).job.id}/leaderboard` }, best(group).winner) : "–"), by: (group) => best(group)?.winner ?? "" },
    { name: "last", title: "Last read", of: (group) => time(group.jobs[0].job.created), by: (group) => group.jobs[0].job.created },
    { name: "jobs", title: "Jobs", of: (group) => h("details", {}, h("summary", {}, count(group.jobs.length)), h("ul", { class: "plain" }, group.jobs.map(({ job, score: value }) => h("li", {}, h("a", { href: `/jobs/${job.id}` }, nameOfJob(job)), ` ${job.state.replaceAll("_", " ")}${value === null ? "" : `, ${score(value)}`}`)))), by: (group) => group.jobs.length },
    { name: "hash", title: "SHA-256", of: (group) => h("code", { title: group.table?.sha256 ?? "" }, group.table ? `${group.table.sha256.slice(0, 12)}…` : "–") },
  ] });
}
