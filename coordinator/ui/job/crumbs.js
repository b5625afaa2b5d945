// Where the pages of a job are, as links to each other.

import { h } from "../lib/dom.js";

const PAGES = [["", "Job"], ["/metadata", "Metadata"], ["/leaderboard", "Leaderboard"], ["/report", "Report"]];

/** Links to the pages of a job; the one that is shown is marked. */
export function crumbs(job) {
  const here = location.pathname.replace(/\/$/, "");
  return h("span", { class: "crumbs", role: "navigation", "aria-label": "Pages of this job" },
    PAGES.map(([path, name], place) => {
      const address = `/jobs/${job}${path}`;
      return [place ? " · " : "", address === here ? h("b", { "aria-current": "page" }, name) : h("a", { href: address }, name)];
    }));
}
