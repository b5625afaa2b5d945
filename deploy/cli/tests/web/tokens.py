"""A server that asks for tokens: typed once, kept in memory alone, enough for everything, downloads too."""


def run(browser, site):
    job = site.job(source="sim:demo?rows=500", synthesizers=["clbn"], gate="off", benchmarks=["accuracy", "column_shapes"])
    watched = browser.page()
    page = watched.page
    watched.expected.append("401")
    page.goto(site.base + f"/jobs/{job}")
    page.wait_for_selector("dialog.token[open]")
    watched.accessible("the question for a token")
    watched.shot("token")
    page.fill("#token-field", "sf_wrong_token")
    page.click("dialog button:has-text('Use it')")
    page.wait_for_selector("dialog.token[open] #token-field:placeholder-shown")
    page.fill("#token-field", site.token)
    page.click("dialog button:has-text('Use it')")
    page.wait_for_selector("button:has-text('Download')")
    with page.expect_download() as found:
        page.locator("main button.primary:has-text('Download')").first.click()
    assert found.value.path().stat().st_size > 100
    page.click("main a:has-text('Report')")
    page.frame_locator("iframe").locator("h1").wait_for()
    kept = page.evaluate("() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, performance.getEntriesByType('resource').map((one) => one.name)])")
    assert site.token not in kept
    page.reload()
    page.wait_for_selector("dialog.token[open]")
    watched.close()
