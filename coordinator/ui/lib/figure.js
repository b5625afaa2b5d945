// Pictures that the server draws, asked for when they come into sight.

import { picture } from "./api.js";
import { h, put } from "./dom.js";
import { loading } from "./view.js";

/** What stands for a picture that was not seen yet. */
function later() {
  const bars = loading("a picture", 3);
  bars.classList.add("later");
  return bars;
}

/** The address of a picture of a candidate. */
export function address(job, plot, parameters) {
  return `/v1/jobs/${job}/plots/${plot}?${new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null))}`;
}

/** A place that gets its picture once it is seen. */
export function figure(path, signal, { wide = false } = {}) {
  const place = h("div", { class: wide ? "wide" : null, tabindex: wide ? "0" : null, role: wide ? "region" : null, "aria-label": wide ? "Picture" : null }, later());
  const watcher = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    watcher.disconnect();
    picture(path, signal).then((found) => put(place, found), (error) => { if (error.name !== "AbortError") put(place, h("p", { class: "quiet small" }, error.message)); });
  }, { rootMargin: "300px" });
  watcher.observe(place);
  return place;
}

/** What the lines of these pictures mean. */
export const legend = () => h("p", { class: "legend" }, h("span", {}, h("i", { class: "l-real" }), "real, learnt from"), h("span", {}, h("i", { class: "l-ref" }), "real, held out"), h("span", {}, h("i", { class: "l-syn" }), "synthetic"));
