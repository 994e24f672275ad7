"""Random leaves and hierarchies, trees and crossed, for Hypothesis."""

import pandas as pd
from hypothesis import strategies as st

from forecasting.structure.hierarchy import Hierarchy, build_hierarchy

TREE = [[], ["region"], ["location"], ["location", "product"]]
CROSSED = [[], ["region"], ["department"], ["location"], ["product"], ["location", "product"]]


@st.composite
def leaf_frames(draw: st.DrawFn) -> pd.DataFrame:
    """Draw leaves location x product, each location in one region, each product in one department; some are missing."""
    regions = draw(st.lists(st.sampled_from("NSE"), min_size=1, max_size=4))
    departments = draw(st.lists(st.sampled_from("FG"), min_size=1, max_size=4))
    every = [
        (region, f"L{i}", department, f"P{j}")
        for i, region in enumerate(regions)
        for j, department in enumerate(departments)
    ]
    kept = draw(st.lists(st.sampled_from(every), min_size=1, unique=True))
    return pd.DataFrame(kept, columns=["region", "location", "department", "product"])


@st.composite
def hierarchies(draw: st.DrawFn, *, levels: list[list[str]]) -> Hierarchy:
    """Draw a hierarchy with any subset of the upper levels."""
    upper = [level for level in levels[1:-1] if draw(st.booleans())]
    return build_hierarchy([levels[0], *upper, levels[-1]], draw(leaf_frames()))
