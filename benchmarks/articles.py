"""How the articles of a built site read.

    python benchmarks/articles.py site

A row an article: words of running text before the appendix, numerals in 100 of them, figures, how many of these the
text refers to and which it does not, words of the longest caption, and lines of the article's source that hold logic.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from wbsite.render.check.prose import read_prose
from wbsite.render.pages.articles import chosen

LOGIC = re.compile(r"\{%")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("site", type=Path)
    site = parser.parse_args().site
    print("| article | words | numerals in 100 | figures | referred to | longest caption | logic lines |")
    print("|---|---|---|---|---|---|---|")
    for article in chosen():
        page = site / "articles" / article.name / "index.html"
        if not page.is_file():
            continue
        prose = read_prose(page.read_text(encoding="utf-8"))
        logic = sum(bool(LOGIC.search(line)) for line in article.text.splitlines())
        missing = f" (not {', '.join(prose.unreferred)})" if prose.unreferred else ""
        print(
            f"| {article.name} | {prose.words} | {prose.numerals_in_100:.1f} | {len(prose.figures)}"
            f" | {len(prose.figures) - len(prose.unreferred)}{missing} | {prose.longest_caption} | {logic} |"
        )


if __name__ == "__main__":
    main()
