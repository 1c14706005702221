"""Styles and scripts come with the theme, so that a site keeps its mkdocs.yml and lacks none."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).resolve().parents[2] / "templates" / "assets"
EARLIER = """
extra_css:
  - assets/css/wbsite.css
  - assets/css/units.css
  - mine/late.css
extra_javascript:
  - {path: assets/js/charts.js, defer: true}
  - assets/js/units.js
  - mine/late.js
"""
"""What an earlier wbsite wrote, with a style and a script of the user's own."""


def addresses(page: Path) -> list[str]:
    return re.findall(r'<(?:script src|link rel="stylesheet" href)="([^"]+)"', page.read_text(encoding="utf-8"))


def test_a_page_asks_for_one_file_of_each(built: Path) -> None:
    own = [
        name for name in addresses(built / "site" / "index.html") if not re.search(r"(javascripts|stylesheets)/", name)
    ]
    assert own == ["assets/css/wbsite.css", "assets/js/wbsite.js"]
    for folder, bundle in (("css", "css/wbsite.css"), ("js", "js/wbsite.js")):
        whole = (built / "site" / "assets" / bundle).read_text(encoding="utf-8")
        for path in (TEMPLATES / folder).iterdir():
            assert path.read_text(encoding="utf-8") in whole, path.name


def test_a_mkdocs_yml_of_an_earlier_version_lacks_nothing(
    rebuilt: Path, build: Callable[..., Any], cli: Callable[..., Any]
) -> None:
    (rebuilt / "mkdocs.yml").write_text((rebuilt / "mkdocs.yml").read_text() + EARLIER)
    for name in ("css", "js"):
        (rebuilt / "build" / "docs" / "mine").mkdir(exist_ok=True)
        (rebuilt / "build" / "docs" / "mine" / f"late.{name}").write_text(f"/* late {name} */")
        (rebuilt / "templates" / "assets" / name).mkdir(parents=True)
        (rebuilt / "templates" / "assets" / name / f"mine.{name}").write_text(f"/* mine {name} */")
    ran = build("--strict")
    assert ran.status == 0, ran.err
    found = addresses(rebuilt / "site" / "index.html")
    assert [name for name in found if name.startswith("assets/js/")] == ["assets/js/wbsite.js"], "scripts run twice"
    assert found.index("assets/css/wbsite.css") < found.index("mine/late.css"), "the user's own style comes last"
    assert "mine/late.js" in found
    for name in ("css", "js"):
        bundle = (rebuilt / "site" / "assets" / name / f"wbsite.{name}").read_text(encoding="utf-8")
        assert f"/* mine {name} */" in bundle
        assert (TEMPLATES / name / f"c{'ards' if name == 'css' else 'opied'}.{name}").read_text() in bundle
    assert cli("check").status == 0
