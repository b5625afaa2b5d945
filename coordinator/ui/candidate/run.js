// How the candidate ran: options, seed, times, memory; and its files.

import { download, json } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { bytes, count, plain, seconds } from "../lib/format.js";
import { grid } from "../lib/grid.js";
import { facts } from "../lib/view.js";

/** The tab. */
export async function run({ job, name, own, about, context }) {
  const { signal } = context;
  const [member, published] = await Promise.all([
    json(`/v1/synthesizers/${own.synthesizer}`, { signal }).catch(() => null),
    json(`/v1/jobs/${job}/files`, { signal }),
  ]);
  const files = published.items.filter((file) => file.path.startsWith(`candidates/${name}/`));
  const options = Object.entries(own.options ?? {});
  return [
    facts([
      ["Synthesizer", `${own.synthesizer} ${member?.version ?? ""}`], ["What it is", member?.summary], ["Reference", member?.paper],
      ["Options", options.length ? options.map(([option, value]) => `${option} = ${JSON.stringify(value)}`).join(", ") : "as usual"],
      ["Guarantee", typeof own.repeats[0]?.epsilon === "number" ? `ε = ${plain(own.repeats[0].epsilon)}, δ = ${plain(own.repeats[0].delta ?? 0)}` : "no formal guarantee"],
      ["Not begun", own.skipped?.message],
    ]),
    grid({ caption: "Repeats", hidden: false, rows: own.repeats, columns: [
      { name: "repeat", title: "Repeat", of: (one) => one.repeat }, { name: "seed", title: "Seed", of: (one) => h("code", {}, one.seed) },
      { name: "rows", title: "Rows", number: true, of: (one) => count(one.rows ?? undefined) },
      { name: "fit", title: "Fit", number: true, of: (one) => seconds(one.times.fit_seconds ?? undefined) }, { name: "sample", title: "Sample", number: true, of: (one) => seconds(one.times.sample_seconds ?? undefined) },
      { name: "benchmarks", title: "Benchmarks", number: true, of: (one) => seconds(Object.values(one.times.benchmark_seconds ?? {}).reduce((sum, value) => sum + value, 0)) },
      { name: "memory", title: "Memory at most", number: true, of: (one) => bytes(one.peak_rss_bytes ?? undefined) }, { name: "model", title: "Model", number: true, of: (one) => bytes(one.model_bytes ?? undefined) },
      { name: "attempts", title: "Attempts", number: true, of: (one) => one.attempts }, { name: "cache", title: "Reused", of: (one) => (one.from_cache ? "yes" : "no") },
      { name: "error", title: "Problem", of: (one) => one.error?.error?.message ?? "" },
    ] }),
    h("section", { class: "section" }, h("h2", {}, "Files"), files.length
      ? h("div", { class: "row" }, files.map((file) => h("button", { type: "button", onclick: () => download(file.href, `${about.table?.name ?? "table"}-${name}-${file.path.split("/").pop()}`) }, `${file.path.split("/").pop()} (${bytes(file.bytes)})`)))
      : h("p", { class: "quiet" }, "Nothing of this candidate was published.")),
  ];
}
