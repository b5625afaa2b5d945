// Events of a job as they happen: a stream that is read with fetch, so that the token travels in a header. A stream that
// breaks is resumed after the last event that was seen; where streams do not pass, the same events are asked for.

import { Problem, headersOf, json } from "./api.js";

const WAITS = [1, 2, 4, 8, 15];
/** Streams that break without an event, after which events are asked for. */
const BROKEN_MAX = 3;

/**
 * Watches a job until it ended. `on.event(event)` gets each event, `on.link(state)` gets "live", "polling" or "lost".
 */
export async function watch(job, on, signal) {
  const path = `/v1/jobs/${job}/events`;
  let last = null;
  let broken = 0;
  const pass = (id, event) => {
    last = id ?? last;
    broken = 0;
    on.event(event);
    return event.type === "state" && ["done", "failed", "cancelled"].includes(event.state);
  };
  while (!signal.aborted) {
    try {
      const over = broken < BROKEN_MAX ? await stream(path, last, pass, on, signal) : await poll(path, last, pass, on, signal);
      if (over) return;
    } catch (error) {
      if (signal.aborted || error.name === "AbortError") return;
      if (error instanceof Problem && [401, 403, 404].includes(error.status)) throw error;
      if (error instanceof Problem && error.status === 409) last = null;
      on.link("lost");
    }
    broken += 1;
    await pause(WAITS[Math.min(broken - 1, WAITS.length - 1)], signal);
  }
}

async function stream(path, last, pass, on, signal) {
  const headers = headersOf(last ? { "last-event-id": last } : {});
  const response = await fetch(path, { headers, signal, cache: "no-store" });
  if (response.status === 204) return true;
  if (!response.ok) throw new Problem({ status: response.status, ...(await response.json().catch(() => ({}))) });
  on.link("live");
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let over = false;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return over;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const found = read(frame);
      if (found) over = pass(found.id, found.event) || over;
    }
  }
}

function read(frame) {
  let id = null;
  let data = "";
  for (const line of frame.split("\n")) {
    if (line.startsWith("id: ")) id = line.slice(4);
    if (line.startsWith("data: ")) data += line.slice(6);
  }
  if (!data) return null;
  const event = JSON.parse(data);
  return { id, event: event.snapshot ? { type: "snapshot", ...event } : event };
}

async function poll(path, last, pass, on, signal) {
  for (;;) {
    const told = await json(`${path}?wait=5${last ? `&after=${encodeURIComponent(last)}` : ""}`, { signal });
    on.link("polling");
    let over = false;
    for (const event of told.events) over = pass(event.id, event.snapshot ? { type: "snapshot", ...event } : event) || over;
    last = told.next;
    if (told.ended || over) return true;
    await pause(told.events.length ? 1 : 5, signal);
  }
}

/** Waits some seconds, or until the page is left. */
export function pause(seconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
