// Pictures of candidates beside each other: small multiples, parallel coordinates, differences. Letters tell candidates
// apart beside colours, and every number is in the tables below as well.

import { h, s } from "../lib/dom.js";
import { score, words } from "../lib/format.js";

export const letter = (place) => "ABCDEF"[place];
export const arrow = (one) => (one.goal === "down" ? "↓" : "↑");

const numbers = (list) => list.filter((value) => typeof value === "number" && Number.isFinite(value));

/** A score as people know it: what the verdict weighs by its name there. */
export const named = (one) => words(one.component ?? one.name);

/** A number with its sign. */
export const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

/** One panel for each score: a mark with its interval for each candidate, and a dashed line for real rows held out. */
export const multiples = (scores, names) => h("div", { class: "multiples" }, scores.map((one) => panel(one, names)));

function panel(one, names) {
  const row = 18;
  const [width, left, right, top] = [250, 26, 238, 26];
  const height = top + names.length * row + 22;
  const all = numbers(one.values.flatMap((value) => [value.value, value.low, value.high, value.reference]).concat(one.fair));
  if (!all.length) return h("figure", { class: "card" }, h("figcaption", { class: "small" }, `${named(one)}: ${undefinedOf(one)}`));
  let [low, high] = [Math.min(...all), Math.max(...all)];
  const room = Math.max((high - low) * 0.08, 0.005);
  low = one.range[0] === null ? low - room : Math.max(one.range[0], low - room);
  high = one.range[1] === null ? high + room : Math.min(one.range[1], high + room);
  const x = (value) => left + ((value - low) / Math.max(high - low, 1e-9)) * (right - left);
  const reference = numbers(one.values.map((value) => value.reference))[0];
  const said = one.values.map((value, place) => `${letter(place)} ${score(value.value)}`).join(", ");
  return h("figure", { class: "card" }, s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${named(one)}: ${said}` },
    s("text", { class: "title", x: 2, y: 14 }, `${cut(named(one))} ${arrow(one)}`),
    reference === undefined ? null : s("path", { class: "reference", d: `M${x(reference).toFixed(1)} ${top - 6}V${height - 18}` }, s("title", {}, `real rows held out: ${score(reference)}`)),
    names.map((name, place) => {
      const value = one.values[place];
      const y = top + place * row + row / 2;
      const label = s("text", { class: "tick", x: 4, y: y + 4 }, letter(place));
      if (typeof value.value !== "number") return [label, s("text", { class: "tick", x: left + 4, y: y + 4 }, value.undefined?.code?.replaceAll("_", " ") ?? "no value")];
      return s("g", { class: `series s${place}` }, label, s("title", {}, `${name}: ${score(value.value)}${typeof value.low === "number" ? `, ${score(value.low)} to ${score(value.high)}` : ""}`),
        typeof value.low === "number" ? s("path", { class: "line whisker", d: `M${x(value.low).toFixed(1)} ${y}H${x(value.high).toFixed(1)}` }) : null,
        s("circle", { class: "point", cx: x(value.value), cy: y, r: 4 }));
    }),
    s("text", { class: "tick", x: left, y: height - 4 }, low.toFixed(2)), s("text", { class: "tick", x: right, y: height - 4, "text-anchor": "end" }, high.toFixed(2))));
}

const cut = (text) => (text.length > 34 ? `${text.slice(0, 33)}…` : text);
const undefinedOf = (one) => one.values.map((value, place) => `${letter(place)} ${value.undefined?.code?.replaceAll("_", " ") ?? "no value"}`).join(", ");

/** An axis for each score from the least that is shown to 1, a line for each candidate. */
export function parallel(scores, names) {
  const [width, height, left, right, top, bottom] = [760, 260, 60, 700, 34, 230];
  const value = (one, place) => one.values[place].value;
  const known = numbers(scores.flatMap((one) => one.values.map((found) => found.value)));
  const low = Math.max(0, Math.floor((Math.min(...known, 1) - 0.02) * 10) / 10);
  const x = (place) => left + (place / Math.max(scores.length - 1, 1)) * (right - left);
  const y = (found) => bottom - ((Math.max(found, low) - low) / Math.max(1 - low, 0.01)) * (bottom - top);
  // names of neighbours stand on two lines where they would meet
  const lift = (place) => (scores.length > 6 && place % 2 ? 12 : 0);
  const ends = [];
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${names.length} candidates on ${scores.length} axes; the same numbers are in the table below` },
    scores.map((one, place) => [s("path", { class: "axis", d: `M${x(place)} ${top}V${bottom}` }), s("text", { x: x(place), y: top - 8 - lift(place), "text-anchor": "middle" }, `${cut(named(one))} ${arrow(one)}`), s("text", { class: "tick", x: x(place) - 5, y: bottom + 4, "text-anchor": "end" }, low.toFixed(1)), s("text", { class: "tick", x: x(place) - 5, y: top + 4, "text-anchor": "end" }, "1.0")]),
    names.map((name, index) => {
      const points = scores.map((one, place) => [x(place), value(one, index)]).filter(([, found]) => typeof found === "number");
      if (!points.length) return null;
      let end = y(points.at(-1)[1]) + 4;
      while (ends.some((other) => Math.abs(other - end) < 12)) end += 12;
      ends.push(end);
      return s("g", { class: `series s${index}` }, s("title", {}, name), s("path", { class: "line", d: `M${points.map(([at, found]) => `${at.toFixed(1)} ${y(found).toFixed(1)}`).join("L")}` }),
        points.map(([at, found]) => s("circle", { class: "point", cx: at, cy: y(found), r: 3.5 })), s("text", { class: "halo", x: right + 10, y: end }, letter(index)));
    }));
}

/** Differences from the first candidate around zero, with their intervals. */
export function differences(scores, names) {
  const rows = scores.flatMap((one) => names.slice(1).map((name, place) => ({ one, name, place: place + 1, difference: one.values[place + 1].difference })).filter((row) => row.difference));
  if (!rows.length) return h("p", { class: "quiet" }, "No score is defined for two of them.");
  const [width, left, right, row] = [760, 210, 640, 20];
  const height = rows.length * row + 34;
  const most = Math.max(0.01, ...numbers(rows.flatMap(({ difference }) => [difference.value, difference.low, difference.high])).map(Math.abs));
  const x = (value) => (left + right) / 2 + (value / most) * ((right - left) / 2);
  return s("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": `${rows.length} differences from ${names[0]}; the same numbers are in the table below` },
    s("path", { class: "axis", d: `M${x(0)} 4V${height - 26}` }),
    rows.map(({ one, name, place, difference }, at) => {
      const y = 12 + at * row;
      const told = typeof difference.low === "number" ? `${signed(difference.value)} (${signed(difference.low)} to ${signed(difference.high)})` : signed(difference.value);
      return s("g", { class: `series s${place}` }, s("title", {}, `${name}, ${named(one)}: ${told}`),
        s("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, `${cut(named(one))} ${arrow(one)}  ${letter(place)}`),
        typeof difference.low === "number" ? s("path", { class: "line whisker", d: `M${x(difference.low).toFixed(1)} ${y}H${x(difference.high).toFixed(1)}` }) : null,
        s("circle", { class: "point", cx: x(difference.value), cy: y, r: 4 }),
        s("text", { class: "tick", x: right + 8, y: y + 4 }, signed(difference.value)));
    }),
    [-most, 0, most].map((value) => s("text", { class: "tick", x: x(value), y: height - 10, "text-anchor": "middle" }, value === 0 ? "0" : signed(value))));
}
