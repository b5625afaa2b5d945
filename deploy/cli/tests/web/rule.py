"""The sliders rank by the verdict's own rule: its golden cases give the same scores and, where chance decides no tie, the same order."""

import json
import pathlib

CASES = pathlib.Path(__file__).parents[4] / "coordinator/tests/golden/verdict"

RERANK = """async (verdict) => {
  const { rerank } = await import('/ui/lib/rule.js');
  const weights = Object.fromEntries(verdict.components.map((one) => [one.name, one.weight]));
  return rerank(verdict, weights).rows.map(({ candidate, score, rank }) => ({ candidate, score, rank }));
}"""


def run(browser, site):
    watched = browser.page()
    watched.go("/settings")
    compared = 0
    for path in sorted(CASES.glob("*.verdict.json")):
        verdict = json.loads(path.read_text())
        if verdict["profile"] == "sdgym2020":
            continue
        told = watched.page.evaluate(RERANK, verdict)
        scores = {row["candidate"]: row["score"] for row in verdict["ranking"]}
        for row in told:
            known = scores[row["candidate"]]
            same = row["score"] is known is None or (row["score"] is not None and known is not None and abs(row["score"] - known) < 1e-9)
            assert same, (path.name, row, known)
        by_score = [row for row in verdict["ranking"] if row["eligible"]]
        best = max((row["score"] for row in by_score), default=None)
        chance = len(verdict.get("tied", [])) > sum(best - row["score"] < 0.002 for row in by_score)
        if not chance:
            ranks = {row["candidate"]: row["rank"] for row in verdict["ranking"]}
            assert {row["candidate"]: row["rank"] for row in told} == ranks, path.name
            compared += 1
    assert compared >= 15, compared
    watched.close()
