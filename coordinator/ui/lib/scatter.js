// Quality against risk: one mark a row. Eligible ones are filled, refused ones grey, baselines hollow, the held-out rows
// a cross; the size tells the time; the front of what is not dominated is joined.

import { h, s } from "./dom.js";
import { score, seconds } from "./format.js";

const WIDTH = 720;
const HEIGHT = 380;
const FRAME = { left: 56, right: 700, top: 36, bottom: 326 };
/** Marks of the axis of risk; what lies beyond the last stands at the edge. */
const RISKS = [0, 0.5, 1, 2, 5, 10, 20];
const RISK_MAX = 20;

/** points: {name, score, risk, seconds, mark: eligible|refused|baseline|cross, front, href}. */
export function scatter(points, { label }) {
  const drawn = points.filter((point) => typeof point.score === "number");
  if (!drawn.length) return h("p", { class: "quiet" }, "Nothing has a score.");
  const honest = drawn.filter((point) => point.mark !== "baseline");
  const low = Math.max(0, Math.floor((Math.min(...(honest.length ? honest : drawn).map((point) => point.score)) - 0.05) * 10) / 10);
  const y = (value) => FRAME.bottom - ((Math.max(value, low) - low) / (1 - low)) * (FRAME.bottom - FRAME.top);
  // most risks lie near the limit, and a copy far beyond it
  const x = (risk) => FRAME.left + (Math.log1p(Math.max(0, Math.min(risk ?? RISK_MAX, RISK_MAX))) / Math.log1p(RISK_MAX)) * (FRAME.right - FRAME.left);
  const taken = [];
  const marks = drawn.slice().sort((a, b) => y(a.score) - y(b.score)).map((point) => mark(point, x(point.risk), y(point.score), taken));
  const front = drawn.filter((point) => point.front).sort((a, b) => x(a.risk) - x(b.risk));
  return s("svg", { class: "chart pareto", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": label },
    axes(low, x, y),
    front.length > 1 ? s("path", { class: "front", d: `M${front.map((point) => `${x(point.risk).toFixed(1)} ${y(point.score).toFixed(1)}`).join("L")}` }) : null,
    marks);
}

function axes(low, x, y) {
  const shares = [];
  for (let value = low; value <= 1.0001; value += low > 0.6 ? 0.05 : 0.1) shares.push(value);
  return [
    shares.map((value) => [s("path", { class: "grid", d: `M${FRAME.left} ${y(value)}H${FRAME.right}` }), s("text", { class: "tick", x: FRAME.left - 6, y: y(value) + 3.5, "text-anchor": "end" }, value.toFixed(2))]),
    s("path", { class: "axis", d: `M${FRAME.left} ${FRAME.top}V${FRAME.bottom}H${FRAME.right}` }),
    RISKS.map((risk) => s("text", { class: "tick", x: x(risk), y: FRAME.bottom + 15, "text-anchor": "middle" }, risk === RISK_MAX ? `≥ ${RISK_MAX}` : risk)),
    s("path", { class: "limit", d: `M${x(1)} 16V${FRAME.bottom}` }),
    // above the frame: no mark and no name of one lies there
    s("text", { class: "warning", x: x(1), y: 12, "text-anchor": "middle" }, "limit of the balanced gates"),
    s("text", { class: "tick", x: (FRAME.left + FRAME.right) / 2, y: HEIGHT - 14, "text-anchor": "middle" }, "← less risk: how far the worst privacy measure is from fair, 1 is the limit"),
    s("text", { class: "tick", x: 12, y: FRAME.top + 4, "text-anchor": "start", transform: `rotate(-90 12 ${(FRAME.top + FRAME.bottom) / 2})`, dx: `${-(FRAME.bottom - FRAME.top) / 2 + 70}`, dy: `${(FRAME.bottom - FRAME.top) / 2}` }, "score ↑"),
  ];
}

function mark(point, x, y, taken) {
  const radius = Math.min(14, 5 + 2.2 * Math.log10(1 + (point.seconds ?? 0)));
  const said = `${point.name}: score ${score(point.score)}, risk ${point.risk === null || point.risk === undefined ? "unknown" : point.risk.toFixed(2)}${point.seconds ? `, ${seconds(point.seconds)}` : ""}`;
  const right = x < FRAME.right - 130;
  let level = y + 4;
  while (taken.some((other) => Math.abs(other.y - level) < 12 && Math.abs(other.x - x) < 120)) level += 12;
  taken.push({ x, y: level });
  const shape = point.mark === "cross"
    ? s("path", { class: "cross", d: `M${x - 6} ${y - 6}l12 12m0-12l-12 12` })
    : s("circle", { class: `dot ${point.mark}`, cx: x, cy: y, r: radius });
  return s("g", {}, s("title", {}, said), shape,
    s("text", { class: "halo", x: right ? x + radius + 5 : x - radius - 5, y: level, "text-anchor": right ? "start" : "end" }, point.name));
}

/** What the marks mean. */
export const scatterLegend = () => h("p", { class: "legend" },
  h("span", {}, h("i", { class: "l-dot" }), "may be released"), h("span", {}, h("i", { class: "l-grey" }), "refused by a gate"),
  h("span", {}, h("i", { class: "l-ring" }), "baseline, never released"), h("span", {}, "✕ real rows held out"), h("span", {}, "size: time to fit and sample"));
