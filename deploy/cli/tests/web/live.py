"""A job as it runs: the graph and the chart grow, a cut connection is resumed, the end is that of the facts."""


def run(browser, site):
    watched = browser.page()
    page = watched.page
    job = site.job(wait=False, source="sim:demo?rows=20000", preset="standard", gate="off")
    watched.go(f"/jobs/{job}", ".dag, .state")
    page.wait_for_selector(".dag .is-running", timeout=60_000)
    page.wait_for_selector(".gantt rect.is-running, .gantt rect.is-done")
    watched.shot("live-early")
    before = page.locator(".gantt rect").count()
    page.wait_for_function(f"() => document.querySelectorAll('.gantt rect').length > {before}")
    watched.accessible("a running job")
    watched.expected += ["Failed to load resource", "net::ERR"]
    page.context.set_offline(True)
    page.evaluate("() => 0")
    page.wait_for_timeout(1500)
    page.context.set_offline(False)
    watched.shot("live-middle")
    page.wait_for_selector("button:has-text('Download synthetic.csv')", timeout=180_000)
    tasks = site.ask(f"/v1/jobs/{job}/tasks")["items"]
    done = sum(task["state"] == "done" for task in tasks)
    assert page.is_visible(f"text={len(tasks)} of {len(tasks)} tasks ended"), page.inner_text("main")
    assert done == len(tasks)
    assert page.locator(".dag .is-running").count() == 0
    watched.accessible("a finished job")
    watched.shot("live-end")
    watched.close()
    steered(browser, site)


def steered(browser, site):
    """Held, let go on, cancelled: by buttons that ask before what cannot be undone."""
    watched = browser.page()
    page = watched.page
    held = site.job(source="sim:asia?rows=400", hold=True, synthesizers=["independent"])
    watched.go(f"/jobs/{held}")
    page.click("button:has-text('Let it go on')")
    page.wait_for_selector("main .badge.is-done", timeout=60_000)
    long = site.job(wait=False, source="sim:demo?rows=20000", preset="standard", repeats=5)
    watched.go(f"/jobs/{long}")
    page.click("button:has-text('Cancel')")
    page.wait_for_selector("dialog[open]")
    watched.accessible("a question")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.click("button:has-text('Cancel')")
    page.click("dialog button:has-text('Cancel the job')")
    page.wait_for_selector("main .badge.is-cancelled", timeout=60_000)
    watched.close()
