"""Runs one scenario against a server: run.py NAME BASE OUT [TOKEN]."""

import importlib
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from browser import Browser, Site  # noqa: E402  (the folder is only now on the path)


def main():
    name, base, out, *token = sys.argv[1:]
    site = Site(base, out, *token)
    browser = Browser(site)
    try:
        importlib.import_module(name).run(browser, site)
    except Exception:
        # first of all: the picture may fail as well
        traceback.print_exc()
        browser.last(f"failed-{name}")
        raise
    finally:
        browser.close()


main()
