"""Opens reports in a browser without a network, with and without scripts: look.py OUT FOLDER...

Nothing may be asked for, the console stays empty, no rule of WCAG 2.2 A or AA is broken in either theme, and the page
is no wider than a telephone. Pictures and a print on A4 are left in OUT.
"""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "web"))

from browser import Browser, Site  # noqa: E402  (the folder is only now on the path)


def offline(browser, name, **more):
    watched = browser.page(offline=True, **more)
    watched.page.goto(watched.site.base + f"/{name}/report.html")
    return watched


def shown(browser, name, scheme, width):
    watched = offline(browser, name, scheme=scheme, width=width)
    watched.accessible(f"{name} {scheme} {width}")
    watched.fits(f"{name} {scheme} {width}")
    # what is folded away opens, and is as accessible
    watched.page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    watched.accessible(f"{name} {scheme} {width}, unfolded")
    watched.shot(f"report-{name}-{scheme}-{width}")
    watched.close()


def unscripted(browser, name):
    """All of it is there for who runs no scripts, on a telephone too."""
    watched = offline(browser, name, width=360, height=740, java_script_enabled=False)
    page = watched.page
    headings = page.locator("main section[id] > h2")
    assert headings.count() == 13, headings.count()
    assert all(headings.nth(place).is_visible() for place in range(13))
    assert page.locator("#board tbody tr").first.is_visible() and page.locator("svg").first.is_visible()
    folded = page.locator("details")
    if folded.count():
        folded.first.locator("summary").click()
        assert folded.first.locator("svg").first.is_visible()
    box = page.locator("main").bounding_box()
    assert box["width"] <= 360, box
    watched.close()


def printed(browser, name):
    watched = offline(browser, name)
    watched.page.pdf(path=str(watched.site.out / f"report-{name}.pdf"), prefer_css_page_size=True)
    watched.close()


def main():
    out, *folders = sys.argv[1:]
    parents = {pathlib.Path(folder).parent for folder in folders}
    site = Site(parents.pop().as_uri(), out)
    browser = Browser(site)
    try:
        for folder in folders:
            name = pathlib.Path(folder).name
            for scheme, width in (("light", 1280), ("dark", 1280), ("light", 360)):
                shown(browser, name, scheme, width)
            unscripted(browser, name)
            printed(browser, name)
    except Exception:
        browser.last("failed-report")
        raise
    finally:
        browser.close()


main()
