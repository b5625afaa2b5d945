// One candidate: its scores with references, its columns and pairs beside the real ones, utility, privacy, rows, run.

import { json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { score } from "../lib/format.js";
import { tabs } from "../lib/grid.js";
import { badge, empty, filled, head } from "../lib/view.js";
import { crumbs } from "../job/crumbs.js";
import { columns } from "../candidate/columns.js";
import { overview } from "../candidate/overview.js";
import { pairs } from "../candidate/pairs.js";
import { privacy } from "../candidate/privacy.js";
import { rows } from "../candidate/rows.js";
import { run } from "../candidate/run.js";
import { utility } from "../candidate/utility.js";

const TABS = [["overview", "Overview", overview], ["columns", "Columns", columns], ["pairs", "Pairs", pairs], ["utility", "ML utility", utility], ["privacy", "Privacy", privacy], ["rows", "Rows", rows], ["run", "Run and download", run]];

export async function page(main, context) {
  const [job, name] = context.parameters;
  const { signal } = context;
  const place = h("div");
  const top = h("div", {}, head(name, { line: crumbs(job), actions: h("a", { class: "button", href: `/compare?jobs=${job}` }, "Compare"), twin: `/v1/jobs/${job}/candidates/${name}` }));
  put(main, top, place);
  context.title(name);
  await filled(place, "the candidate", async () => {
    const about = await json(`/v1/jobs/${job}`, { signal });
    const published = about.outcome !== null && about.state === "done";
    if (!published) return early(job, name, about, context);
    const [own, verdict, profile] = await Promise.all(["candidates/" + encodeURIComponent(name), "verdict", "metadata"].map((part) => json(`/v1/jobs/${job}/${part}`, { signal })));
    const held = verdict.references.holdout ? await json(`/v1/jobs/${job}/candidates/ref_holdout`, { signal }) : null;
    const ranked = verdict.ranking.find((row) => row.candidate === name);
    const repeat = own.repeats.find((one) => one.repeat === (ranked?.delivered_repeat ?? 0)) ?? own.repeats[0];
    const subject = { job, name, about, own, held: held?.repeats[0], verdict, profile, ranked, repeat, reference: verdict.references.holdout, context };
    put(top, head(name, { line: crumbs(job), actions: h("a", { class: "button", href: `/compare?jobs=${job}` }, "Compare"), twin: `/v1/jobs/${job}/candidates/${name}` }), h("div", { class: "row" }, standing(subject)));
    return tabs("Parts of the candidate", TABS.map(([id, title, make]) => [id, title, (tab) => filled(tab, title.toLowerCase(), () => make(subject))]), context.query.get("tab") ?? "overview", (tab) => context.note({ tab: tab === "overview" ? null : tab }));
  }, 8);
}

function standing({ ranked, verdict, name, own }) {
  if (!ranked) return badge("planned", "not ranked");
  const mark = name === verdict.winner ? badge("winner", "wins") : ranked.eligible ? badge("pass", "may be released") : own.baseline ? badge("planned", "baseline, never released") : badge("fail", "not released");
  return [mark, h("span", {}, `score ${score(ranked.score)} `, h("span", { class: "quiet" }, `[${score(verdict.references.holdout?.score)}]`)), h("span", { class: "quiet" }, ranked.why)];
}

/** While the job runs, the rows are all that can be shown. */
async function early(job, name, about, context) {
  const over = ["failed", "cancelled"].includes(about.state);
  const place = h("div");
  if (!over) await filled(place, "rows", () => rows({ job, name, context, own: { baseline: false } }));
  return [empty(over ? `The job is ${about.state}: nothing was published of this candidate.` : "Scores are shown once the job is judged.", h("a", { class: "button", href: `/jobs/${job}` }, "See the job")), place];
}
