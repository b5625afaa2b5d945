// The report of a job in a frame of its own, which runs the report's script and reaches nothing.

import { download, text } from "../lib/api.js";
import { h, put } from "../lib/dom.js";
import { filled, head } from "../lib/view.js";
import { crumbs } from "../job/crumbs.js";

export async function page(main, { parameters: [job], signal, title }) {
  const path = `/v1/jobs/${job}/files/report.html`;
  title("Report");
  const place = h("div");
  const actions = [h("button", { type: "button", onclick: () => download(path, "report.html") }, "Download"), h("button", { type: "button", onclick: () => download(`/v1/jobs/${job}/files/card.md`, "card.md") }, "Card")];
  put(main, head("Report", { line: crumbs(job), actions }), place);
  await filled(place, "the report", async () => frame(await text(path, { signal }), signal), 8);
}

function frame(report, signal) {
  const element = h("iframe", { class: "report-frame", title: "Report", src: "/ui/report-frame.html", sandbox: "allow-scripts" });
  addEventListener("message", (event) => {
    if (event.source === element.contentWindow && event.data === "ready") element.contentWindow.postMessage(report, "*");
  }, { signal });
  return element;
}
