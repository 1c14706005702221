"""`wbsite doctor`: what it says of a network, and that it computes nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

NETS = """
import torch
import torch.nn.functional as F
from torch import nn

class Standardised(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight / self.weight.std((1, 2, 3), keepdim=True), self.bias, padding=1)

class Odd(nn.Module):
    input_shape = (3, 20, 30)

    def __init__(self):
        super().__init__()
        self.conv, self.odd = nn.Conv2d(3, 4, 3), Standardised(4, 4, 3)
        self.bare, self.up = nn.Parameter(torch.randn(4, 4, 3, 3)), nn.ConvTranspose2d(4, 2, 2)

    def forward(self, x):
        x = F.conv2d(self.odd(F.relu(self.conv(x / float(x.max())))), self.bare)
        return self.up(x)

class Plain(Odd):
    def forward(self, x):
        return self.conv(x)
"""


@pytest.fixture
def nets(work: Path) -> Iterator[str]:
    """Name of a module in the working folder."""
    (work / "examined_nets.py").write_text(NETS)
    yield "examined_nets"
    sys.modules.pop("examined_nets", None)


def test_a_page_about_a_network(cli: Callable[..., Any], nets: str, work: Path) -> None:
    ran = cli("doctor", f"{nets}:Odd")
    assert ran.status == 0, ran.err
    page = ran.out
    assert "3 × 20 × 30 (channels, height, width)" in page and "input_shape" in page
    assert "3 convolutions (3 of 3×3)" in page
    assert "skipped: up (ConvTranspose2d): a transposed convolution" in page
    assert "odd: from odd.weight: " in page
    assert "takes numbers out of the picture (float()" in page
    assert "banding               3 layers" in page and "one processor" in page
    assert f'[models."{nets}:Odd"]\n  input = [3, 20, 30]' in page
    assert not (work / "build").exists()


def test_an_ordinary_network_is_said_to_be_one(cli: Callable[..., Any], nets: str) -> None:
    page = cli("doctor", f"{nets}:Plain", "--input", "3,24,24").out
    assert "3 × 24 × 24" in page
    assert "as the parameters hold them" in page
    assert "The same calls for every picture" in page
    assert "skipped: odd (Standardised): the forward pass" in page


def test_what_is_no_network_is_refused(cli: Callable[..., Any], nets: str) -> None:
    ran = cli("doctor", f"{nets}:Nothing")
    assert ran.status == 2
    assert "unknown factory" in ran.err


def test_a_network_whose_pass_is_not_all_seen_has_a_page(cli: Callable[..., Any], nets: str, work: Path) -> None:
    (work / "examined_nets.py").write_text(
        NETS
        + """
import warnings

class Partly(nn.Module):
    input_shape = (3, 16, 16)

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated
            self.between = torch.jit.script(nn.Sequential(nn.ReLU()))

    def forward(self, x):
        return self.last(self.between(self.first(x)))
"""
    )
    ran = cli("doctor", f"{nets}:Partly")
    assert ran.status == 0, ran.err
    assert "2 convolutions" in ran.out and "cannot be recorded" in ran.out


def test_a_doctor_does_not_wait_for_libraries_that_it_does_not_ask(nets: str, environment: dict[str, str]) -> None:
    """Analyses load them where they use them: all are imported here, to say which apply."""
    code = (
        "import sys\n"
        "unwanted = ('scipy.stats', 'scipy.special', 'scipy.optimize', 'sklearn', 'networkx', 'torchvision')\n"
        f"sys.argv = ['wbsite', 'doctor', '{nets}:Odd']\nfrom wbsite.cli.process import main\n"
        "try:\n    main()\nfinally:\n    print('loaded:', [name for name in unwanted if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "loaded: []" in done.stdout
