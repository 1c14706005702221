"""Nothing that users can name is undocumented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from wbsite.cli import reference
from wbsite.core import registry
from wbsite.core.config import options
from wbsite.core.model_input import ModelInput

ROOT = Path(__file__).resolve().parents[2]
AGAIN = "run `python -m wbsite.cli.reference` in the checkout"


@pytest.fixture(autouse=True)
def without_plug_ins() -> None:
    """Other tests install some for a while."""
    registry.entries.cache_clear()


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(heading: str, level: str = "###") -> str:
    """What REFERENCE.md says under a heading."""
    _, found, rest = text("REFERENCE.md").partition(f"\n{level} {heading}\n")
    assert found, f"{heading} is not in REFERENCE.md: {AGAIN}"
    return rest.partition(f"\n{level} ")[0]


def test_every_command_and_option_is_in_the_reference() -> None:
    for path, command in reference.commands():
        documented = section(f"`{path}`")
        for name, help in reference.parameters(command):
            assert f"| `{name}` | {help} |" in documented, f"{path} {name}: {AGAIN}"


def test_every_key_of_the_configuration_is_in_the_reference() -> None:
    documented = section("`wbsite.toml`", "##")
    for entry in (*options(), *fields(ModelInput)):
        assert f"| `{entry.name}` |" in documented, AGAIN
        assert entry.metadata["help"] in documented, AGAIN


def test_the_reference_is_what_the_code_says() -> None:
    assert text("REFERENCE.md") == reference.markdown(), AGAIN


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_entry_of_the_registry_is_in_the_reference(kind: str) -> None:
    documented = section(kind.capitalize())
    for name in registry.names(kind):
        assert f"`{name}" in documented, AGAIN


def test_the_commands_are_introduced_in_the_readme() -> None:
    readme = text("README.md")
    assert "REFERENCE.md" in readme
    for path, _ in reference.commands():
        words = path.split()
        assert all(word in readme for word in words), path


@pytest.mark.parametrize("kind", registry.KINDS)
def test_contributing_says_how_to_add_every_kind(kind: str) -> None:
    contributing = text("CONTRIBUTING.md")
    assert f"`{registry.KINDS[kind].attribute}`" in contributing
    assert f"`wbsite.{kind}`" in contributing
