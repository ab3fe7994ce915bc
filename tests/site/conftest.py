"""The built site, served on this machine, and a real browser to look at it."""

import base64
import contextlib
import functools
import gzip
import hashlib
import http.server
import re
import threading
from pathlib import Path

import pytest
from built import CHROMIUM, SITE, pages

SUBFOLDER = "/some/sub/"  # the site lies here as well
QUIET = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
QUIET += ["--disable-component-update", "--disable-sync", "--no-sandbox"]


def pytest_report_header():
    built = f"{len(pages())} pages in {SITE}" if pages() else "NO SITE WAS BUILT: run `mkdocs build --strict` first"
    return [f"site: {built}", f"browser: {CHROMIUM or 'NO CHROMIUM WAS FOUND: EVERY BROWSER TEST IS SKIPPED'}"]


@functools.cache
def compressed(path):
    return gzip.compress(path.read_bytes(), 6)


SCRIPT = re.compile(r"<script(?![^>]*(?:\bsrc=|json))[^>]*>(.*?)</script>", re.DOTALL)
POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'{hashes}; worker-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:"  # the theme draws its icons from its style sheet
)


@functools.cache
def policy(path):
    """As strict as a server may be: of the scripts within a page, those of the theme, by their hashes."""
    inline = SCRIPT.findall(path.read_text(encoding="utf-8")) if path.suffix == ".html" else []
    digests = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in inline)
    return POLICY.format(hashes="".join(f" 'sha256-{digest}'" for digest in digests))


@contextlib.contextmanager
def served(strict=False):
    assert pages(), "the site must be built before its tests: mkdocs build --strict"

    class Handler(http.server.SimpleHTTPRequestHandler):
        """Files, text compressed, as servers of static pages send it."""

        def log_message(self, *_):
            pass

        def do_GET(self):
            path = Path(self.translate_path(self.path.replace(SUBFOLDER, "/", 1)))
            path = path / "index.html" if path.is_dir() else path
            if not path.is_file():
                self.send_error(404)
                return
            text = path.suffix in (".html", ".css", ".js", ".json", ".svg")
            content = compressed(path) if text else path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", self.guess_type(path.name))
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "max-age=3600")  # for the next page in the same window
            if strict:
                self.send_header("Content-Security-Policy", policy(path))
            if text:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def address():
    with served() as where:
        yield where


@pytest.fixture(scope="session")
def strict():
    """The address of the site behind a content security policy."""
    with served(strict=True) as where:
        yield where


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium was found: install it, or say where it is in the variable CHROMIUM")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield opened
        opened.close()


A_MOMENT = "new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"


class Visit:
    """A page in the browser, with what it asked for and complained of."""

    def __init__(self, browser, address, path, width=1280, scheme="light", scripts=True):
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=scripts
        )
        self.page = self.context.new_page()
        self.errors, self.outside, self.finished, self.under_way = [], [], [], set()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        self.page.on(
            "request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else self.outside.append(r.url)
        )
        self.page.on("requestfinished", lambda request: self.finished.append(request))
        self.page.on("request", lambda request: self.under_way.add(request))
        for ended in "requestfinished", "requestfailed":
            self.page.on(ended, lambda request: self.under_way.discard(request))
        self.page.goto(address + path.removesuffix("index.html"), wait_until="load")
        if scripts:
            self.rest()

    def rest(self):
        """Wait until the page asks for nothing more: "networkidle" takes half a second longer, on every page."""
        for _ in range(600):
            self.page.evaluate(A_MOMENT)
            if not self.under_way:
                return
        raise AssertionError(f"never at rest: {[request.url for request in self.under_way]}")

    def bytes(self):
        """What came over the line."""
        sizes = [request.sizes() for request in self.finished]
        return sum(one["responseBodySize"] + one["responseHeadersSize"] for one in sizes)


@pytest.fixture
def visit(browser, address):
    """A function that opens a page; every page is closed after the test."""
    opened = []

    def go(path, base=address, **how):
        opened.append(Visit(browser, base, path, **how))
        return opened[-1]

    yield go
    for one in opened:
        one.context.close()
