"""Reads a report as a strict parser does and compares its numbers with results.json: check.py FOLDER.

The page must be HTML without one fault of syntax, name nothing outside itself and run nothing. Every number of the
board, of all score tables, gates, components and columns must be the one of results.json, rounded.
"""

import json
import pathlib
import re
import sys

import html5lib

SECTIONS = ["verdict", "fit", "board", "why", "data", "columns", "pairs", "accuracy", "utility", "privacy", "method", "limits", "reproduce"]
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
LARGEST = 3_000_000
DASH = "–"
SCORE_COLUMNS = {"held-out rows": "holdout", "copy of train": "train_copy", "independent columns": "independent"}


def text(element):
    # without a table's thin spaces inside numbers, which are no words' ends
    return re.sub("[ \n]+", " ", " ".join(element.itertext())).strip().replace("\u202f", "")


def three(value):
    """A score as the page writes it."""
    if value is None:
        return DASH
    shown = f"{value:.3f}"
    return "0.000" if shown == "-0.000" else shown


def interval(low, high):
    return "" if low is None or high is None else f"{three(low)} {DASH} {three(high)}"


def number(shown):
    """A number that the page wrote with about four digits."""
    return float(shown.replace("\u2212", "-"))


class Table:
    """A table of the page, by the words of its header."""

    def __init__(self, element):
        self.head = [text(cell) for cell in element.find("thead").iter("th")]
        self.rows = [row for row in element.find("tbody").iter("tr")]

    def cells(self, row):
        cells = [text(cell) for cell in row.iter("td")]
        assert len(cells) == len(self.head), (self.head, cells)
        return dict(zip(self.head, cells))


class Page:
    """The parsed report beside the results that it tells of."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.source = (folder / "report.html").read_text(encoding="utf-8")
        # a fault of syntax raises
        self.tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(self.source)
        self.results = json.loads((folder / "results.json").read_text())
        self.verdict = self.results["verdict"]
        self.compared = 0

    def equal(self, shown, expected, where):
        assert shown == expected, f"{where}: the page shows {shown!r}, results.json has {expected!r}"
        self.compared += 1

    def near(self, shown, expected, where):
        assert abs(number(shown) - expected) <= 1e-3 * abs(expected) + 1e-12, f"{where}: the page shows {shown!r}, results.json has {expected!r}"
        self.compared += 1

    def section(self, name):
        return next(element for element in self.tree.iter("section") if element.get("id") == name)

    def tables(self, name):
        return [Table(element) for element in self.section(name).iter("table") if element.find("thead") is not None]

    def subject(self):
        """The row that the page is about."""
        ranking = self.verdict["ranking"]
        named = self.verdict.get("winner") or self.verdict.get("nearest")
        return next((row for row in ranking if row["candidate"] == named), None) or next(row for row in ranking if not row["baseline"])

    def repeat(self, candidate, repeat):
        found = next(one for one in self.results["candidates"] if one["name"] == candidate)
        return next((one for one in found["repeats"] if one["repeat"] == repeat), None)

    def reference(self, name):
        for one in self.results["references"]:
            if one["name"] == name:
                return one["result"]
        candidate = self.verdict["references"].get(name, {}).get("candidate")
        return self.repeat(candidate, 0) if candidate else None


def closed(page):
    """One file that asks for nothing, runs nothing, and is of a size that can be sent."""
    assert len(page.source.encode()) < LARGEST, len(page.source)
    ids = [element.get("id") for element in page.tree.iter() if element.get("id")]
    assert len(ids) == len(set(ids)), sorted(one for one in ids if ids.count(one) > 1)
    policy = [element for element in page.tree.iter("meta") if element.get("http-equiv") == "Content-Security-Policy"]
    assert [element.get("content") for element in policy] == [POLICY]
    for element in page.tree.iter():
        tag = str(element.tag).rpartition("}")[2]
        assert tag not in ("script", "link", "img", "image", "iframe", "object", "embed", "base", "form", "video", "audio", "use"), tag
        for name, value in element.attrib.items():
            assert not str(name).startswith("on"), (tag, name)
            if str(name).rpartition("}")[2] in ("href", "src", "srcset", "action", "poster", "data"):
                assert value.startswith("#") and value[1:] in ids, (tag, name, value)
            assert "url(" not in value, (tag, name, value)
    style = "".join(text(element) for element in page.tree.iter("style"))
    assert "url(" not in style and "@import" not in style
    assert [element.get("id") for element in page.tree.iter("section") if element.get("id")] == SECTIONS


def headline(page):
    shown, subject = text(next(page.tree.iter("h1"))), page.subject()
    holdout = page.verdict["references"].get("holdout", {}).get("score")
    if page.verdict["outcome"] == "no_release":
        expected = "No candidate may be released"
    elif subject.get("score") is None:
        expected = f"{subject['candidate']} is chosen without a score: too little could be measured"
    else:
        beside = "" if holdout is None else f" [holdout {three(holdout)}]"
        expected = f"{subject['candidate']} wins with a score of {three(subject['score'])}{beside}"
    page.equal(shown, expected, "the title")
    assert text(next(page.tree.iter("title"))).endswith(expected)


def tiles(page):
    tiles = [element for element in page.section("verdict").iter("div") if element.get("class") == "tile"]
    big = [text(next(part for part in tile.iter("div") if part.get("class") == "big")) for tile in tiles]
    subject, holdout = page.subject(), page.verdict["references"].get("holdout", {})
    beside = lambda value: "" if value is None else f" [{three(value)}]"
    page.equal(big[0], three(subject.get("score")) + beside(holdout.get("score")), "tile of the score")
    meant = [gate for gate in subject["gates"] if gate["state"] != "not_applicable"]
    passed = sum(gate["passed"] and gate["state"] != "not_assessed" for gate in meant)
    page.equal(big[1], f"{passed} of {len(meant)} gates passed", "tile of the gates")
    repeat = page.repeat(subject["candidate"], subject.get("delivered_repeat") or 0)
    scores = {score["name"]: score for score in repeat["scores"]}
    name = "ml_efficacy" if "ml_efficacy" in scores else "accuracy"
    of_holdout = {score["name"]: score["value"] for score in page.reference("holdout")["scores"]}.get(name)
    page.equal(big[2], three(scores.get(name, {}).get("value")) + beside(of_holdout), "tile of utility")


def board(page):
    """Every candidate, baseline and reference has its row; who failed tells why."""
    table = page.tables("board")[0]
    used = [part["name"] for part in page.verdict["components"] if part["used"]]
    own = {row["candidate"]: row for row in page.verdict["ranking"]}
    references = {name: row for name, row in page.verdict["references"].items() if not row.get("candidate")}
    expected = {**own, **references}
    assert len(table.rows) == len(expected), (len(table.rows), sorted(expected))
    for element in table.rows:
        cells = table.cells(element)
        name = cells["Candidate"].split()[0]
        row = expected.pop(name)
        page.equal(cells["Rank"], str(row.get("rank") or DASH), f"rank of {name}")
        page.equal(cells["Score ↑"], three(row.get("score")), f"score of {name}")
        page.equal(cells["95 % interval"], interval(row.get("score_low"), row.get("score_high")), f"interval of {name}")
        page.equal(cells["Risk ↓"], three(row.get("risk")), f"risk of {name}")
        for part in used:
            page.equal(cells[part], three(row["components"].get(part)), f"{part} of {name}")
        failed = {gate["name"] for gate in row["gates"] if gate["state"] == "fail"}
        assert set(re.findall(r"✗ (\w+)", cells["Gates"])) == failed, (name, cells["Gates"], failed)
        for failure in row.get("failures", []):
            assert failure["reason"] in cells["Gates"] or "and " in cells["Gates"], (name, failure, cells["Gates"])
    assert not expected


def components(page):
    table = page.tables("why")[0]
    subject, holdout = page.subject(), page.verdict["references"].get("holdout", {"components": {}})
    assert len(table.rows) == len(page.verdict["components"])
    for element, part in zip(table.rows, page.verdict["components"]):
        cells = table.cells(element)
        name = part["name"]
        page.equal((cells["Component"], cells["Score"]), (name, part["score"]), "component")
        page.near(cells["Weight"], part["weight"], f"weight of {name}")
        page.equal(cells["Value"], three(subject["components"].get(name)), f"component {name}")
        page.equal(cells["Held-out rows"], three(holdout["components"].get(name)), f"component {name} of held-out rows")


def scores(page):
    """All scores of the candidate shown, each once, with intervals and references."""
    subject = page.subject()
    repeat = page.repeat(subject["candidate"], subject.get("delivered_repeat") or 0)
    own = {score["name"]: score for score in repeat["scores"]}
    references = {title: page.reference(name) for title, name in SCORE_COLUMNS.items()}
    references = {title: {score["name"]: score for score in row["scores"]} for title, row in references.items() if row}
    value = lambda score: three(score["value"]) if score["value"] is not None else score["undefined"]
    seen = []
    for section in SECTIONS:
        for table in page.tables(section):
            if table.head[:3] != ["Score", "Value", "95 % interval"]:
                continue
            for element in table.rows:
                cells = table.cells(element)
                name = cells["Score"].split()[0]
                score = own[name]
                seen.append(name)
                page.equal(cells["Value"], value(score), name)
                page.equal(cells["95 % interval"], interval(score.get("low"), score.get("high")), f"interval of {name}")
                if score.get("fair") is not None:
                    page.near(cells["Fair"], score["fair"], f"fair value of {name}")
                for title, held in references.items():
                    page.equal(cells[title], value(held[name]) if name in held else "", f"{name} of {title}")
    assert sorted(seen) == sorted(own), set(own) ^ set(seen)


def gates(page):
    table = next(table for table in page.tables("privacy") if table.head[0] == "Gate")
    subject = page.subject()
    assert len(table.rows) == len(subject["gates"])
    words = {"pass": "pass", "fail": "fail", "weak_evidence": "pass, weak evidence", "not_assessed": "not assessed", "not_applicable": "not applicable"}
    for element, gate in zip(table.rows, subject["gates"]):
        cells = table.cells(element)
        page.equal(cells["Gate"], gate["name"], "gate")
        page.equal(cells["Value"], three(gate["value"]), gate["name"])
        page.near(cells["Limit"], gate["limit"], f"limit of {gate['name']}")
        assert cells["State"].startswith(words[gate["state"]]), cells


def columns(page):
    """The worst columns are drawn, at most a hundred, each with its agreement and that of held-out rows."""
    subject = page.subject()
    repeat = page.repeat(subject["candidate"], subject.get("delivered_repeat") or 0)
    details = listed(repeat, "column_shapes", "columns")
    of = {entry["column"]: entry for entry in details}
    held = {entry["column"]: entry.get("score") for entry in listed(page.reference("holdout"), "column_shapes", "columns")}
    cards = [element for element in page.section("columns").iter("figure") if element.find("h3") is not None]
    assert len(cards) == min(100, len(details)), (len(cards), len(details))
    for card in cards:
        name = "".join(card.find("h3").itertext())
        entry = of[name]
        if entry.get("score") is not None:
            expected = f"agreement {three(entry['score'])} [{three(held.get(name))}]"
            page.equal(text(card.find("p")).partition(", ")[2], expected, f"column {name}")
    if len(details) > 100:
        assert f"The 100 worst of {len(details)} columns are drawn." in text(page.section("columns"))


def pairs(page):
    """The pairs kept worst, with what held-out rows get; no more than a page can hold."""
    subject = page.subject()
    repeat = page.repeat(subject["candidate"], subject.get("delivered_repeat") or 0)
    of = {" × ".join(pair["columns"]): pair for pair in listed(repeat, "pair_trends", "pairs")}
    held = {" × ".join(pair["columns"]): pair.get("fixed") for pair in listed(page.reference("holdout"), "pair_trends", "pairs")}
    table = next((table for table in page.tables("pairs") if table.head[0] == "Columns"), None)
    assert (table is not None) == bool(of)
    for element in table.rows if table else []:
        cells = table.cells(element)
        pair = of[cells["Columns"]]
        page.equal(cells["Agreement ↑"], three(pair["fixed"]), cells["Columns"])
        page.equal(cells["Held-out rows"], three(held.get(cells["Columns"])), f"{cells['Columns']} of held-out rows")
        page.equal(cells["Strength in the real table"], three(pair["weight"]), f"strength of {cells['Columns']}")
    assert sum(1 for _ in page.section("pairs").iter("figure")) <= 200


def listed(repeat, benchmark, field):
    """A list of a benchmark's details; empty where the benchmark was not asked for."""
    return (repeat["details"].get(benchmark) or {}).get(field) or []


def facts(page):
    """Seed, hash, rows, and that there are sample rows only of a table that is published."""
    table = page.results["table"]
    assert page.results["job"]["seed"] in text(page.section("reproduce"))
    shown = text(page.section("data"))
    assert f"{table['rows']} accepted" in shown and f"{table['train_rows']} learnt from" in shown and f"{table['holdout_rows']} held out" in shown, shown[:300]
    assert ("First synthetic rows" in shown) == (page.verdict["outcome"] == "winner")


def main():
    page = Page(sys.argv[1])
    for look in (closed, headline, tiles, board, components, scores, gates, columns, pairs, facts):
        look(page)
    print(f"{page.compared} numbers equal results.json")


main()
