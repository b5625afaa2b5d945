"""Headers and cells that try to be markup, code, escape sequences: shown as they are, on every page that shows them."""

import csv
import io
import random

NAMES = ["<img src=x onerror=alert(1)>", "=cmd|' /C calc'!A0", "\u202eevil", "a{{7*7}}", "'; drop table users", "x\" onload=\"y"]
CELLS = ["<script>alert(2)</script>", "javascript:alert(3)", "\u001b[2Jgone", "\"quoted\"", "../../etc/passwd", "&lt;b&gt;"]


def run(browser, site):
    random.seed(3)
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n")
    write.writerow(NAMES)
    for _ in range(300):
        write.writerow([random.choice(CELLS) for _ in NAMES])
    watched = browser.page()
    page = watched.page
    watched.go("/")
    page.set_input_files("#file", files=[{"name": "<b>x.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}])
    page.wait_for_selector("text=nothing was sent yet")
    literal(page, "#data")
    page.click("#load")
    page.wait_for_selector("#target")
    watched.settled()
    literal(page, "#data")
    literal(page, "#columns", cells=False)
    watched.accessible("hostile table")
    watched.shot("hostile-new")
    page.check("input[name=gate][value=off]")
    page.click("#start")
    page.wait_for_selector("#results h3:has-text('Best:')")
    job = page.locator("#results a:has-text('See the job live')").get_attribute("href")
    for part in ("", "/metadata", "/leaderboard", "/candidates/independent?tab=columns", "/candidates/independent?tab=pairs", "/candidates/independent?tab=rows", "/report"):
        watched.go(job + part)
        page.wait_for_timeout(300)
        assert page.evaluate("() => document.querySelectorAll('main img, main script').length") == 0
    watched.close()
    refused(browser)


def refused(browser):
    """A header with an escape sequence is refused by the server, and shown harmlessly until then."""
    watched = browser.page()
    page = watched.page
    watched.go("/")
    page.set_input_files("#file", files=[{"name": "esc.csv", "mimeType": "text/csv", "buffer": b"a,\x1b[31mred\n" + b"1,2\n" * 30}])
    page.wait_for_selector("#data >> text=\u241b[31mred")
    page.click("#load")
    page.wait_for_selector("#data .state.wrong >> text=header 2 holds control characters")
    watched.close()


def literal(page, place, cells=True):
    text = page.inner_text(place)
    for part in ("<img src=x onerror=alert(1)>", "<U+202E>evil") + (("\u241b[2Jgone",) if cells else ()):
        assert part in text, (place, part, text[:600])
    assert page.locator(f"{place} img, {place} script").count() == 0
