// The app: reads the address, shows the page for it, and keeps what all pages share (navigation, theme, token).

import { askForToken } from "./lib/dialog.js";
import { h, put } from "./lib/dom.js";
import { failure } from "./lib/view.js";
import { startTheme } from "./lib/theme.js";

// ids are checked before they become part of a request: an address that somebody made leads to nothing else
const PAGES = [
  [/^\/$/, "new", "New job"],
  [/^\/jobs$/, "jobs", "Jobs"],
  [/^\/jobs\/([a-z0-9_-]{1,64})$/, "job", "Job"],
  [/^\/jobs\/([a-z0-9_-]{1,64})\/metadata$/, "metadata", "Metadata"],
  [/^\/jobs\/([a-z0-9_-]{1,64})\/leaderboard$/, "leaderboard", "Leaderboard"],
  [/^\/jobs\/([a-z0-9_-]{1,64})\/candidates\/([a-z0-9_-]{1,64})$/, "candidate", "Candidate"],
  [/^\/jobs\/([a-z0-9_-]{1,64})\/report$/, "report", "Report"],
  [/^\/compare$/, "compare", "Compare"],
  [/^\/tables$/, "tables", "Datasets"],
  [/^\/fleet$/, "fleet", "Fleet"],
  [/^\/docs$/, "docs", "API"],
  [/^\/settings$/, "settings", "Settings"],
];
const LINKS = [["/", "New job"], ["/jobs", "Jobs"], ["/tables", "Datasets"], ["/compare", "Compare"], ["/fleet", "Fleet"], ["/settings", "Settings"]];

const main = document.getElementById("main");
let leaving = new AbortController();

/** Goes to a page of the app. */
export function go(address, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({}, "", address);
  return show({ focus: true });
}

/** Notes a state of the page in its address, without a step back in the history. */
function note(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  history.replaceState(history.state, "", `${location.pathname}${text ? `?${text}` : ""}${location.hash}`);
}

async function show({ focus = false } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const path = location.pathname.length > 1 ? location.pathname.replace(/\/$/, "") : "/";
  const found = PAGES.map(([form, name, title]) => ({ match: form.exec(path), name, title })).find((page) => page.match);
  mark(path);
  put(document.getElementById("banner"));
  if (!found) {
    document.title = "Not found · synthfleet";
    put(main, h("h1", { tabindex: "-1" }, "Not found"), h("p", {}, "There is no page at this address."), h("p", {}, h("a", { href: "/jobs" }, "All jobs")));
    return;
  }
  document.title = `${found.title} · synthfleet`;
  const parameters = found.match.slice(1);
  const context = { parameters, query: new URLSearchParams(location.search), note, go, signal, title: (text) => { document.title = `${text} · synthfleet`; } };
  put(main);
  try {
    const { page } = await import(`./pages/${found.name}.js`);
    if (signal.aborted) return;
    await page(main, context);
    if (signal.aborted) return;
    if (focus) main.querySelector("h1")?.focus({ preventScroll: true });
    const target = location.hash && document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView();
    else if (focus) scrollTo(0, 0);
  } catch (error) {
    if (signal.aborted || error.name === "AbortError") return;
    put(main, h("h1", { tabindex: "-1" }, found.title), failure(error, () => show()));
    if (!error.status && !error.title) console.error(error);
  }
}

function mark(path) {
  put(document.getElementById("nav"), h("ul", {}, LINKS.map(([address, name]) => {
    const here = address === "/" ? path === "/" : path.startsWith(address);
    return h("li", {}, h("a", { href: address, "aria-current": here ? "page" : null }, name));
  })));
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const address = new URL(link.href, location.href);
  const ours = address.origin === location.origin && PAGES.some(([form]) => form.test(address.pathname));
  if (!ours || link.target || link.hasAttribute("download")) return;
  if (address.pathname === location.pathname && address.search === location.search && address.hash) return;
  event.preventDefault();
  go(address.pathname + address.search + address.hash);
});
addEventListener("popstate", () => show());
addEventListener("token-needed", () => askForToken(() => show()));
startTheme(document.getElementById("theme"));
show();
