// Who did what when: a lane for each worker or candidate, bars that grow while tasks run.

import { h, put, s } from "../lib/dom.js";
import { plural, seconds } from "../lib/format.js";

const LEFT = 132;
const RIGHT = 30;
const ROW = 20;
const WIDTH = 980;
/** Lanes of one candidate or worker that lie on each other; further tasks share the last. */
const DEPTH = 8;
/** By how much the time shown of many bars grows at once. */
const STEP = 1.15;
/** Bars from which on those of one kind in a lane are one shape: a browser moves a hundred shapes, not ten thousand. */
const MANY = 1_500;

/** A chart that stays in its place: of many bars only the lanes in which something happened are made anew. */
export class Gantt {
  #place;
  #key = "";
  #lanes = new Map();
  #picture = s("svg", { class: "chart gantt", width: WIDTH, role: "img" });
  #box = h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Times of tasks" }, this.#picture);

  constructor(place) { this.#place = place; }

  /** `by` is "candidate" or "worker". */
  draw(live, by, now = Date.now()) {
    const { bars, reused } = began(live, by, now);
    // what was taken from an earlier job ran then: its times have no place here
    const note = reused ? h("p", { class: "small quiet" }, `${reused} tasks were not run again: their results were taken from earlier jobs.`) : null;
    if (!bars.length) return put(this.#place, note ?? h("p", { class: "quiet" }, "Bars appear when the first task runs."));
    const many = bars.length > MANY;
    const from = bars[0].task.began;
    const last = bars.reduce((last, bar) => Math.max(last, bar.end), from + 100);
    // of many bars the scale moves in steps: between them a bar that ended stays as it is
    const to = many && !live.over ? from + STEP ** Math.ceil(Math.log(last - from) / Math.log(STEP)) : last;
    const x = (at) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
    const lanes = stack(bars);
    const key = `${by} ${from} ${to} ${many}`;
    if (key !== this.#key) this.#lanes.clear();
    this.#key = key;
    let y = 6;
    const drawn = [];
    for (const [name, rows] of lanes) {
      drawn.push(this.#lane(name, rows, x, y, many));
      y += heightOf(rows);
    }
    const told = { viewBox: `0 0 ${WIDTH} ${y + 22}`, height: y + 22, "aria-label": `${bars.length} tasks in ${lanes.size} lanes over ${seconds((last - from) / 1000)}` };
    for (const [name, value] of Object.entries(told)) this.#picture.setAttribute(name, value);
    put(this.#picture, drawn, axis(from, to, x, y));
    if (this.#box.parentNode !== this.#place || note) put(this.#place, this.#box, note);
    return this.#place;
  }

  /** A lane at its place: made anew where a bar came, ended or grows. */
  #lane(name, rows, x, y, many) {
    const grows = rows.some((row) => row.some((bar) => !bar.task.ended));
    const told = rows.map((row) => row.length).join(" ");
    const before = this.#lanes.get(name);
    const same = many && before && !before.grows && !grows && before.told === told;
    const element = same ? before.element : s("g", { class: "lane" },
      s("text", { x: LEFT - 8, y: 12, "text-anchor": "end" }, name.length > 20 ? `${name.slice(0, 19)}…` : name),
      s("path", { class: "grid", d: `M${LEFT} ${heightOf(rows) - 2}H${WIDTH - RIGHT}` }),
      many ? shapes(name, rows, x) : rows.map((row, depth) => row.map((bar) => one(bar, x, depth * (ROW / 2)))));
    element.setAttribute("transform", `translate(0 ${y})`);
    this.#lanes.set(name, { told, grows, element });
    return element;
  }
}

const heightOf = (rows) => rows.length * (ROW / 2) + 8;

/** Bars in the order in which their tasks began, and how many tasks were reused. */
function began(live, by, now) {
  const bars = [];
  let reused = 0;
  for (const task of live.tasks.values()) {
    if (!task.began) continue;
    if (task.from_cache) { reused += 1; continue; }
    bars.push({ task, end: task.ended ?? now, lane: (by === "worker" ? task.worker : task.candidate?.replace("ref_", "") ?? task.kind) || "unknown" });
  }
  bars.sort((a, b) => a.task.began - b.task.began || (a.task.id < b.task.id ? -1 : 1));
  return { bars, reused };
}

/** Lanes with as many rows as tasks ran at once. */
function stack(bars) {
  const lanes = new Map();
  for (const bar of bars) {
    const rows = lanes.get(bar.lane) ?? [];
    let row = rows.find((one) => one.at(-1).end <= bar.task.began + 0.5);
    if (!row) { row = rows.length < DEPTH ? [] : rows.at(-1); if (rows.length < DEPTH) rows.push(row); }
    row.push(bar);
    lanes.set(bar.lane, rows);
  }
  return lanes;
}

function one({ task, end }, x, y) {
  const width = Math.max(1.5, x(end) - x(task.began));
  const marks = task.attempts > 1 ? `attempt ${task.attempts}` : "";
  return s("g", {},
    s("rect", { class: `b-${task.kind} is-${task.state}`, x: x(task.began), y, width, height: ROW / 2 - 2, rx: 1.5 }, s("title", {}, `${task.id}: ${task.state}, ${seconds((end - task.began) / 1000)}${marks ? `, ${marks}` : ""}`)),
    task.attempts > 1 ? s("text", { class: "warning", x: x(task.began) + width + 2, y: y + 8 }, `×${task.attempts}`) : null);
}

/** The bars of a lane as one shape for each kind and state, with how many there are. */
function shapes(lane, rows, x) {
  const found = new Map();
  rows.forEach((row, depth) => row.forEach(({ task, end }) => {
    const key = `b-${task.kind} is-${task.state}`;
    if (!found.has(key)) found.set(key, { task, bars: 0, path: [] });
    const shape = found.get(key);
    shape.bars += 1;
    const width = Math.max(1, x(end) - x(task.began)).toFixed(1);
    shape.path.push(`M${x(task.began).toFixed(1)} ${depth * (ROW / 2)}h${width}v${ROW / 2 - 2}h-${width}z`);
  }));
  return [...found].map(([key, { task, bars, path }]) => s("path", { class: key, d: path.join("") }, s("title", {}, `${lane}: ${plural(bars, `${task.kind} task`)} ${task.state}`)));
}

function axis(from, to, x, y) {
  const total = (to - from) / 1000;
  const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600].find((one) => total / one <= 9) ?? 86400;
  const ticks = [];
  for (let at = 0; at <= total + 1e-9; at += step) ticks.push(at);
  return [s("path", { class: "axis", d: `M${LEFT} ${y}H${WIDTH - RIGHT}` }), ticks.map((at) => s("text", { class: "tick", x: x(from + at * 1000), y: y + 14, "text-anchor": "middle" }, at === 0 ? "0" : seconds(at)))];
}

/** What the colours mean. */
export const ganttLegend = () => h("p", { class: "legend" },
  h("span", {}, h("i", { class: "l-syn-bar" }), "synthesize"), h("span", {}, h("i", { class: "l-real" }), "benchmark"), h("span", {}, "dashed: running"), h("span", {}, "×2: second attempt"));
