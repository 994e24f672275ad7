"""Items inside a place or group that the hierarchy splits no further: its departments, and their products."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.reader import Reader

# In the address: the department whose products are listed.
INSIDE = "inside"
NO_DEPARTMENT = "no department"
LEAF = {"product", "location"}


def read_leaves(
    reader: Reader, node: Mapping[str, Any], children: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Read the products at places inside a node: node_id, sku, name, department, unit, total; the largest first.

    Empty where the node has items of its own below it, or is itself one product at one place.
    """
    if children or set(node["keys"]) >= LEAF:
        return pd.DataFrame(columns=["node_id", "sku", "name", "department", "unit", "total"])
    leaves = read_frame(reader.engine, "node_leaves", node_id=node["node_id"])
    return leaves.assign(department=leaves["department"].replace("", NO_DEPARTMENT))


def departments(leaves: pd.DataFrame) -> pd.DataFrame:
    """Add the leaves up by department: label, total; the largest first."""
    sums = leaves.groupby("department")["total"].sum()
    frame = pd.DataFrame({"label": sums.index, "total": sums.to_numpy()})
    return frame.sort_values(["total", "label"], ascending=[False, True], ignore_index=True)


def part_of(node: Mapping[str, Any], leaves: pd.DataFrame) -> dict[str, Any] | None:
    """Return the department inside a node that the address names, as if it were a node; None where it names none.

    Its forecast is the sum of its leaves, `nodes`; what bands of such a sum hold is not known.
    """
    name = st.query_params.get(INSIDE)
    mine = leaves[leaves["department"] == name]
    if mine.empty:
        return None
    return {
        **node,
        "label": f"{node['label']} · {name}",
        "part": name,
        "level_name": f"{name} in {node['label']}",
        "total": float(mine["total"].sum()),
        "units": sorted(set(mine["unit"])),
        "nodes": mine["node_id"].tolist(),
        "coverage": None,
    }
