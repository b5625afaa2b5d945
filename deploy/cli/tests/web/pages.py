"""Every page in full: accessible in both themes, readable at 360 pixels, no error, no broken policy."""


def run(browser, site):
    done = site.job(source="sim:demo?rows=1500", preset="quick", gate="off", summary="Customers", labels={"team": "sales"})
    other = site.job(source="sim:demo?rows=800", synthesizers=["independent", "clbn"], repeats=2, seed=9)
    refused = site.job(source="sim:demo?rows=400", preset="quick", gate="strict")
    held = site.job(source="sim:asia?rows=500", hold=True)
    verdict = site.ask(f"/v1/jobs/{done}/verdict")
    name = next(row["candidate"] for row in verdict["ranking"] if not row["baseline"])
    candidate = f"/jobs/{done}/candidates/{name}"
    # of the two tables named demo the later one has moved from the earlier
    table = next(one for one in site.ask("/v1/tables")["items"] if one["drift"])
    pages = {
        "new": "/", "jobs": "/jobs", "job": f"/jobs/{done}", "job-refused": f"/jobs/{refused}", "job-held": f"/jobs/{held}",
        "metadata": f"/jobs/{done}/metadata", "metadata-held": f"/jobs/{held}/metadata", "leaderboard": f"/jobs/{done}/leaderboard",
        "leaderboard-refused": f"/jobs/{refused}/leaderboard", "leaderboard-repeats": f"/jobs/{other}/leaderboard",
        **{f"candidate-{tab}": f"{candidate}?tab={tab}" for tab in ("overview", "columns", "pairs", "utility", "privacy", "rows", "run")},
        "compare": f"/compare?jobs={done},{other}", "compare-one": f"/compare?jobs={done}", "compare-pick": "/compare", "tables": "/tables", "table": f"/tables?table={table['id']}", "fleet": "/fleet", "settings": "/settings", "docs": "/docs", "report": f"/jobs/{done}/report",
        "nowhere": "/jobs/x/y/z",
    }
    for width, scheme in ((1280, "light"), (1280, "dark"), (360, "light")):
        watched = browser.page(width=width, scheme=scheme, height=900 if width > 400 else 740)
        for title, path in pages.items():
            watched.go(path)
            pictures(watched.page)
            watched.shot(f"{title}-{width}-{scheme}")
            watched.accessible(f"{title} {width} {scheme}")
            watched.fits(f"{title} {width}")
        watched.close()
    reports(browser, done)
    downloads(browser, done, name)
    deep(browser, done)
    compared(browser, done, other)


def pictures(page):
    """Scrolls through the page, so that pictures that wait to be seen are drawn."""
    page.evaluate("async () => { for (let y = 0; y < document.body.scrollHeight; y += 600) { scrollTo(0, y); await new Promise((next) => setTimeout(next, 60)); } scrollTo(0, 0); }")
    page.wait_for_function("() => !document.querySelector('.skeleton')")


def reports(browser, job):
    """The report runs in a frame that reaches nothing."""
    watched = browser.page()
    watched.go(f"/jobs/{job}/report", "iframe")
    frame = watched.page.frame_locator("iframe")
    frame.locator("h1").wait_for()
    assert "score" in frame.locator("h1").inner_text()
    assert watched.page.evaluate("() => document.querySelector('iframe').contentDocument") is None, "the frame is of another origin"
    watched.close()


def downloads(browser, job, name):
    watched = browser.page()
    watched.go(f"/jobs/{job}")
    with watched.page.expect_download() as found:
        watched.page.click("button:has-text('Download synthetic.csv')")
    assert found.value.path().stat().st_size > 1000
    with watched.page.expect_download() as found:
        watched.page.click("button:has-text('For spreadsheets')")
    assert found.value.path().read_text().count("\n") > 1000
    watched.go(f"/jobs/{job}/metadata")
    with watched.page.expect_download() as found:
        watched.page.click("button:has-text('SDV')")
    assert "METADATA_SPEC_VERSION" in found.value.path().read_text()
    watched.go(f"/jobs/{job}/candidates/{name}?tab=run")
    with watched.page.expect_download() as found:
        watched.page.click("button:has-text('scores.json')")
    assert "synthfleet.scores" in found.value.path().read_text()
    watched.close()


def deep(browser, job):
    """What a page shows is in its address: filters, order, tabs."""
    watched = browser.page()
    page = watched.page
    watched.go("/jobs")
    page.select_option("#filter-state", "done")
    page.fill("#filter-text", "Customers")
    page.wait_for_function("() => location.search.includes('state=done') && location.search.includes('q=Customers')")
    page.wait_for_function("() => document.querySelectorAll('main tbody tr').length === 1")
    page.reload()
    page.wait_for_function("() => document.querySelectorAll('main tbody tr').length === 1")
    assert page.input_value("#filter-text") == "Customers"
    page.fill("#filter-text", "no such job")
    page.wait_for_selector("text=No job fits this filter.")
    watched.go(f"/jobs/{job}/leaderboard?sort=-risk")
    assert page.get_attribute("th[data-column=risk]", "aria-sort") == "descending"
    watched.close()


def compared(browser, one, other):
    """What is compared is in the address: ticks change it, a reload keeps it."""
    watched = browser.page()
    page = watched.page
    watched.go(f"/jobs/{one}/leaderboard")
    page.click("main a:has-text('Compare')")
    page.wait_for_selector(".multiples")
    page.click("summary:has-text('Candidates')")
    box = page.locator("label.choice:has-text('uniform') input")
    box.check()
    page.wait_for_function("() => location.search.includes('uniform')")
    page.wait_for_selector(".line-keys >> text=uniform")
    page.reload()
    page.wait_for_selector(".line-keys >> text=uniform")
    # two of different jobs, as an address names them
    watched.go(f"/compare?candidates={one}:clbn,{other}:clbn")
    page.wait_for_selector("text=measured on rows of their own")
    assert page.locator("h3, h2", has_text="Differences from A").count() == 1
    watched.close()
