// The graph of a job in the shape of the original: read the table, synthesizers beside each other, their benchmarks,
// verdict, publication. A node groups all repeats of a candidate; many benchmarks are counted, not drawn one by one.

import { h, put, s } from "../lib/dom.js";
import { LETTERS } from "../lib/view.js";
import { ended, together } from "./model.js";

const NODE = { width: 148, height: 34, gap: 10 };
const COLUMN = 208;

/** A graph that stays in its place: of a drawing only the nodes that changed are made anew. */
export class Graph {
  #place;
  #shape = "";
  #drawn = [];
  #picture = null;

  constructor(place) { this.#place = place; }

  draw(live, job) {
    const { nodes, edges, width, height, said } = graph(live, job);
    const shape = nodes.map((node) => `${node.x} ${node.y} ${node.title}`).join();
    const told = nodes.map((node) => `${node.state} ${node.note} ${node.href} ${node.tasks.length} ${node.ended}`);
    if (shape === this.#shape) {
      nodes.forEach((node, at) => {
        const before = this.#drawn[at];
        if (before.told === told[at]) return;
        const element = draw(node);
        before.element.replaceWith(element);
        this.#drawn[at] = { told: told[at], element };
      });
      this.#picture.setAttribute("aria-label", `Graph of the job: ${said}`);
      return;
    }
    this.#shape = shape;
    this.#drawn = nodes.map((node, at) => ({ told: told[at], element: draw(node) }));
    this.#picture = s("svg", { class: "chart dag", viewBox: `0 0 ${width} ${height}`, width, height, role: "group", "aria-label": `Graph of the job: ${said}` },
      edges.map(([from, to]) => s("path", { class: "edge", d: curve(from, to) })), this.#drawn.map(({ element }) => element));
    put(this.#place, h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Graph of the job" }, this.#picture));
  }
}

/** The picture of a job: nodes with a letter and a word for their state. */
function graph(live, job) {
  const found = groups(live.tasks.values());
  const names = [...found.names].sort(byKind);
  const tasksOf = (kind, name = "") => found.tasks.get(`${kind} ${name}`) ?? [];
  const lanes = Math.max(names.length, 1);
  const height = lanes * (NODE.height + NODE.gap) + 16;
  const middle = height / 2 - NODE.height / 2;
  const y = (place) => 8 + place * (NODE.height + NODE.gap);
  const nodes = [];
  const edges = [];
  const add = (column, top, title, tasks, note, href) => {
    const node = { x: 8 + column * COLUMN, y: top, title, tasks, note, state: together(tasks), ended: ended(tasks).length, href };
    nodes.push(node);
    return node;
  };
  const profile = add(0, middle, "read the table", tasksOf("profile"), "");
  const verdict = { x: 8 + 3 * COLUMN, y: middle, title: "verdict", tasks: [], ended: 0, state: live.job?.verdict || live.job?.outcome ? "done" : "planned", note: live.job?.verdict?.winner ?? "", href: `/jobs/${job}/leaderboard` };
  const publish = { x: 8 + 4 * COLUMN, y: middle, title: "publish", tasks: tasksOf("generate"), ended: ended(tasksOf("generate")).length, state: live.job?.state === "done" ? "done" : together(tasksOf("generate")), note: "", href: `/jobs/${job}/report` };
  if (!names.length) {
    // the plan follows from the table; until then the graph has its shape alone
    const [one, two] = [add(1, middle, "synthesizers", [], "", null), add(2, middle, "benchmarks", [], "", null)];
    edges.push([profile, one], [one, two], [two, verdict]);
  }
  names.forEach((name, place) => {
    const made = tasksOf("synthesize", name);
    const scored = tasksOf("benchmark", name);
    const title = { ref_prepare: "preparation", ref_holdout: "held-out rows" }[name] ?? name.replace("ref_", "");
    const one = made.length ? add(1, y(place), title, made, "", `/jobs/${job}/candidates/${name}`) : null;
    const two = add(2, y(place), one ? "benchmarks" : title, scored, `${ended(scored).length}/${scored.length}`, null);
    if (one) edges.push([profile, one], [one, two]); else edges.push([profile, two]);
    edges.push([two, verdict]);
  });
  edges.push([verdict, publish]);
  nodes.push(verdict, publish);
  const width = 16 + 4 * COLUMN + NODE.width;
  const counts = live.counts();
  const said = Object.entries(counts).map(([state, number]) => `${number} ${state}`).join(", ") || "not planned yet";
  return { nodes, edges, width, height, said };
}

/** Tasks by kind and candidate, and by kind alone, in one pass: there may be ten thousand. */
function groups(all) {
  const [tasks, names] = [new Map(), new Set()];
  const put = (key, task) => { if (tasks.has(key)) tasks.get(key).push(task); else tasks.set(key, [task]); };
  for (const task of all) {
    put(`${task.kind} `, task);
    if (task.candidate) { names.add(task.candidate); put(`${task.kind} ${task.candidate}`, task); }
  }
  return { tasks, names };
}

/** Candidates first, then baselines and reference rows, each in the order of names. */
function byKind(a, b) {
  const rank = (name) => (name.startsWith("ref_") ? 2 : ["identity", "independent", "uniform"].includes(name) ? 1 : 0);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function curve(from, to) {
  const [x1, y1, x2, y2] = [from.x + NODE.width, from.y + NODE.height / 2, to.x, to.y + NODE.height / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

function draw(node) {
  const share = node.tasks.length ? node.ended / node.tasks.length : 0;
  const title = node.title.length > 17 ? `${node.title.slice(0, 16)}…` : node.title;
  const body = s("g", { class: `is-${node.state}` },
    s("title", {}, `${node.title}: ${node.state}${node.tasks.length > 1 ? `, ${node.ended} of ${node.tasks.length} tasks ended` : ""}`),
    s("rect", { x: node.x, y: node.y, width: NODE.width, height: NODE.height }),
    node.state === "running" && node.tasks.length > 1 ? s("rect", { class: "filled", x: node.x + 2, y: node.y + NODE.height - 5, width: Math.max(0, (NODE.width - 4) * share), height: 3 }) : null,
    s("text", { x: node.x + 10, y: node.y + 21 }, LETTERS[node.state] ?? "·"),
    s("text", { x: node.x + 26, y: node.y + 21 }, title),
    node.note ? s("text", { class: "tick", x: node.x + NODE.width - 8, y: node.y + 21, "text-anchor": "end" }, node.note.length > 12 ? `${node.note.slice(0, 11)}…` : node.note) : null);
  return node.href ? s("a", { href: node.href }, body) : body;
}
