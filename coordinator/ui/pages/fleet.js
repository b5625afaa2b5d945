// The fleet: workers with what they run, queues with how full they are, messages that nobody could read.

import { Problem, ask, json } from "../lib/api.js";
import { confirmed, say } from "../lib/dialog.js";
import { h, put, redraw } from "../lib/dom.js";
import { pause } from "../lib/feed.js";
import { bytes, count, seconds, time } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { badge, empty, failure, head, loading, tile } from "../lib/view.js";

const EVERY = 5;
/** Seconds of silence after which a worker is likely gone. */
const SILENT = 90;

export async function page(main, { signal }) {
  const places = Object.fromEntries(["summary", "workers", "queues", "dead", "body"].map((name) => [name, h("div")]));
  const age = h("span", { class: "quiet small", role: "status" });
  put(main, head("Fleet", { line: age }), places.summary,
    h("section", { class: "section" }, h("h2", {}, "Workers"), places.workers),
    h("section", { class: "section" }, h("h2", {}, "Queues"), places.queues),
    h("section", { class: "section" }, h("h2", {}, "Buried messages"), places.dead, places.body));
  for (const name of ["workers", "queues", "dead"]) put(places[name], loading(name, 3));

  const told = { workers: null, queues: null };
  const part = async (name, path, draw) => {
    try {
      const { items } = await json(path, { signal });
      told[name] = items;
      redraw(places[name], draw(items));
    } catch (error) {
      if (error.name === "AbortError") return;
      put(places[name], error instanceof Problem && error.status === 403 ? empty("Your token may not see this (scope admin).") : failure(error, refresh));
    }
  };
  const refresh = async () => {
    await Promise.all([part("workers", "/v1/workers", (items) => workers(items, act)), part("queues", "/v1/queues", queues), part("dead", "/v1/dead-letters", (items) => dead(items, act, show))]);
    if (signal.aborted) return;
    put(age, `as of ${time(Date.now())}, asked again every ${EVERY} s`);
    if (told.queues) put(places.summary, summary(told));
  };
  const act = async (title, sentence, word, path, method, said) => {
    if (!(await confirmed(title, sentence, word))) return;
    try {
      await ask(path, { method, signal });
      say(said);
      put(places.body);
    } catch (error) {
      if (error instanceof Problem) say(error.message, "wrong");
    }
    await refresh();
  };
  const show = async (letter) => {
    const whole = await json(`/v1/dead-letters/${letter.day}/${letter.id}`, { signal });
    put(places.body, h("div", { class: "card" }, h("h3", {}, `Message ${letter.id}`), h("p", {}, letter.reason), h("pre", { tabindex: "0" }, printable(whole.body_hex))));
    places.body.scrollIntoView({ block: "nearest" });
  };
  await refresh();
  (async () => { while (!signal.aborted) { await pause(EVERY, signal); if (!signal.aborted && !document.hidden) await refresh(); } })();
}

function summary({ workers: list, queues: all }) {
  const sum = (field) => all.reduce((total, queue) => total + (queue[field] ?? 0), 0);
  return h("div", { class: "tiles" },
    tile("Workers", list?.length ? count(list.length) : "in this process", list?.length ? `${count(list.reduce((total, one) => total + (one.slots ?? 0), 0))} tasks at once` : "one process serves and works"),
    tile("Waiting messages", count(sum("ready"))), tile("Being worked on", count(sum("unacked"))));
}

function workers(list, act) {
  if (!list.length) return empty("No worker has announced itself. In a process started with serve, the work is done inside of it.");
  return grid({ caption: "Workers", rows: list, sort: { name: "id" }, columns: [
    { name: "id", title: "Worker", of: (one) => h("span", { class: "mono" }, one.id), by: (one) => one.id },
    { name: "state", title: "State", of: (one) => (one.silent_seconds > SILENT ? badge("not_assessed", "silent") : one.draining ? badge("on_hold", "leaving") : badge("running", "there")), by: (one) => one.silent_seconds },
    { name: "host", title: "Host", of: (one) => one.host ?? "–", by: (one) => one.host },
    { name: "pool", title: "Pool", of: (one) => one.pool ?? "–", by: (one) => one.pool },
    { name: "version", title: "Version", of: (one) => one.version ?? "–", by: (one) => one.version },
    { name: "slots", title: "At once", number: true, of: (one) => count(one.slots), by: (one) => one.slots },
    { name: "memory", title: "Memory", number: true, of: (one) => bytes(one.memory_bytes), by: (one) => one.memory_bytes },
    { name: "silent", title: "Last word", number: true, of: (one) => `${seconds(one.silent_seconds)} ago`, by: (one) => one.silent_seconds },
    { name: "started", title: "Since", of: (one) => time(one.started), by: (one) => one.started },
    { name: "drain", title: h("span", { class: "sr" }, "Actions"), of: (one) => h("button", { type: "button", class: "small-button", id: `drain-${one.id}`, "aria-label": `Drain ${one.id}`, onclick: () => act(`Drain ${one.id}?`, "It ends the tasks that it runs, takes no others, and leaves.", "Drain it", `/v1/workers/${encodeURIComponent(one.id)}/drain`, "POST", `${one.id} was asked to leave`) }, "Drain") },
  ] });
}

function queues(list) {
  return grid({ caption: "Queues", rows: list, columns: [
    { name: "name", title: "Queue", of: (one) => h("span", { class: "mono" }, one.name), by: (one) => one.name },
    { name: "ready", title: "Waiting", number: true, of: (one) => (one.problem ? one.problem : count(one.ready)), by: (one) => one.ready },
    { name: "unacked", title: "Being worked on", number: true, of: (one) => count(one.unacked), by: (one) => one.unacked },
    { name: "consumers", title: "Takers", number: true, of: (one) => count(one.consumers), by: (one) => one.consumers },
    { name: "age", title: "Oldest waits for", number: true, of: (one) => (one.oldest_age_seconds === null ? "–" : seconds(one.oldest_age_seconds)), by: (one) => one.oldest_age_seconds },
  ] });
}

function dead(list, act, show) {
  if (!list.length) return empty("No message was buried.");
  const name = (one) => `/v1/dead-letters/${one.day}/${one.id}`;
  return grid({ caption: "Buried messages", rows: list, columns: [
    { name: "at", title: "Buried", of: (one) => time(one.at), by: (one) => one.at },
    { name: "reason", title: "Reason", text: true, of: (one) => one.reason },
    { name: "kind", title: "Kind", of: (one) => one.kind ?? "–" },
    { name: "job", title: "Job", of: (one) => (one.job ? h("a", { href: `/jobs/${one.job}` }, one.job) : "–") },
    { name: "bytes", title: "Size", number: true, of: (one) => bytes(one.bytes), by: (one) => one.bytes },
    { name: "act", title: h("span", { class: "sr" }, "Actions"), of: (one) => h("span", { class: "row" },
      h("button", { type: "button", class: "small-button", id: `show-${one.id}`, "aria-label": `Show message ${one.id}`, onclick: () => show(one) }, "Show"),
      h("button", { type: "button", class: "small-button", id: `requeue-${one.id}`, "aria-label": `Send message ${one.id} again`, onclick: () => act("Send it again?", `Message ${one.id} goes back to its queue.`, "Send it again", `${name(one)}/requeue`, "POST", "The message was sent again") }, "Send again"),
      h("button", { type: "button", class: "small-button", id: `discard-${one.id}`, "aria-label": `Discard message ${one.id}`, onclick: () => act("Discard it?", `Message ${one.id} is forgotten for good.`, "Discard it", name(one), "DELETE", "The message was discarded") }, "Discard")) },
  ] });
}

/** The bytes of a message with what is no text as dots. */
function printable(hex) {
  let text = "";
  for (let at = 0; at < hex.length; at += 2) {
    const code = Number.parseInt(hex.slice(at, at + 2), 16);
    text += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : "·";
  }
  return text;
}
