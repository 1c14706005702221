"""What Lighthouse says of the pages of a built site on a telephone, as it is served compressed.

    python benchmarks/lighthouse.py site
    python benchmarks/lighthouse.py site --runs 3 --pages "" models/

Lighthouse comes by npx; Chromium is the installed one, or that of CHROME_PATH. A row a page: medians over runs of the
scores out of 100, of layout shift, of the milliseconds until the first and the largest picture or text and of those in
which scripts kept the page from answering, and requests and kilobytes of the first visit. The processor is slowed down
by Lighthouse four times, so that other work on the machine shows in performance; shift, requests and bytes do not
depend on it. Below the table stands what the audits name.
"""

from __future__ import annotations

import argparse
import gzip
import http.server
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

LIGHTHOUSE = "lighthouse@12"
PAGES = ("", "articles/weight-banding/", "models/simplified_32/5b/")
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMES = ("first-contentful-paint", "largest-contentful-paint", "total-blocking-time")
COMPRESSED = (".html", ".css", ".js", ".json", ".svg", ".xml", ".csv")


class Compressing(http.server.SimpleHTTPRequestHandler):
    """Serves text compressed and lets it be kept for ten minutes, as GitHub Pages does."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the table is what is printed."""

    def do_GET(self) -> None:
        path = Path(self.translate_path(self.path))
        path = path / "index.html" if path.is_dir() else path
        found = path if path.is_file() else Path(self.directory, "404.html")
        data, small = packed(found), found.suffix in COMPRESSED
        self.send_response(200 if path.is_file() else 404)
        self.send_header("Content-Type", self.guess_type(str(found)))
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Cache-Control", "max-age=600")
        if small:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(data)


@cache
def packed(path: Path) -> bytes:
    """A file's bytes as they are sent."""
    data = path.read_bytes()
    return gzip.compress(data) if path.suffix in COMPRESSED else data


@contextmanager
def served(site: Path) -> Iterator[str]:
    """The address of a site, served from this process."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Compressing, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def measured(address: str) -> dict[str, Any]:
    """Lighthouse's report of one visit."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        command = ["npx", "--yes", LIGHTHOUSE, address, "--quiet", "--output=json", f"--output-path={report}"]
        command += ["--chrome-flags=--headless=new --no-sandbox --disable-gpu"]
        chrome = os.environ.get("CHROME_PATH") or shutil.which("chromium") or shutil.which("google-chrome") or ""
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "CHROME_PATH": chrome})
        return json.loads(report.read_text(encoding="utf-8"))


def row(reports: list[dict[str, Any]]) -> list[str]:
    """Medians of a page's reports."""

    def median(value: Any) -> float:
        return statistics.median(map(value, reports))

    scores = [f"{100 * median(lambda r, name=name: r['categories'][name]['score']):.0f}" for name in CATEGORIES]
    shift = f"{median(lambda r: r['audits']['cumulative-layout-shift']['numericValue']):.3f}"
    times = [f"{median(lambda r, name=name: r['audits'][name]['numericValue']):.0f}" for name in TIMES]
    requests = [report["audits"]["network-requests"]["details"]["items"] for report in reports]
    counts = statistics.median(map(len, requests))
    size = statistics.median(sum(item["transferSize"] for item in items) / 1000 for items in requests)
    return [*scores, shift, *times, f"{counts:.0f}", f"{size:.0f}"]


def named(report: dict[str, Any]) -> Iterator[str]:
    """Audits of the report that are not passed and count in a score, worst first."""
    weights = {ref["id"]: ref["weight"] for kind in report["categories"].values() for ref in kind["auditRefs"]}
    audits = [
        audit for audit in report["audits"].values() if (audit["score"] or 0) < 0.9 and audit["score"] is not None
    ]
    for audit in sorted(audits, key=lambda audit: (-weights.get(audit["id"], 0), audit["id"])):
        shown = audit.get("displayValue", "")
        items = (audit.get("details") or {}).get("items") or []
        first = json.dumps(items[:2], ensure_ascii=False)[:300] if items else ""
        yield f"  {audit['id']} ({weights.get(audit['id'], 0):g}) {shown} {first}".rstrip()


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--pages", nargs="+", default=PAGES)
    options = parser.parse_args()
    with served(options.site) as address:
        reports = {page: [measured(f"{address}/{page}") for _ in range(options.runs)] for page in options.pages}
    print("| page | performance | accessibility | practices | SEO | shift | FCP ms | LCP ms | TBT ms | requests | kB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for page, found in reports.items():
        print(f"| /{page} | {' | '.join(row(found))} |")
    for page, found in reports.items():
        print(f"\n/{page}")
        print("\n".join(named(found[-1])))


if __name__ == "__main__":
    main()
