"""A browser that notices everything: errors on the console, broken policies, failed requests, inaccessible elements."""

import json
import pathlib
import time
import urllib.request

import axe_playwright_python
from playwright.sync_api import sync_playwright

AXE = (pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
PATIENCE_MS = 60_000


class Site:
    """The server under test, asked without a browser."""

    def __init__(self, base, out, token=None):
        self.base = base.rstrip("/")
        self.out = pathlib.Path(out)
        self.out.mkdir(parents=True, exist_ok=True)
        self.token = token

    def ask(self, path, body=None, method=None):
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read() or "null")

    def job(self, wait=True, **wish):
        told = self.ask("/v1/jobs", wish)
        while wait and self.ask(f"/v1/jobs/{told['id']}")["state"] not in ("done", "failed", "cancelled", "on_hold"):
            time.sleep(0.1)
        return told["id"]


class Watched:
    """A page whose faults are kept. `expected` are parts of console messages that a test provokes."""

    def __init__(self, context, site):
        self.site = site
        self.faults = []
        self.expected = []
        self.page = context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("dialog", lambda dialog: (self.faults.append(f"a dialog opened: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", self._request)

    def _console(self, message):
        if message.type in ("error", "warning") and not any(part in message.text for part in self.expected):
            self.faults.append(f"console {message.type}: {message.text} ({message.location.get('url')})")

    def _request(self, request):
        if not request.url.startswith((self.site.base, "blob:", "data:")):
            self.faults.append(f"asked another address: {request.url}")

    def go(self, path, ready="main h1"):
        self.page.goto(self.site.base + path)
        self.page.wait_for_selector(ready)
        self.settled()

    def settled(self):
        """Waits until nothing is loading any more."""
        self.page.wait_for_function("() => document.querySelector('main')?.children.length > 0 && !document.querySelector('.skeleton:not(.later)')", timeout=PATIENCE_MS)

    def shot(self, name):
        self.page.screenshot(path=str(self.site.out / f"{name}.png"), full_page=True)

    def accessible(self, name):
        """No rule of WCAG 2.2 A or AA is broken."""
        if not self.page.evaluate("() => 'axe' in window"):
            self.page.evaluate(AXE)
        found = self.page.evaluate("(rules) => axe.run(document, { runOnly: rules })", RULES)
        for violation in found["violations"]:
            nodes = violation["nodes"]
            self.faults.append(f"{name}: axe {violation['id']} ({len(nodes)}): {nodes[0]['html'][:160]}")

    def fits(self, name):
        """Nothing but what scrolls by itself is wider than the window."""
        wide = self.page.evaluate("() => document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.faults.append(f"{name}: {wide} px wider than the window")

    def close(self):
        self.page.close()
        assert not self.faults, "\n".join(self.faults)


class Browser:
    """Chromium of the system, headless."""

    def __init__(self, site, binary="/usr/bin/chromium"):
        self.site = site
        self.watched = None
        self.driver = sync_playwright().start()
        self.browser = self.driver.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-dev-shm-usage"])

    def page(self, width=1280, height=900, scheme="light", **more):
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True, **more)
        self.watched = Watched(context, self.site)
        return self.watched

    def last(self, name):
        """What the last page showed when a scenario failed, and what was wrong with it by then."""
        if self.watched and not self.watched.page.is_closed():
            print("\n".join(self.watched.faults))
            self.watched.shot(name)

    def close(self):
        self.browser.close()
        self.driver.stop()
