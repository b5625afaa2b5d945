// A new job in six steps on one page: link, data, metadata, synthesizers, benchmarks, results; beside them the equal
// command. What is typed is kept for this tab, so that a reload or a step back loses nothing.

import { Problem, json } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { pause } from "../lib/feed.js";
import { percent } from "../lib/format.js";
import { failure, head, loading, problemIn } from "../lib/view.js";
import { PREVIEW_LABEL } from "./jobs.js";
import { benchmarkStep } from "../new/benchmarks.js";
import { columnStep } from "../new/columns.js";
import { dataStep, fillRows, remedies } from "../new/data.js";
import { equalBox } from "../new/equal.js";
import { Faults } from "../new/faults.js";
import { isChosen, linkStep, send } from "../new/link.js";
import { canLook, look, lookedAtColumns, lookedAtRows } from "../new/look.js";
import { results } from "../new/results.js";
import { jobOf, nameOfTable, sourceOf, state } from "../new/state.js";
import { synthesizerStep } from "../new/synthesizers.js";

/** Seconds after which a table that is still being read is looked at meanwhile. */
const LOOK_AFTER = 1.5;
const STEPS = [["link", "Link"], ["data", "Data"], ["columns", "Metadata"], ["synthesizers", "Synthesizers"], ["benchmarks", "Benchmarks"], ["results", "Results"]];

export async function page(main, { query, note, signal }) {
  const draft = state();
  const faults = new Faults();
  const equal = equalBox(draft, query, note);
  const places = Object.fromEntries(STEPS.map(([name]) => [name, h("div")]));
  const sections = Object.fromEntries(STEPS.map(([name, title], place) => [name, h("section", { class: "step", id: name, "aria-labelledby": `${name}-title` }, h("h2", { id: `${name}-title`, "data-number": place + 1 }, title), places[name])]));
  put(main, head("New job", { line: "A table goes in; the best synthetic table that passes a privacy gate comes out, with proof.", actions: h("button", { type: "button", class: "small-button", onclick: () => { draft.clear(); location.assign("/"); } }, "Start over") }),
    h("div", { class: "steps" }, h("div", {}, Object.values(sections)), h("aside", {}, equal.element)));

  let profile = null;
  const refused = h("div");
  const mark = () => {
    const ready = { link: isChosen(draft.value), data: profile, columns: profile, synthesizers: draft.value.job, benchmarks: draft.value.job, results: draft.value.job };
    for (const [name] of STEPS) {
      sections[name].classList.toggle("is-ready", Boolean(ready[name]));
      sections[name].classList.toggle("is-waiting", !ready[name] && name !== "link");
    }
  };
  const changed = () => { equal.update(); mark(); };

  put(places.synthesizers, loading("synthesizers", 3));
  const [synthesizers, benchmarks] = await Promise.all([json("/v1/synthesizers", { signal }), json("/v1/benchmarks", { signal })]);
  const catalogue = { synthesizers: synthesizers.items, presets: synthesizers.presets, benchmarks: benchmarks.items, usual: benchmarks.usual.filter((name) => benchmarks.items.some((member) => member.name === name)) };

  /** Reads the table: sends the file if there is one, and has a job read it and wait. */
  const load = async () => {
    faults.clear();
    if (!isChosen(draft.value)) return faults.show({ errors: [{ pointer: "/source", detail: "Type a link, choose a file, or take a set." }] });
    const told = h("p", { role: "status" });
    const button = document.getElementById("load");
    // a short look is of use until the whole table was read
    const short = new AbortController();
    signal.addEventListener("abort", () => short.abort(), { signal: short.signal });
    button.disabled = true;
    put(places.data, told, loading("the table", 6));
    put(told, "Reading the table…");
    try {
      await send(draft, (share) => put(told, `Sending ${percent(share)}…`), signal);
      put(told, "Reading the table…");
      const source = sourceOf(draft.value);
      if (canLook(source)) pause(LOOK_AFTER, short.signal).then(() => (short.signal.aborted ? null : look(source, short.signal))).then((seen) => {
        if (!seen || short.signal.aborted) return;
        put(places.data, told, lookedAtRows(seen));
        put(places.columns, lookedAtColumns(seen, { draft, changed }));
      }).catch(() => {});
      const asked = { source, preset: "quick", hold: true, labels: { [PREVIEW_LABEL]: "yes" }, summary: `Reading ${nameOfTable(draft.value)}`.slice(0, 200) };
      const job = await json("/v1/jobs", { method: "POST", body: asked, signal });
      await held(job.id, signal);
      short.abort();
      draft.save({ read: job.id, job: null });
      await showTable(true);
    } catch (error) {
      short.abort();
      if (error.name === "AbortError") return;
      const left = error instanceof Problem && error.errors.some((part) => part.pointer) ? faults.show(error) : [error];
      const fix = remedies(error, draft, load);
      put(places.data, left.length || fix ? failure(error, load, { fix }) : h("p", { class: "quiet" }, "The first rows of the table appear here."));
      drawColumns();
    } finally {
      button.disabled = false;
      changed();
    }
  };

  const drawData = () => {
    const rows = h("div", {}, profile ? loading("rows", 6) : null);
    put(places.data, dataStep({ draft, profile, faults, rows, again: load }));
    if (profile) fillRows(rows, draft.value.read, profile, signal);
  };
  const drawColumns = () => put(places.columns, columnStep({ draft, profile, faults, changed }));
  const drawChoices = () => {
    put(places.synthesizers, synthesizerStep({ draft, faults, catalogue, changed }));
    put(places.benchmarks, benchmarkStep({ draft, faults, catalogue, changed }), refused,
      h("p", { class: "row" }, h("button", { type: "button", class: "primary", id: "start", disabled: !profile, onclick: start }, "Start"), profile ? null : h("span", { class: "quiet small" }, "Load a table first.")));
  };
  const showTable = async (fresh) => {
    profile = null;
    if (draft.value.read) {
      try {
        profile = await json(`/v1/jobs/${draft.value.read}/metadata`, { signal });
      } catch (error) {
        if (error.name === "AbortError") return;
        // what was read is no longer kept: it is read again on request
        draft.save({ read: null });
        if (fresh) throw error;
      }
    }
    drawData();
    drawColumns();
    drawChoices();
    changed();
  };
  const start = async () => {
    faults.clear();
    put(refused);
    const button = document.getElementById("start");
    button.disabled = true;
    try {
      const job = await json("/v1/jobs", { method: "POST", body: jobOf(draft.value), signal });
      draft.save({ job: job.id });
      mark();
      sections.results.scrollIntoView({ behavior: "smooth" });
      showResults();
    } catch (error) {
      if (error.name === "AbortError") return;
      const left = error instanceof Problem ? faults.show(error) : [error];
      if (left.length) put(refused, failure(error));
    } finally {
      button.disabled = false;
    }
  };
  const showResults = () => {
    if (draft.value.job) results(places.results, draft.value.job, signal);
    else put(places.results, h("p", { class: "quiet" }, "The best table, its score and its rows appear here."));
  };

  const linkChanged = () => {
    if (profile && !draft.value.read) profile = null;
    if (!profile) { drawData(); drawColumns(); drawChoices(); }
    changed();
  };
  put(places.link, linkStep({ draft, faults, changed: linkChanged, load }));
  await showTable(false);
  showResults();
}

/** Waits until a job read its table, then ends it: nothing is left waiting. */
async function held(job, signal) {
  for (let wait = 0.15; !signal.aborted; wait = Math.min(wait * 1.5, 2)) {
    const now = await json(`/v1/jobs/${job}`, { signal });
    if (now.state === "failed") throw asProblem(now.problem);
    if (now.state === "on_hold") {
      await json(`/v1/jobs/${job}/cancel`, { method: "POST", body: { reason: "the table was read" }, signal });
      return;
    }
    if (["done", "cancelled"].includes(now.state)) return;
    await pause(wait, signal);
  }
}

function asProblem(document) {
  const found = problemIn(document) ?? { title: "Failed", message: "The table could not be read." };
  return Object.assign(new Error(found.message), found);
}
