// Step 1: where the table is. A link, a file of this machine, or a set whose law is known.

import { json } from "../lib/api.js";
import { preview } from "../lib/csv.js";
import { h, put } from "../lib/dom.js";
import { bytes } from "../lib/format.js";
import { nameOfTable } from "./state.js";

const SETS = [["sim:demo", "customers, every kind of column"], ["sim:asia", "a small Bayesian network"], ["sim:ring", "points on a ring"]];

/** The step; `load` reads the table. */
export function linkStep({ draft, faults, changed, load }) {
  const value = draft.value;
  const link = h("input", { type: "text", id: "link", value: value.file ? "" : value.link, placeholder: "s3://bucket/table.csv, or a link by https", autocomplete: "off", spellcheck: "false", oninput: () => {
    draft.save({ link: link.value, file: null, preview: null });
    told();
    changed();
  }, onkeydown: (event) => { if (event.key === "Enter") { event.preventDefault(); load(); } } });
  const chosen = h("p", { class: "small", role: "status" });
  const input = h("input", { type: "file", id: "file", class: "sr", accept: ".csv,.tsv,.txt,.parquet,.gz,.zst", onchange: () => {
    const [file] = input.files;
    // so that choosing the same file once more is a change as well
    input.value = "";
    if (file) take(file);
  } });
  const told = () => put(chosen, value.file ? ["File: ", h("b", {}, value.file.name), ` (${bytes(value.file.bytes)})`, value.file.upload ? ", uploaded. " : FILES.has(value.file.name) ? ". It is sent when you load it. " : ". Choose it again to send it. ", h("button", { type: "button", class: "link-button", onclick: () => { draft.save({ file: null, preview: null }); told(); changed(); } }, "take another")] : "");
  const take = async (file) => {
    FILES.clear();
    FILES.set(file.name, file);
    link.value = "";
    draft.save({ file: { name: file.name, bytes: file.size, upload: null }, link: "", preview: await preview(file).catch(() => null), read: null, columns: {}, target: "", dialect: {} });
    told();
    changed();
  };
  const drop = h("div", { class: "drop" },
    h("div", { class: "link-line" }, link, h("button", { type: "button", class: "primary", id: "load", onclick: () => load() }, "Load data")),
    h("p", { class: "small" }, "Or drop a CSV, TSV or Parquet file here, or ", h("button", { type: "button", class: "link-button", onclick: () => input.click() }, "choose one"), input, h("label", { for: "file", class: "sr" }, "File with the table"), "."),
    chosen);
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("is-over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]); });
  told();
  const fault = faults.group("/source", link);
  fault.id = "link-fault";
  return h("div", {},
    h("label", { for: "link" }, "Link to data file"), drop, fault,
    h("p", { class: "small" }, "No table at hand? ", SETS.map(([uri, what], place) => [place ? ", " : "", h("button", { type: "button", class: "link-button", title: what, onclick: () => { link.value = uri; draft.save({ link: uri, file: null, preview: null }); told(); changed(); load(); } }, uri)]), "."));
}

/** Files that were chosen on this page: a browser gives no other way back to them. */
const FILES = new Map();

/** Sends the chosen file, part by part; `progress(share)` hears how far it is. */
export async function send(draft, progress, signal) {
  const { file } = draft.value;
  if (!file || file.upload) return;
  const found = FILES.get(file.name);
  if (!found) throw needed("The file is no longer at hand");
  const begun = await json("/v1/uploads", { method: "POST", body: { name: file.name, bytes: found.size }, signal });
  for (let first = 0; first < found.size || first === 0; first += begun.part_bytes) {
    const last = Math.min(found.size, first + begun.part_bytes) - 1;
    const whole = found.size <= begun.part_bytes;
    const headers = { "content-type": "application/octet-stream", ...(whole ? {} : { "content-range": `bytes ${first}-${last}/${found.size}` }) };
    try {
      await json(begun.put, { method: "PUT", body: found.slice(first, last + 1), headers, signal });
    } catch (error) {
      if (error.name === "AbortError" || await isReadable(found)) throw error;
      // a browser gives a file up once it changed, and says no more than that nothing could be sent
      FILES.delete(file.name);
      throw needed("The file has changed or can no longer be read");
    }
    progress(Math.min(1, (last + 1) / found.size));
    if (found.size === 0) break;
  }
  await json(`${begun.put}/complete`, { method: "POST", signal });
  draft.save({ file: { ...file, upload: begun.id } });
}

const needed = (why) => Object.assign(new Error(`${why}: choose it again.`), { title: "File needed" });

const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

/** What people see while nothing is chosen. */
export const isChosen = (value) => nameOfTable(value) !== "";
