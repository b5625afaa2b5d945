// The verdict's own rule for score and order, so that other weights re-rank in the browser without new work. What needs
// the replicates of the rows (ties by chance, win shares) is the verdict's alone: here candidates tie by score.

/** The smallest value that a component counts with. */
export const LEAST = 0.01;
/** Scores less than this apart are tied. */
export const TIE = 0.002;
const COSTS = ["light", "medium", "heavy", "huge"];

/**
 * The score of components under weights: `exp(sum w ln max(x, .01) / sum w)` over the components in `used`. A component
 * that a candidate lacks counts least, a reference leaves it out. null: nothing counts.
 */
export function scoreOf(components, weights, used, { reference = false } = {}) {
  let sum = 0;
  let total = 0;
  for (const name of used) {
    const weight = weights[name] ?? 0;
    const value = components[name] ?? (reference ? null : LEAST);
    if (weight <= 0 || value === null) continue;
    sum += weight * Math.log(Math.max(value, LEAST));
    total += weight;
  }
  return total > 0 ? Math.min(1, Math.max(0, Math.exp(sum / total))) : null;
}

/** Components that count: those that some eligible candidate has, else some candidate, else some baseline. */
export function usedOf(verdict, weights) {
  const groups = [(row) => row.eligible, (row) => !row.baseline && hasSample(row), hasSample];
  const rows = groups.map((group) => verdict.ranking.filter(group)).find((found) => found.length) ?? [];
  const names = verdict.components.map((component) => component.name);
  return names.filter((name) => (weights[name] ?? 0) > 0 && rows.some((row) => isNumber(row.components?.[name])));
}

const isNumber = (value) => typeof value === "number";
const hasSample = (row) => Object.values(row.components ?? {}).some(isNumber);

/** Rows with their new scores, in the verdict's order: eligible first; those tied with the top by risk, cost, score, name. */
export function rerank(verdict, weights) {
  const used = usedOf(verdict, weights);
  const rows = verdict.ranking.map((row) => ({ ...row, score: hasSample(row) ? scoreOf(row.components, weights, used) : null, rank: null }));
  const fallen = (row) => row.score ?? Number.NEGATIVE_INFINITY;
  rows.sort((a, b) => Number(b.eligible) - Number(a.eligible) || fallen(b) - fallen(a) || within(a, b));
  const eligible = rows.filter((row) => row.eligible);
  const top = eligible[0]?.score;
  const tied = eligible.filter((row) => row.score === top || (isNumber(top) && isNumber(row.score) && top - row.score < TIE)).sort(within);
  const rest = rows.filter((row) => !tied.includes(row));
  const all = [...tied, ...rest];
  all.filter((row) => row.eligible).forEach((row, place) => { row.rank = place + 1; });
  return { rows: all, used };
}

/** The risk in tenths, cut down; no risk known counts worst. */
export const riskStep = (row) => (isNumber(row.risk) ? Math.min(Math.floor(10 * row.risk), 1e9) : 2 ** 32 - 1);

/** The order of tied candidates. */
export function within(a, b) {
  const rounded = (row) => (isNumber(row.score) ? Math.round(row.score * 1000) : Number.NEGATIVE_INFINITY);
  const cost = (row) => COSTS.indexOf(row.cost);
  if (riskStep(a) !== riskStep(b)) return riskStep(a) - riskStep(b);
  if (cost(a) !== cost(b)) return cost(a) - cost(b);
  if (rounded(a) !== rounded(b)) return rounded(b) - rounded(a);
  return a.candidate < b.candidate ? -1 : 1;
}
