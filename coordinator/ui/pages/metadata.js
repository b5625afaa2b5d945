// The description of a job's table: every column with what was found and noted; kinds and uses may be corrected for a
// new job. Two thousand columns are drawn as they are scrolled to.

import { ask, json } from "../lib/api.js";
import { say } from "../lib/dialog.js";
import { h, put, visible } from "../lib/dom.js";
import { bytes, count, percent, plural } from "../lib/format.js";
import { remarks } from "../lib/columns.js";
import { empty, facts, filled, head } from "../lib/view.js";
import { crumbs } from "../job/crumbs.js";
import { columnTable } from "../new/columns.js";
import { fillFrom } from "../new/again.js";

const FORMS = [["profile", "profile.json", "Profile"], ["sdv", "metadata.json", "SDV"], ["sdgym2020", "metadata.sdgym2020.json", "SDGym 2020"]];

export async function page(main, context) {
  const [job] = context.parameters;
  const place = h("div");
  put(main, head("Metadata", { line: crumbs(job), twin: `/v1/jobs/${job}/metadata` }), place);
  await filled(place, "the metadata", async () => {
    const about = await json(`/v1/jobs/${job}`, { signal: context.signal });
    context.title(`Metadata of ${about.table?.name ?? job}`);
    if (!about.table?.rows) {
      return empty(["failed", "cancelled"].includes(about.state) ? "The table of this job was not read." : "The table is being read. Its description appears when that is done.", h("a", { class: "button", href: `/jobs/${job}` }, "See the job"));
    }
    return shown(job, about, await json(`/v1/jobs/${job}/metadata`, { signal: context.signal }), context);
  }, 10);
}

function shown(job, about, profile, context) {
  const edits = {};
  const changes = h("p", { class: "row", hidden: true });
  const table = columnTable({ profile, edits, changed: (now) => {
    const number = Object.values(now).filter((one) => one.kind || one.role).length;
    changes.hidden = number === 0;
    put(changes, h("button", { type: "button", class: "primary", onclick: () => { fillFrom(about, now); context.go("/#columns"); } }, "New job with these changes"), h("span", { class: "small quiet" }, `${plural(number, "column")} changed`));
  } });
  const { source, split } = profile;
  const dialect = source.dialect;
  const mark = (char) => ({ ",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", "\"": "double", "'": "single" }[char] ?? char ?? "none");
  return [
    about.state === "on_hold" ? h("div", { class: "notice" }, h("p", {}, "The job waits for this review. ", release(job, context))) : null,
    facts([
      ["Table", `${profile.table.name}: ${count(profile.table.rows)} rows, ${count(profile.table.columns)} columns, ${bytes(profile.table.bytes)}`],
      ["Split", `${count(split.train_rows)} rows to learn from, ${count(split.holdout_rows)} held out (${percent(split.holdout)}, ${split.strategy})`],
      ["Target", profile.target ? `${visible(profile.target)}, ${String(profile.problem_type ?? "").replaceAll("_", " ")}` : "none"],
      ["Read as", source.format === "parquet" ? "parquet" : `${source.format}, ${source.encoding}, delimiter ${mark(dialect.delimiter)}, quote ${mark(dialect.quote)}`],
      ["Left out", source.rejected_rows || source.rejected_cells ? `${plural(source.rejected_rows, "row")}, ${plural(source.rejected_cells, "cell")}` : "nothing"],
      ["Disclosure", profile.table.disclosure === "protected" ? "protected: labels of fewer than five rows are _RARE_, extremes are the fifth smallest and largest value" : profile.table.disclosure],
      ["SHA-256", h("code", {}, profile.table.sha256)],
    ]),
    profile.notes.length ? h("ul", {}, profile.notes.map((one) => h("li", {}, one.text))) : null,
    profile.hints.length ? h("section", { class: "section" }, h("h2", {}, "Across columns"), h("ul", {}, profile.hints.map((one) => h("li", {}, one.text, " ", h("span", { class: "quiet small" }, one.columns.map(visible).join(", ")))))) : null,
    h("section", { class: "section" }, h("h2", {}, "Columns"), filters(profile, table, context), changes, table),
    h("section", { class: "section" }, h("h2", {}, "Downloads"), h("div", { class: "row" }, FORMS.map(([form, name, title]) => h("button", { type: "button", onclick: () => save(`/v1/jobs/${job}/metadata?form=${form}`, `${profile.table.name}.${name}`) }, title)))),
  ];
}

function release(job, { go, signal }) {
  return h("button", { type: "button", class: "primary", onclick: async () => {
    await ask(`/v1/jobs/${job}/release`, { method: "POST", signal });
    say("The job goes on");
    go(`/jobs/${job}`);
  } }, "Let it go on");
}

async function save(path, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(await (await ask(path)).blob()), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function filters(profile, table, { query, note }) {
  const wish = { q: query.get("q") ?? "", kind: query.get("kind") ?? "", note: query.get("note") ?? "" };
  const told = h("span", { class: "small quiet", role: "status" });
  const apply = () => {
    const fits = (column) => (!wish.q || column.name.toLowerCase().includes(wish.q.toLowerCase())) && (!wish.kind || column.kind === wish.kind) && (!wish.note || remarks(column).length > 0);
    table.show(fits);
    put(told, `${count(profile.columns.filter(fits).length)} of ${count(profile.columns.length)} columns`);
    note(wish);
  };
  const text = h("input", { type: "search", id: "column-text", value: wish.q, placeholder: "Name", oninput: () => { wish.q = text.value; apply(); } });
  const kinds = [...new Set(profile.columns.map((column) => column.kind))].sort();
  const kind = h("select", { id: "column-kind", onchange: () => { wish.kind = kind.value; apply(); } }, h("option", { value: "" }, "Any kind"), kinds.map((name) => h("option", { value: name, selected: name === wish.kind }, name)));
  const noted = h("input", { type: "checkbox", id: "column-note", checked: wish.note !== "", onchange: () => { wish.note = noted.checked ? "yes" : ""; apply(); } });
  apply();
  return h("div", { class: "row filters" }, h("label", { class: "sr", for: "column-text" }, "Search columns"), text, h("label", { class: "sr", for: "column-kind" }, "Kind"), kind, h("label", { class: "choice", for: "column-note" }, noted, "with remarks"), told);
}
