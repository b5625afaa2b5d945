// Numbers, times and names as people read them.

/** A score or a share with three decimals; a dash where there is none. */
export const score = (value) => (typeof value === "number" ? value.toFixed(3) : "–");

/** A whole number with separators. */
export const count = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : "–");

/** A number of any size with about four digits. */
export function plain(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return value.toLocaleString("en-US");
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return Number(value.toPrecision(4)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

/** A share as a percentage. */
export function percent(value) {
  if (typeof value !== "number") return "–";
  const hundred = value * 100;
  return `${hundred === 0 || hundred >= 10 ? hundred.toFixed(0) : hundred.toFixed(1)} %`;
}

/** Seconds as people say them. */
export function seconds(value) {
  if (typeof value !== "number" || !Number.isFinite(value)) return "–";
  if (value < 0.001) return "< 1 ms";
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  const minutes = Math.floor(value / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(value % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Bytes with their unit. */
export function bytes(value) {
  if (typeof value !== "number") return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = value;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${unit === 0 || size >= 100 ? Math.round(size) : size.toFixed(1)} ${units[unit]}`;
}

/** A point in time, in the reader's zone. */
export function time(value) {
  if (!value) return "–";
  const date = new Date(value);
  const same = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString("en-GB");
  return same ? clock : `${date.toLocaleDateString("en-CA")} ${clock}`;
}

/** How long something took, from one RFC 3339 time to another or to now. */
export const span = (from, to) => (from ? seconds(((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000) : "–");

/** One thing or several: plural(2, "row") is "2 rows". */
export const plural = (number, word, many = `${word}s`) => `${count(number)} ${number === 1 ? word : many}`;

/** A name of ours as words. */
export const words = (name) => String(name ?? "").replaceAll("_", " ");

/** A job's id, short enough for a table. */
export const shortId = (id) => `${id.slice(0, 10)}…`;
