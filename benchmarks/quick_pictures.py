"""How good the quick pictures of units are, and what they cost.

The rule, written down before anything was measured. A picture is as good as r: the unit's strongest response to it
(before the rectifier, over all positions, in float32, the picture as it is) over its strongest response to the
photographs that are the default. Settings are compared on two units of every convolution of InceptionV1 with BVLC's
weights, drawn by seed 7. Of the settings whose projected processor time for all its units is at most 60 s, that with
the largest mean over layers of log2(median r of the layer, at least 1/16) is taken; where others come within 0.1 of
it, that of the largest picture, and of these that of the fewest steps. What is reported of it is measured on four
other units of every convolution, drawn by seed 40: the distribution of r, the share above 1, each by depth, and r
over r of the articles' pictures of the same units.
"""
