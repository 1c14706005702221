"""The census: facts of every network, and a row for each of their layers whose kernels have rows and columns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from wbsite.results.base import Result, Table, arrays, boolean, integer, number, table, text, value

NETWORK = ("package", "version", "registry", "licence", "task", "network")
"""Columns that both tables have."""

SHARE, BOTH = "0 to 1", "−1 to 1"


class Census(
    Result,
    analysis="census",
    summary="every layer of the networks that people ship: banding, symmetries, stripes, and where it stands",
):
    """As `wbsite census` measured them."""

    count: int = value("networks")
    packages: int = value("packages that they come from")
    bytes: int = value("of the archives that hold them")
    networks: Table = table(
        package=text("the package that ships it"),
        version=text("of the package"),
        registry=text("pypi, npm or debian"),
        licence=text("as declared for the package"),
        task=text("what it is for"),
        network=text("name of its manifest"),
        homepage=text("of the package, as it declares it", missing=True),
        title=text("as people call it"),
        about=text("what it does"),
        architecture=text("one word for networks that differ by size, version or training alone"),
        training=text("one word for files with the same trained weights"),
        data=text("what it was trained on, as far as declared"),
        format=text("of its file"),
        file=text("inside the package"),
        pooled=text("axes averaged away before the answer: none, both, height or width"),
        task_axis=text("axis along which the answer is laid out: horizontal, vertical, both or none"),
        upright=boolean("whether its pictures have an up and a down"),
        weights_alone=boolean("whether the file holds weights without a network, so that no order of layers is known"),
        parameters=integer("numbers in its layers"),
        layers=integer("layers whose kernels have rows and columns"),
        late_index=number("mean H, chance at 0, of the last quarter of these layers", BOTH, missing=True),
        last_index=number("H, chance at 0, of the last of these layers", BOTH, missing=True),
        last_layer=text("the last of these layers; of weights alone, the last in the file", missing=True),
        last_shape=text("units × channels a unit sees × height × width", missing=True),
        last_weights=number("its H", BOTH, missing=True),
        last_low=number("lower end of the 95 % interval of H", missing=True),
        last_high=number("upper end of the 95 % interval of H", missing=True),
        last_nmf=number("H of its NMF pictures", BOTH, missing=True),
        last_nmf_low=number("lower end of its 95 % interval, with chance at 0", missing=True),
        last_nmf_high=number("upper end of its 95 % interval, with chance at 0", missing=True),
        banded=text(
            "horizontal, vertical or none, where that interval lies on one side of the original article's threshold;"
            " else undecided",
            missing=True,
        ),
        depth_correlation=number("Spearman correlation of |H| with depth, of five layers or more", BOTH, missing=True),
        map_height=number("rows of the last such layer's map", missing=True),
        map_width=number("columns of that map", missing=True),
    )
    rows: Table = table(
        package=text("the package that ships it"),
        version=text("of the package"),
        registry=text("pypi, npm or debian"),
        licence=text("as declared for the package"),
        task=text("what it is for"),
        network=text("name of its manifest"),
        layer=text("its name"),
        shape=text("units × channels a unit sees × height × width"),
        units=integer("units of the layer"),
        groups=integer("groups of the convolution"),
        place=number("among the network's layers, 0 first, 1 last", SHARE),
        reads_input=boolean("whether it reads the picture itself"),
        follows=text("what comes before the next layer that learns, and what that is", missing=True),
        map_height=number("rows of its map", missing=True),
        map_width=number("columns of its map", missing=True),
        row_share=number("R", SHARE, missing=True),
        column_share=number("C", SHARE, missing=True),
        index=number("H", BOTH, missing=True),
        low=number("lower end of the 95 % interval of H", missing=True),
        high=number("upper end of the 95 % interval of H", missing=True),
        index_null=number("H of independent weights", BOTH, missing=True),
        index_adjusted=number("H with chance at 0", BOTH, missing=True),
        index_nmf=number("H of the NMF pictures", BOTH, missing=True),
        nmf_low=number("lower end of its 95 % interval", missing=True),
        nmf_high=number("upper end of its 95 % interval", missing=True),
        centre_share=number("share of the squared weights in the middle", SHARE, missing=True),
        left_right=number("symmetry under a flip of columns", BOTH, missing=True),
        up_down=number("symmetry under a flip of rows", BOTH, missing=True),
        quarter_turn=number("symmetry under a turn by 90°", BOTH, missing=True),
        coherence=number("how far the spectrum prefers one direction", SHARE, missing=True),
        angle=number("of the stripes it prefers, 0 horizontal", "degrees", missing=True),
        patterns=number("participation ratio of the kernels' patterns", missing=True),
        blank_rows=integer("rows of the kernels that hold next to nothing in any unit"),
        blank_columns=integer("likewise, columns"),
        left_right_null=number("that of independent weights", BOTH, missing=True),
        up_down_null=number("that of independent weights", BOTH, missing=True),
        quarter_turn_null=number("that of independent weights", BOTH, missing=True),
        centre_share_null=number("that of independent weights", SHARE, missing=True),
        patterns_null=number("that of independent weights", missing=True),
    )
    filters: Table = table(
        network=text("name of its manifest"),
        unit=integer("of its first layer, from 0; dead ones are left out"),
        chroma=number("share of the squared weights that is contrast of colour", SHARE),
        frequency=number("of the grating it answers most", "cycles a pixel", missing=True),
        orientation=number("of the lines it answers, 0 horizontal", "degrees", missing=True),
        orientation_selectivity=number("1 where one orientation alone is answered", SHARE, missing=True),
    )
    factors: Table = table(
        network=text("name of its manifest"),
        factor=integer("1 or 2, of who reads the first layer's filters"),
        property=text("of filters: chroma or frequency"),
        share=number("of the inertia that the factor has", SHARE),
        units=integer("filters that count"),
        rho=number("Spearman's ρ of the factor's coordinates with the property", BOTH, missing=True),
        low=number("lower end of its 95 % bootstrap interval over filters", missing=True),
        high=number("upper end of its 95 % bootstrap interval over filters", missing=True),
        p=number("by permutation", SHARE, missing=True),
    )
    pictures: Mapping[str, NDArray[np.uint8]] = arrays(
        "unit", "row", "column", "colour", about="NMF pictures of the last layer's units, by network", default=None
    )


RESULTS = (Census,)
