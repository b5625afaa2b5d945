// What a job published, to download.

import { download, json } from "../lib/api.js";
import { h } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { grid } from "../lib/grid.js";

/** The card of files: the table first, the rest folded. */
export async function files(job, about, signal) {
  const { items } = await json(`/v1/jobs/${job}/files`, { signal });
  const name = about.table?.name ?? "table";
  const give = (file) => () => download(file.href, `${name}-${file.path.replaceAll("/", "-")}`);
  const first = items.filter((file) => file.path.startsWith("synthetic."));
  return h("section", { class: "card" }, h("h2", {}, "Files"),
    h("div", { class: "row" },
      first.map((file) => h("button", { type: "button", class: "primary", onclick: give(file) }, `Download ${file.path} (${bytes(file.bytes)})`)),
      first.some((file) => file.path === "synthetic.csv") ? h("button", { type: "button", title: "Cells that a spreadsheet would run as formulas begin with an apostrophe", onclick: () => download(`/v1/jobs/${job}/files/synthetic.csv?csv_safe=1`, `${name}-synthetic-for-spreadsheets.csv`) }, "For spreadsheets") : null,
      first.length ? null : h("span", {}, "No table was released."),
      h("a", { class: "button", href: `/jobs/${job}/report` }, "Report"), h("a", { class: "button", href: `/jobs/${job}/leaderboard` }, "Leaderboard")),
    h("details", {}, h("summary", {}, `All ${items.length} files`), grid({ caption: "Published files", rows: items, columns: [
      { name: "path", title: "File", of: (file) => h("button", { type: "button", class: "link-button mono", onclick: give(file) }, file.path), by: (file) => file.path },
      { name: "bytes", title: "Size", number: true, of: (file) => bytes(file.bytes), by: (file) => file.bytes },
      { name: "sha256", title: "SHA-256", of: (file) => h("code", {}, file.sha256) },
    ] })));
}
