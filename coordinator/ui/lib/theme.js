// Light, dark, or as the system says. The choice stays in this browser.

const NAMES = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const ORDER = ["auto", "light", "dark"];
const KEY = "synthfleet.theme";

const stored = () => { try { return localStorage.getItem(KEY); } catch { return null; } };

/** The theme that is wished for. */
export const theme = () => (ORDER.includes(stored()) ? stored() : "auto");

/** Wishes for a theme. */
export function setTheme(name) {
  try { localStorage.setItem(KEY, name); } catch { /* a browser that keeps nothing shows it until it is left */ }
  apply(name);
}

function apply(name) {
  if (name === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  const button = document.getElementById("theme");
  if (button) button.textContent = NAMES[name];
  dispatchEvent(new Event("theme"));
}

/** Applies the theme and has a button go through them. */
export function startTheme(button) {
  apply(theme());
  button.addEventListener("click", () => setTheme(ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]));
}
