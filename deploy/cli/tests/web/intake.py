"""The standing hostile set through the page: each file is chosen, sent and read, and ends beside its step: as a table
that can be judged, or with the code of what is wrong, where it stands, and what helps."""

import gzip
import pathlib
import random
import struct
import tempfile

DATA = pathlib.Path(__file__).parent.parent / "data"
HEAD = "age,income,region,member"
WORKBOOK = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml xl/workbook.xml"
ARCHIVE = b"PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00" + b"\x00" * 12 + b"\x08\x00\x00\x00../t.csv"


def plain(rows=300, seed=1):
    draw = random.Random(seed)
    lines = [HEAD]
    for _ in range(rows):
        age = draw.randint(18, 77)
        lines.append(f"{age},{900 + 31 * age + draw.random() * 800:.2f},{draw.choice(['north', 'south', 'east'])},{'yes' if draw.random() < age / 90 else 'no'}")
    return "\n".join(lines) + "\n"


def table(header, row, rows=300, seed=2, line="\n"):
    draw = random.Random(seed)
    return line.join([header, *(row(draw) for _ in range(rows))]) + line


def lines(change, rows=300):
    """A plain table whose list of lines was changed."""
    all_lines = plain(rows).splitlines()
    change(all_lines)
    return "\n".join(all_lines) + "\n"


def damaged(cut):
    return cut((DATA / "rich.parquet").read_bytes())


# name of the file, its bytes, what the page must say of it
READ = [
    ("01 missing.csv", table("a,b,c", lambda d: ",".join("NA" if d.random() < 0.3 else str(d.randint(1, 40)) if place < 2 else d.choice("xy") for place in range(3))), "300 rows"),
    ("02 constant.csv", lines(lambda all_lines: all_lines.__setitem__(slice(None), [f"{line},{'n' if place == 0 else '7.50'}" for place, line in enumerate(all_lines)])), "300 rows, 5 columns"),
    ("03 labels.csv", table(",".join(f"c{i}" for i in range(12)), lambda d: ",".join(f"v{d.randint(0, 3)}" for _ in range(12))), "12 columns"),
    ("04 ten.csv", plain(10), "10 rows are very few"),
    ("06 headers.csv", plain().replace(HEAD, "a,a,, b "), "300 rows"),
    ("07 long.csv", plain().replace("north", "y" * (900 << 10), 1), "300 rows"),
    ("09 latin.csv", plain().replace("north", "n\u00e9rd").replace("south", "\u201cs\u201d").encode("cp1252"), "windows-1252"),
    ("10 marked.csv", b"\xef\xbb\xbf" + plain().encode(), "300 rows"),
    ("10 wide le.csv", b"\xff\xfe" + plain().encode("utf-16-le"), "utf-16le"),
    ("10 wide be.csv", plain().encode("utf-16-be"), "utf-16be"),
    ("12 void.csv", lines(lambda all_lines: all_lines.__setitem__(slice(None), [f"{line},{'void' if place == 0 else 'NA'}" for place, line in enumerate(all_lines)])), "300 rows, 5 columns"),
    ("13 dates.csv", table("when,n", lambda d: f"{d.choice(['{y}-{m:02}-{t:02}'] * 8 + ['{t:02}.{m:02}.{y}', '{y}/{m:02}/{t:02}']).format(y=d.randint(2020, 2023), m=d.randint(1, 12), t=d.randint(13, 28))},{d.randint(1, 9)}"), "300 rows"),
    ("15 one.csv", table("x", lambda d: str(d.randint(1, 99))), "1 column"),
    ("18 rich.parquet", damaged(lambda good: good), "rows"),
    ("18 int96.parquet", (DATA / "int96.parquet").read_bytes(), "rows"),
    ("19 digits.csv", table("code,great,wide,small,label", lambda d: f"{d.randint(0, 59):05},{2**53 + 1 + 2 * d.randint(0, 49)},{d.choice(['1e308', '-0.0'])},{d.choice(['5e-324', '1e-310', '0'])},{d.choice(['inf', 'x'])}"), "300 rows"),
    ("20 formulas.csv", table("<script>h</script>,n,=x", lambda d: f"{d.choice(['=cmd', '<script>alert(1)</script>', chr(27) + '[31mred', chr(0x202E) + 'abc', '../x'])},{d.randint(1, 90)},{d.choice('pq')}"), "300 rows"),
    ("21 cr.csv", table("a;b;c", lambda d: f"{d.randint(1, 9)},{d.randint(10, 99)};{d.randint(1, 45)} %;\"two\nlines {d.randint(1, 3)}\"", line="\r"), "semicolon"),
    ("21 money.csv", table("price,n", lambda d: f"\"$1,{d.randint(100, 999)}.50\",{d.randint(1, 9)}"), "300 rows"),
    ("22 twice.csv", lines(lambda all_lines: all_lines.__setitem__(slice(31, None), [all_lines[7]] * 270)), "rows equal an earlier one"),
]
REFUSED = [
    ("04 four.csv", plain(4), "input::too_few_rows", "4"),
    ("05 ragged.csv", lines(lambda all_lines: all_lines.__setitem__(20, all_lines[20] + ",extra")), "csv::ragged", "line 21"),
    ("07 huge.csv", plain(50) + f"20,1000.00,\"{'x' * (10 << 20)}\",yes\n", "csv::cell_too_large", "line 52"),
    ("07 open.csv", plain(50) + "20,1000.00,\"never closed,yes\n" + plain(2000), "csv::unterminated_quote", "line 52"),
    ("08 nul.csv", plain().replace("north", "no\0rth", 1), "csv::nul_byte", "line"),
    ("08 garbage.csv", random.Random(8).randbytes(20_000), "", ""),
    ("15 empty.csv", "", "input::empty", ""),
    ("15 blank.csv", "\n\n\n", "input::empty", ""),
    ("15 header.csv", "a,b,c\n", "csv::header_only", ""),
    ("16 page.csv", "<!DOCTYPE html>\n<html><body>" + "<p>a, b</p>\n" * 40 + "</body></html>\n", "input::unsupported", "HTML"),
    ("16 book.csv", WORKBOOK, "input::unsupported", "xlsx"),
    ("16 print.csv", b"%PDF-1.7\n%...", "input::unsupported", "PDF"),
    ("17 cut.csv.gz", gzip.compress(plain(2000).encode())[:4000], "source::truncated", ""),
    ("17 bomb.csv.gz", gzip.compress(bytes(64 << 20), 9) * 160, "source::bomb", ""),
    ("17 archive.csv.zip", ARCHIVE, "input::unsupported", "zip"),
    ("18 cut.parquet", damaged(lambda good: good[: len(good) // 2]), "parquet::footer", ""),
    ("18 footer.parquet", damaged(lambda good: good[:-8] + struct.pack("<I", 2**32 - 1) + good[-4:]), "parquet::footer", ""),
    ("20 escape.csv", "a,\x1b[31mred\n" + "1,2\n" * 30, "", "control characters"),
]


def run(browser, site):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, content, told in READ:
            read(browser, written(folder, name, content), told)
        for name, content, code, told in REFUSED:
            refused(browser, written(folder, name, content), code, told)
        remedied(browser, written(folder, "08 nul.csv", plain().replace("north", "no\0rth", 1)))
        for name in ("04 ten.csv", "06 headers.csv", "12 void.csv", "20 formulas.csv", "21 cr.csv"):
            finished(browser, written(folder, name, dict((known, content) for known, content, _ in READ)[name]))
        changed(browser, written(folder, "23 changing.csv", plain(20_000)))
        wide(browser, written(folder, "14 wide.csv", table(",".join(f"c{i}" for i in range(2000)), lambda d: ",".join(f"l{d.randint(0, 3)}" if i % 4 == 0 else f"{d.random():.3f}" for i in range(2000)), rows=500)))
        many(browser, folder / "11 labels.csv")


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def loaded(browser, path, patience=60_000):
    """The page after a file was chosen and loaded: whatever came of it."""
    watched = browser.page()
    page = watched.page
    # an upload of nothing is refused by the server, which a browser calls an error
    watched.expected.append("422 (Unprocessable")
    watched.go("/")
    page.set_input_files("#file", files=[str(path)])
    page.wait_for_selector(f"text=File: {path.name}")
    page.click("#load")
    page.wait_for_selector("#data .state.wrong, #link-fault:not([hidden]), #columns table", timeout=patience)
    # while a large table is read, its first rows are shown already
    page.wait_for_selector("#load:not([disabled])", timeout=patience)
    watched.settled()
    return watched


def read(browser, path, told):
    watched = loaded(browser, path)
    page = watched.page
    assert page.locator("#columns table").count() == 1, (path.name, page.inner_text("#data")[:600])
    assert told in page.inner_text("#data"), (path.name, told, page.inner_text("#data")[:600])
    assert page.is_enabled("#start")
    inert(page, path)
    watched.close()


def refused(browser, path, code, told):
    watched = loaded(browser, path)
    page = watched.page
    wrong = page.locator("#data .state.wrong")
    assert wrong.count() == 1, (path.name, page.inner_text("main")[:600])
    said = wrong.inner_text()
    assert code in said and told in said, (path.name, code, told, said)
    assert "::" in said, f"{path.name}: no code is shown: {said}"
    assert page.locator("#columns table").count() == 0 and page.is_disabled("#start")
    inert(page, path)
    watched.close()


def inert(page, path):
    """Nothing of the file became an element, and no control character is left in the text."""
    assert page.locator("main script, main img, main iframe").count() == 0, path.name
    text = page.inner_text("main")
    assert not any(letter in text for letter in "\x1b\0\u202e"), path.name


def remedied(browser, path):
    """One click reads the table without the bytes that are no text."""
    watched = loaded(browser, path)
    watched.page.click("#data >> text=Take such bytes out")
    watched.page.wait_for_selector("#columns table")
    watched.page.wait_for_selector("#load:not([disabled])")
    watched.close()


def finished(browser, path):
    """What could be read is synthesized and judged, and the table comes back in its form."""
    watched = loaded(browser, path)
    page = watched.page
    page.check("input[name=preset][value=quick]")
    page.check("input[name=gate][value=off]")
    page.click("#start")
    page.wait_for_selector("#results h3:has-text('Best:')", timeout=120_000)
    watched.settled()
    watched.accessible(f"results of {path.name}")
    watched.shot(f"intake-{path.stem.replace(' ', '-')}")
    inert(page, path)
    watched.close()


def changed(browser, path):
    """A file that changes between choice and sending is told, and can be chosen anew."""
    watched = browser.page()
    page = watched.page
    watched.expected += ["Failed to load resource", "net::ERR"]
    watched.go("/")
    page.set_input_files("#file", files=[str(path)])
    page.wait_for_selector(f"text=File: {path.name}")
    path.write_text(plain(30_000, seed=9))
    page.click("#load")
    page.wait_for_selector("#data .state.wrong")
    watched.shot("intake-changed")
    assert "choose it again" in page.inner_text("#data .state.wrong").lower(), page.inner_text("#data .state.wrong")
    page.set_input_files("#file", files=[str(path)])
    page.click("#load")
    page.wait_for_selector("#columns table")
    page.wait_for_selector("#load:not([disabled])")
    assert "30,000 rows" in page.inner_text("#data") or "30\u202f000 rows" in page.inner_text("#data"), page.inner_text("#data")[:200]
    watched.close()


def wide(browser, path):
    """2,000 columns are read, and their list scrolls without a stop."""
    watched = loaded(browser, path, patience=180_000)
    page = watched.page
    assert "2,000 columns" in page.inner_text("#data") or "2\u202f000 columns" in page.inner_text("#data"), page.inner_text("#data")[:200]
    frames = page.evaluate("""async () => {
      const box = document.querySelector('#columns .virtual');
      const took = [];
      for (let step = 0; step < 120; step += 1) {
        const begin = performance.now();
        box.scrollTop += 400;
        await new Promise((next) => requestAnimationFrame(next));
        took.push(performance.now() - begin);
      }
      return took.sort((a, b) => a - b);
    }""")
    # the middle one: others use the machine too
    assert frames[60] < 50, frames
    assert page.locator("#columns tbody tr").count() > 500
    watched.close()


def many(browser, path):
    """A million labels in two million rows are read."""
    draw = random.Random(11)
    with path.open("w") as out:
        out.write("label,n,group\n")
        for row in range(2_000_000):
            label = row if row < 1_000_000 else draw.randrange(1_000_000)
            out.write(f"k{label:07}x,{row * 7 % 1000},{'abc'[row % 3]}\n")
    watched = loaded(browser, path, patience=400_000)
    assert "2,000,000 rows" in watched.page.inner_text("#data") or "2\u202f000\u202f000 rows" in watched.page.inner_text("#data"), watched.page.inner_text("#data")[:300]
    watched.close()
