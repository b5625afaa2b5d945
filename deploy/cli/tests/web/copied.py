"""A copy to the job's own place that failed: why, what helps, and a button whose every state is told."""

import json

FAILED = {
    "type": "/problems/unavailable", "title": "Unavailable", "status": 503, "detail": "not allowed to write to s3://results/adult/",
    "errors": [{"code": "output::denied", "detail": "not allowed to write to s3://results/adult/", "help": ["allow this service to put objects there"]}],
}
AGAIN = {"type": "/problems/conflict", "title": "Conflict", "status": 409, "detail": "somebody else's file lies there", "errors": [{"code": "output::foreign"}]}


def run(browser, site):
    job = site.job(source="sim:demo?rows=500", synthesizers=["clbn"], gate="off", benchmarks=["accuracy"])
    told = {**site.ask(f"/v1/jobs/{job}"), "publish_failed": FAILED}
    told["spec"]["output"] = "s3://results/adult/"
    watched = browser.page()
    page = watched.page
    watched.expected.append("409 (Conflict)")
    page.route(f"**/v1/jobs/{job}", lambda route: route.fulfill(json=told))
    page.route("**/v1/jobs?*", lambda route: route.fulfill(json={"items": [{**item, "publish_failed": FAILED} for item in site.ask("/v1/jobs")["items"]], "next_cursor": None}))
    held = []
    page.route(f"**/v1/jobs/{job}/publish", lambda route: held.append(route))

    def answer(status, document):
        while not held:
            page.wait_for_timeout(50)
        held.pop(0).fulfill(status=status, content_type="application/json" if status < 400 else "application/problem+json", body=json.dumps(document))

    # the list says so, and leads there
    watched.go("/jobs")
    watched.accessible("a list with a copy that failed")
    page.click("main tbody a:has-text('copy failed')")

    # failed: code, what happened, what helps
    page.wait_for_selector("#copy-again")
    watched.settled()
    shown = page.inner_text(".state.wrong")
    assert all(part in shown for part in ("their copy failed", "output::denied", FAILED["detail"], "allow this service to put objects there", "s3://results/adult/")), shown
    assert page.is_visible("button:has-text('Download synthetic.csv')")
    watched.accessible("a copy that failed")
    watched.shot("copy-failed")

    # asked, by keyboard; a second press asks nothing
    page.focus("#copy-again")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=status] >> text=The copy was asked for.")
    page.keyboard.press("Enter")
    assert page.get_attribute("#copy-again", "aria-disabled") == "true"
    watched.accessible("a copy that was asked for")

    # copying: asked again until there is news
    answer(202, told)
    page.wait_for_selector("[role=status] >> text=The files are being copied to s3://results/adult/.")
    assert page.evaluate("() => document.activeElement.id") == "copy-again"

    # failed again, with the new reason
    answer(409, AGAIN)
    page.wait_for_selector(".state.wrong >> text=The copy failed again")
    assert page.is_visible(".state.wrong >> text=output::foreign") and not page.is_visible("text=output::denied")
    assert page.evaluate("() => document.activeElement.id") == "copy-again"
    assert not held, "one press, one question"
    watched.accessible("a copy that failed again")

    # copied
    page.keyboard.press("Enter")
    answer(200, {**told, "publish_failed": None})
    page.wait_for_selector("[role=status] >> text=The results were copied to s3://results/adult/.")
    assert page.locator(".state.wrong").count() == 0
    assert page.evaluate("() => document.activeElement.getAttribute('role')") == "status", "the focus is where the news is"
    watched.accessible("a copy that was made")
    watched.shot("copy-made")
    watched.close()
