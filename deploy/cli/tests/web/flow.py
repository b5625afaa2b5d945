"""The six steps of the original, from a file to the downloaded table; reload and back at every step lose nothing."""

import csv
import io
import random

HEADER = ["age", "city of birth", "<script>alert(1)</script>", "income"]


def table(rows=600):
    random.seed(7)
    out = io.StringIO()
    write = csv.writer(out, delimiter=";", lineterminator="\n")
    write.writerow(HEADER)
    for _ in range(rows):
        age = random.randint(18, 80)
        write.writerow([age, random.choice(["Rome", "Oslo", "Bern"]), random.choice(["a", "b", "c"]), "high" if random.random() < age / 100 else "low"])
    return out.getvalue()


def run(browser, site):
    watched = browser.page()
    page = watched.page
    watched.go("/")
    watched.accessible("empty form")
    watched.shot("flow-0-empty")

    # nothing was given yet: the fault stands beside the field, which has the focus
    page.click("#load")
    assert page.is_visible("text=Type a link, choose a file, or take a set.")
    assert page.evaluate("() => document.activeElement.id") == "link"

    # 1 link, by file: a look at it before anything is sent
    page.set_input_files("#file", files=[{"name": "people.csv", "mimeType": "text/csv", "buffer": table().encode()}])
    page.wait_for_selector("text=nothing was sent yet")
    assert page.locator("#data th", has_text="<script>alert(1)</script>").count() == 1
    page.click("#load")
    page.wait_for_selector("#target")
    watched.settled()
    watched.shot("flow-1-loaded")

    # 2 data, 3 metadata
    assert page.is_visible("#data >> text=600 rows")
    assert page.locator("#data tbody tr").count() == 50
    page.select_option("#columns select[aria-label='Kind of age']", "ordinal")
    page.select_option("#target", "income")
    page.check("input[name=gate][value=off]")
    page.click("summary:has-text('Repeats, seed')")
    page.fill("#seed", "5")
    page.fill("#summary", "People")
    assert "--kind age=ordinal" in page.inner_text(".equal pre") and "--seed 5" in page.inner_text(".equal pre")
    page.click("#equal-toml")
    assert '[source.columns.age]\nkind = "ordinal"' in page.inner_text(".equal pre"), page.inner_text(".equal pre")

    # a reload, and a walk away and back, lose nothing
    for away in (lambda: page.reload(), lambda: (page.click("nav >> text=Fleet"), page.wait_for_selector("h1:has-text('Fleet')"), page.go_back())):
        away()
        page.wait_for_selector("#target")
        watched.settled()
        assert page.input_value("#columns select[aria-label='Kind of age']") == "ordinal"
        assert (page.input_value("#target"), page.input_value("#seed"), page.input_value("#summary")) == ("income", "5", "People")
        assert page.is_checked("input[name=gate][value=off]")
    watched.accessible("loaded form")

    # 4 synthesizers: a wrong option is told beside its field, and nothing typed is lost
    page.fill("#seed", "-3")
    page.click("#start")
    page.wait_for_selector("#seed[aria-invalid=true]")
    watched.accessible("faults")
    watched.shot("flow-2-fault")
    watched.expected.append("422")
    page.fill("#seed", "5")

    # 5 benchmarks, 6 results
    page.uncheck("#usual")
    page.check("#usual")
    page.click("#start")
    page.wait_for_selector("#results button:has-text('Show synthesized data'):not([disabled])")
    page.locator("#results button:has-text('Show synthesized data'):not([disabled])").first.click()
    page.wait_for_selector("#results .cells tbody tr")
    shown = [text.strip() for text in page.locator("#results .cells thead th").all_inner_texts()]
    assert shown == HEADER, shown
    page.wait_for_selector("#results h3:has-text('Best:')")
    page.reload()
    page.wait_for_selector("#results h3:has-text('Best:')")
    watched.settled()
    watched.accessible("results")
    watched.shot("flow-3-results")
    with page.expect_download() as found:
        page.click("#results button:has-text('Download synthetic.csv')")
    rows = list(csv.reader(open(found.value.path()), delimiter=";"))
    assert rows[0] == HEADER, rows[0]
    assert len(rows) == 1 + 480, f"as many rows as were learnt from: {len(rows) - 1}"
    watched.expected.clear()
    watched.faults = [fault for fault in watched.faults if "422" not in fault]
    watched.close()
    remedies(browser)


def remedies(browser):
    """A table that cannot be read is told with its line, and one click reads it without the faulty rows."""
    watched = browser.page()
    page = watched.page
    watched.go("/")
    lines = table(200).splitlines()
    lines[7] = lines[9] = lines[11] = "1;2"
    page.set_input_files("#file", files=[{"name": "ragged.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}])
    page.click("#load")
    page.wait_for_selector("#data .state.wrong")
    assert page.is_visible("#data >> text=line 8"), page.inner_text("#data .state.wrong")
    watched.accessible("faulty table")
    watched.shot("flow-4-faulty")
    page.click("text=Leave those rows out")
    page.click("text=Let up to 5 % of the rows be left out")
    page.wait_for_selector("#target")
    assert page.is_visible("#data >> text=3 rows were left out")
    watched.close()
