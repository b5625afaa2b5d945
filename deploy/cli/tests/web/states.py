"""Loading, empty and error of every page."""

import re

FAILING = "Failed to load resource"


def run(browser, site):
    empty(browser, site)
    job = site.job(source="sim:demo?rows=500", synthesizers=["independent"], gate="off", benchmarks=["accuracy", "column_shapes", "distances"])
    table = site.ask("/v1/tables")["items"][0]["id"]
    failed = site.job(source="sim:no_such_set", preset="quick")
    for title, path, asked in (
        ("jobs", "/jobs", "/v1/jobs?"), ("job", f"/jobs/{job}", f"/v1/jobs/{job}"), ("metadata", f"/jobs/{job}/metadata", "/metadata"),
        ("leaderboard", f"/jobs/{job}/leaderboard", "/verdict"), ("candidate", f"/jobs/{job}/candidates/independent", "/candidates/independent"),
        ("tables", "/tables", "/v1/tables"), ("table", f"/tables?table={table}", "/v1/tables/"),
        ("compare", f"/compare?jobs={job}", "/verdict"), ("compare-scores", f"/compare?jobs={job}", "/v1/compare"), ("fleet", "/fleet", "/v1/queues"), ("settings", "/settings", "/v1/tokens"),
        ("report", f"/jobs/{job}/report", "/report.html"), ("new", "/", "/v1/synthesizers"), ("docs", "/docs", "/openapi.json"),
        ("rows", f"/jobs/{job}/candidates/independent?tab=rows", "/candidates/independent/rows"), ("run", f"/jobs/{job}/candidates/independent?tab=run", f"/v1/jobs/{job}/files"),
    ):
        loading_and_error(browser, title, path, asked)
    unfit(browser, job, failed)
    partly(browser, site, job)
    lost(browser)


def empty(browser, site):
    """A fresh server: one sentence, and what fills the place."""
    watched = browser.page()
    for path, sentence, action in (
        ("/jobs", "There is no job yet.", "New job"), ("/tables", "No table was read yet.", "New job"), ("/compare", "There is no finished job", "New job"),
        ("/fleet", "No message was buried.", None), ("/settings", "No token was made.", None), ("/", "The first rows of the table appear here.", None),
    ):
        watched.go(path)
        watched.page.wait_for_selector(f"main >> text={sentence}")
        if action:
            assert watched.page.locator(f"main a:has-text('{action}')").count() >= 1
        watched.accessible(f"empty {path}")
    watched.shot("state-empty-jobs")
    watched.close()


def loading_and_error(browser, title, path, asked):
    watched = browser.page()
    page = watched.page
    watched.expected.append(FAILING)
    held = []
    broken = {"on": False}

    def answer(route):
        if broken["on"]:
            route.fulfill(status=503, content_type="application/problem+json", body='{"type":"/problems/unavailable","title":"Unavailable","status":503,"detail":"the store does not answer","request_id":"r1","errors":[{"code":"store::away"}]}')
        else:
            held.append(route)

    page.route(lambda url: asked in url and ("/v1/" in url or asked == "/openapi.json"), answer)
    page.goto(watched.site.base + path)
    page.wait_for_selector(".skeleton")
    watched.accessible(f"{title} loading")
    broken["on"] = True
    for route in held:
        answer(route)
    page.wait_for_selector(".state.wrong >> text=the store does not answer")
    assert page.is_visible(".state.wrong >> text=store::away") and page.is_visible(".state.wrong a[href='/problems/unavailable']")
    watched.accessible(f"{title} error")
    watched.shot(f"state-error-{title}")
    page.unroute_all()
    page.locator(".state.wrong button:has-text('Try again')").first.click()
    page.wait_for_selector(".state.wrong", state="detached")
    watched.settled()
    watched.close()


def unfit(browser, job, failed):
    """Jobs without a verdict, and addresses of nothing."""
    watched = browser.page()
    watched.expected.append(FAILING)
    watched.go(f"/jobs/{failed}")
    watched.page.wait_for_selector(".state.wrong >> text=no such simulated set")
    watched.shot("state-failed-job")
    watched.go(f"/jobs/{failed}/leaderboard")
    assert watched.page.is_visible("text=it has no verdict")
    watched.go(f"/jobs/{failed}/metadata")
    assert watched.page.is_visible("text=was not read")
    watched.go("/jobs/job_00000000000000000000000000")
    assert watched.page.is_visible("text=there is nothing here")
    watched.accessible("nothing")
    # what cannot be an id is no part of a request
    watched.go("/jobs/..%2Fworkers%2Fw%2Fdrain%3F")
    assert watched.page.is_visible("text=There is no page at this address.")
    watched.go(f"/jobs/{job}/candidates/nobody")
    assert re.search("there is nothing here", watched.page.inner_text("main"))
    watched.close()


def partly(browser, site, job):
    """What a job leaves out or has not yet is said where it would stand, with a way on."""
    bare = site.job(source="sim:demo?rows=400", synthesizers=["independent"], gate="off", benchmarks=["accuracy"])
    held = site.job(source="sim:asia?rows=400", hold=True)
    watched = browser.page()
    watched.expected.append("409 (Conflict)")
    for path, sentence, action in (
        (f"/jobs/{job}/candidates/independent?tab=pairs", "Pair trends were not computed", None), (f"/jobs/{job}/candidates/independent?tab=utility", "No model was trained", None),
        (f"/jobs/{bare}/candidates/independent?tab=columns", "Column shapes were not computed", None), (f"/jobs/{held}/leaderboard", "The job is not judged yet.", "a[href^='/jobs/']"),
        (f"/jobs/{held}/candidates/clbn", "Scores are shown once the job is judged.", "a.button"), ("/docs?q=no+such+words", "No operation fits these words.", None),
        (f"/jobs?q={'z' * 40}", "No job fits this filter.", "button:has-text('Show all')"),
    ):
        watched.go(path)
        watched.page.wait_for_selector(f"main >> text={sentence}")
        if action:
            assert watched.page.locator(f"main {action}").count() >= 1, path
        watched.accessible(f"partly {path}")
    site.ask(f"/v1/jobs/{held}/cancel", {"reason": "enough was seen"})
    watched.page.wait_for_timeout(300)
    watched.go(f"/jobs/{held}/leaderboard")
    watched.page.wait_for_selector("main >> text=it has no verdict")
    watched.close()


def lost(browser):
    """The server goes away: what is shown stays, and the page says so."""
    watched = browser.page()
    watched.expected += [FAILING, "net::ERR"]
    watched.go("/fleet")
    watched.page.context.set_offline(True)
    watched.page.wait_for_selector("text=The server cannot be reached", timeout=20_000)
    watched.page.context.set_offline(False)
    watched.page.wait_for_selector("text=The server cannot be reached", state="detached", timeout=20_000)
    watched.close()
