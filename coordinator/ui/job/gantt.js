// Who did what when: a lane for each worker or candidate, bars that grow while tasks run.

import { h, s } from "../lib/dom.js";
import { plural, seconds } from "../lib/format.js";

const LEFT = 132;
const RIGHT = 30;
const ROW = 20;
const WIDTH = 980;
/** Lanes of one candidate or worker that lie on each other; further tasks share the last. */
const DEPTH = 8;
/** Bars from which on those of one kind in a lane are one shape: a browser moves a hundred shapes, not ten thousand. */
const MANY = 1_500;

/** The picture; `by` is "candidate" or "worker". */
export function gantt(live, by, now = Date.now()) {
  const ran = [...live.tasks.values()].filter((task) => task.began);
  // what was taken from an earlier job ran then: its times have no place here
  const reused = ran.filter((task) => task.from_cache).length;
  const bars = ran.filter((task) => !task.from_cache).map((task) => ({ ...task, end: task.ended ?? now, lane: (by === "worker" ? task.worker : task.candidate?.replace("ref_", "") ?? task.kind) || "unknown" }));
  const note = reused ? h("p", { class: "small quiet" }, `${reused} tasks were not run again: their results were taken from earlier jobs.`) : null;
  if (!bars.length) return note ?? h("p", { class: "quiet" }, "Bars appear when the first task runs.");
  bars.sort((a, b) => a.began - b.began || (a.id < b.id ? -1 : 1));
  const from = bars[0].began;
  const to = bars.reduce((last, bar) => Math.max(last, bar.end), from + 100);
  const x = (at) => LEFT + ((at - from) / (to - from)) * (WIDTH - LEFT - RIGHT);
  const lanes = stack(bars);
  let y = 6;
  const drawn = [];
  for (const [name, rows] of lanes) {
    const height = rows.length * (ROW / 2) + 8;
    drawn.push(s("g", { class: "lane" }, s("text", { x: LEFT - 8, y: y + 12, "text-anchor": "end" }, name.length > 20 ? `${name.slice(0, 19)}…` : name),
      s("path", { class: "grid", d: `M${LEFT} ${y + height - 2}H${WIDTH - RIGHT}` }),
      bars.length > MANY ? shapes(name, rows, x, y) : rows.map((row, depth) => row.map((bar) => one(bar, x, y + depth * (ROW / 2))))));
    y += height;
  }
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Times of tasks" },
    s("svg", { class: "chart gantt", viewBox: `0 0 ${WIDTH} ${y + 22}`, width: WIDTH, height: y + 22, role: "img", "aria-label": `${bars.length} tasks in ${lanes.size} lanes over ${seconds((to - from) / 1000)}` },
      drawn, axis(from, to, x, y)), note);
}

/** Lanes with as many rows as tasks ran at once. */
function stack(bars) {
  const lanes = new Map();
  for (const bar of bars) {
    const rows = lanes.get(bar.lane) ?? [];
    let row = rows.find((one) => one.at(-1).end <= bar.began + 0.5);
    if (!row) { row = rows.length < DEPTH ? [] : rows.at(-1); if (rows.length < DEPTH) rows.push(row); }
    row.push(bar);
    lanes.set(bar.lane, rows);
  }
  return lanes;
}

function one(bar, x, y) {
  const width = Math.max(1.5, x(bar.end) - x(bar.began));
  const marks = bar.attempts > 1 ? `attempt ${bar.attempts}` : "";
  return s("g", {},
    s("rect", { class: `b-${bar.kind} is-${bar.state}`, x: x(bar.began), y, width, height: ROW / 2 - 2, rx: 1.5 }, s("title", {}, `${bar.id}: ${bar.state}, ${seconds((bar.end - bar.began) / 1000)}${marks ? `, ${marks}` : ""}`)),
    bar.attempts > 1 ? s("text", { class: "warning", x: x(bar.began) + width + 2, y: y + 8 }, `×${bar.attempts}`) : null);
}

/** The bars of a lane as one shape for each kind and state, with how many there are. */
function shapes(lane, rows, x, y) {
  const found = new Map();
  rows.forEach((row, depth) => row.forEach((bar) => {
    const key = `b-${bar.kind} is-${bar.state}`;
    if (!found.has(key)) found.set(key, { bar, bars: 0, path: [] });
    const shape = found.get(key);
    shape.bars += 1;
    shape.path.push(`M${x(bar.began).toFixed(1)} ${y + depth * (ROW / 2)}h${Math.max(1, x(bar.end) - x(bar.began)).toFixed(1)}v${ROW / 2 - 2}h${-Math.max(1, x(bar.end) - x(bar.began)).toFixed(1)}z`);
  }));
  return [...found].map(([key, { bar, bars, path }]) => s("path", { class: key, d: path.join("") }, s("title", {}, `${lane}: ${plural(bars, `${bar.kind} task`)} ${bar.state}`)));
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
