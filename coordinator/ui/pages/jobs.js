// All jobs: filtered in the address, updated in place; new ones wait until they are called.

import { Problem, ask, json } from "../lib/api.js";
import { confirmed, say } from "../lib/dialog.js";
import { h, put } from "../lib/dom.js";
import { pause } from "../lib/feed.js";
import { shortId, time } from "../lib/format.js";
import { grid, nameOf, orderOf } from "../lib/grid.js";
import { badge, empty, failure, head, loading } from "../lib/view.js";

const STATES = ["queued", "on_hold", "in_progress", "done", "failed", "cancelled"];
/** The label of jobs that only read a table for the page New job. */
export const PREVIEW_LABEL = "preview";
const EVERY = 5;
/** Most candidates, here jobs, that Compare takes. */
const COMPARED_MAX = 6;

export async function page(main, { query, note, go, signal }) {
  const wish = { q: query.get("q") ?? "", state: query.get("state") ?? "", previews: query.get("view") === "all" };
  const chosen = new Set((query.get("jobs") ?? "").split(",").filter(Boolean));
  let order = orderOf(query.get("sort"));
  let shown = [];
  let waiting = [];
  let cursor = null;
  const place = h("div");
  const bar = h("div", { "aria-live": "polite" });
  const compare = h("button", { type: "button", onclick: () => go(`/compare?jobs=${[...chosen].join(",")}`) }, "Compare");

  const address = (from) => {
    const text = new URLSearchParams({ limit: "50" });
    for (const name of ["q", "state"]) if (wish[name]) text.set(name, wish[name]);
    if (from) text.set("cursor", from);
    return `/v1/jobs?${text}`;
  };
  const keep = (items) => items.filter((job) => wish.previews || !(PREVIEW_LABEL in (job.labels ?? {})));

  const draw = () => {
    compare.disabled = chosen.size < 2 || chosen.size > COMPARED_MAX;
    compare.textContent = chosen.size ? `Compare ${chosen.size}` : "Compare";
    compare.title = compare.disabled ? `tick two to ${COMPARED_MAX} finished jobs` : "";
    put(bar, waiting.length ? h("p", {}, h("button", { type: "button", onclick: () => { shown = [...waiting, ...shown]; waiting = []; draw(); } }, `${waiting.length} new`)) : null);
    if (!shown.length) {
      const filtered = wish.q || wish.state;
      put(place, filtered
        ? empty("No job fits this filter.", h("button", { type: "button", onclick: () => go("/jobs") }, "Show all"))
        : empty("There is no job yet.", h("a", { href: "/", class: "primary" }, "New job")));
      return;
    }
    put(place, grid({ caption: "Jobs, newest first", columns: columnsOf({ chosen, draw, note, act }), rows: shown, sort: order, on: { sort: (now) => { order = now; note({ sort: nameOf(now) }); } } }),
      cursor ? h("p", {}, h("button", { type: "button", onclick: more }, "Show older")) : null);
  };

  const load = async () => {
    put(place, loading("jobs", 6));
    try {
      const told = await json(address(null), { signal });
      shown = keep(told.items);
      cursor = told.next_cursor;
      waiting = [];
      draw();
    } catch (error) {
      if (error.name === "AbortError") return;
      put(place, failure(error, load));
    }
  };
  const more = async () => {
    const told = await json(address(cursor), { signal });
    shown.push(...keep(told.items));
    cursor = told.next_cursor;
    draw();
  };
  const act = async (job, verb) => {
    const name = nameOfJob(job);
    if (verb === "delete" && !(await confirmed(`Delete ${name}?`, `Everything of job ${job.id} is removed: its results, its files, its rows. It cannot be brought back.`, "Delete the job"))) return;
    if (verb === "cancel" && !(await confirmed(`Cancel ${name}?`, `Job ${job.id} stops, and what it has not finished is lost.`, "Cancel the job"))) return;
    try {
      if (verb === "delete") {
        await ask(`/v1/jobs/${job.id}`, { method: "DELETE", signal });
        shown = shown.filter((one) => one.id !== job.id);
        chosen.delete(job.id);
        draw();
        return say(`${name} is deleted`);
      }
      const told = await json(`/v1/jobs/${job.id}/${verb}`, { method: "POST", signal });
      if (verb === "retry") return go(`/jobs/${told.id}`);
      say(`${name} is being cancelled`);
    } catch (error) {
      if (error instanceof Problem) say(error.message, "wrong");
    }
    await refresh();
  };
  const refresh = async () => {
    const told = await json(address(null), { signal });
    const fresh = keep(told.items);
    const known = new Map(shown.map((job) => [job.id, job]));
    waiting = fresh.filter((job) => !known.has(job.id));
    let changed = false;
    for (const job of fresh) {
      const old = known.get(job.id);
      if (old && JSON.stringify(old) !== JSON.stringify(job)) { Object.assign(old, job); changed = true; }
    }
    if (changed || waiting.length) draw();
  };

  put(main, head("Jobs", { actions: [compare, h("a", { href: "/", class: "primary" }, "New job")], twin: "/v1/jobs" }), filterBar(wish, note, load), bar, place);
  load().then(async () => {
    while (!signal.aborted) {
      await pause(EVERY, signal);
      if (!signal.aborted && !document.hidden) await refresh().catch(() => {});
    }
  });
}

function filterBar(wish, note, load) {
  let timer;
  const text = h("input", { type: "search", id: "filter-text", value: wish.q, placeholder: "Name, table or id", oninput: () => {
    wish.q = text.value;
    clearTimeout(timer);
    timer = setTimeout(() => { note({ q: wish.q }); load(); }, 250);
  } });
  const state = h("select", { id: "filter-state", onchange: () => { wish.state = state.value; note({ state: wish.state }); load(); } },
    h("option", { value: "" }, "Any state"), STATES.map((name) => h("option", { value: name, selected: name === wish.state }, name.replace("_", " "))));
  const previews = h("input", { type: "checkbox", id: "filter-previews", checked: wish.previews, onchange: () => { wish.previews = previews.checked; note({ view: wish.previews ? "all" : null }); load(); } });
  return h("form", { class: "row filters", onsubmit: (event) => event.preventDefault() },
    h("label", { for: "filter-text", class: "sr" }, "Search jobs"), text,
    h("label", { for: "filter-state", class: "sr" }, "State"), state,
    h("label", { class: "choice", for: "filter-previews" }, previews, "also those that only read a table"));
}

function columnsOf({ chosen, draw, note, act }) {
  const tick = (job) => h("input", { type: "checkbox", "aria-label": `Compare ${nameOfJob(job)}`, checked: chosen.has(job.id), disabled: job.state !== "done", onchange: (event) => {
    if (event.target.checked) chosen.add(job.id); else chosen.delete(job.id);
    note({ jobs: [...chosen].join(",") });
    draw();
  } });
  const over = (job) => ["done", "failed", "cancelled"].includes(job.state);
  return [
    { name: "name", title: "Job", of: (job) => [h("a", { href: `/jobs/${job.id}` }, nameOfJob(job)), h("div", { class: "quiet small mono" }, shortId(job.id))], by: nameOfJob },
    { name: "state", title: "State", of: (job) => [badge(job.state), job.publish_failed ? h("div", {}, h("a", { href: `/jobs/${job.id}`, class: "small" }, "copy failed")) : null], by: (job) => job.state },
    { name: "winner", title: "Result", of: (job) => result(job), by: (job) => job.winner ?? job.outcome ?? "" },
    { name: "created", title: "Asked for", of: (job) => time(job.created), by: (job) => job.created },
    { name: "labels", title: "Labels", of: (job) => Object.entries(job.labels ?? {}).map(([name, value]) => h("span", { class: "chip" }, `${name}: ${value}`)) },
    { name: "compare", title: "Compare", of: tick },
    { name: "act", title: h("span", { class: "sr" }, "Actions"), of: (job) => [h("button", { type: "button", class: "small-button", "aria-label": `${over(job) ? "Retry" : "Cancel"} ${nameOfJob(job)}`, onclick: () => act(job, over(job) ? "retry" : "cancel") }, over(job) ? "Retry" : "Cancel"),
      over(job) ? [" ", h("button", { type: "button", class: "small-button", "aria-label": `Delete ${nameOfJob(job)}`, onclick: () => act(job, "delete") }, "Delete")] : null] },
  ];
}

/** What people call a job. */
export const nameOfJob = (job) => job.summary || job.table || sourceName(job) || shortId(job.id);
const sourceName = (job) => job.source?.split("/").pop();

function result(job) {
  if (job.outcome === "winner") return [h("b", {}, job.winner)];
  if (job.outcome === "no_release") return badge("no_release", "nothing released");
  return h("span", { class: "quiet" }, "–");
}

