"""Everything without a mouse."""


def run(browser, site):
    job = site.job(source="sim:demo?rows=500", preset="quick", gate="off")
    watched = browser.page()
    page = watched.page
    watched.go("/jobs")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.id") == "main"

    # a table is sorted from its header, and the focus stays there
    watched.go(f"/jobs/{job}/leaderboard")
    page.focus("th[data-column=score] button")
    page.keyboard.press("Enter")
    assert page.get_attribute("th[data-column=score]", "aria-sort") == "descending"
    assert page.evaluate("() => document.activeElement.closest('th')?.dataset.column") == "score"
    assert "sort=-score" in page.url

    # a slider re-ranks, labelled as what it is, and goes back
    page.focus("#weight-accuracy")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("text=Your weights, not the verdict.")
    page.keyboard.press("Tab")
    page.locator("button:has-text(\"Back to the verdict\")").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Weights of the verdict.")

    # tabs by arrows
    watched.go(f"/jobs/{job}/candidates/clbn")
    page.focus("[role=tab][data-name=overview]")
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("[role=tab][data-name=columns]", "aria-selected") == "true"
    assert "tab=columns" in page.url
    page.keyboard.press("ArrowLeft")
    assert page.get_attribute("[role=tab][data-name=overview]", "aria-selected") == "true"

    # going to another page moves the focus to its title
    page.focus("nav a:has-text('Jobs')")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Jobs')")
    assert page.evaluate("() => document.activeElement.tagName") == "H1"

    # the theme goes through its three values and stays
    for name in ("light", "dark", "system"):
        page.focus("#theme")
        page.keyboard.press("Enter")
        assert name in page.inner_text("#theme")
    watched.close()
    moves(browser)


def moves(browser):
    """Whoever wishes for less motion sees none."""
    watched = browser.page(reduced_motion="reduce")
    watched.go("/")
    assert watched.page.evaluate("() => { const bar = document.createElement('div'); bar.className = 'bar'; document.body.append(bar); return getComputedStyle(bar).animationName; }") == "none"
    watched.close()
