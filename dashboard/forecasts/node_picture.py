"""A node's forecast and components as one PNG: the figures of the Forecasts page, drawn without a browser."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa
import vl_convert

from catalog.forecasts import find_nodes, published_run
from catalog.frames import read_frame, read_record
from catalog.nodes import components, locate_node, read_parts, read_paths
from catalog.periods import periods_up_to
from catalog.state import judge_data
from dashboard.fan import days_ahead, grain_of, sales_and_forecast
from dashboard.forecasts.figures import TILE_HEIGHT, component_tiles
from dashboard.overridden import before_overrides, move_paths, read_forecast
from dashboard.sums import node_unit
from dashboard.theme import DARK, LIGHT, quantity
from stocktide.domain.rhythm import Rhythm, rhythm_of
from stocktide.foundation.errors import NotFound

WIDTH, HEIGHT = 960, 280
TILE_WIDTH, TILES_A_ROW = 430, 2
SCALE = 2.0
GROUND = {"light": "#FFFFFF", "dark": "#14171A"}


@dataclass(frozen=True)
class NodePicture:
    """png: the picture. title: what it says."""

    png: bytes
    title: str


def draw_node(
    engine: sa.Engine, name: str, *, paths: bool = False, dark: bool = False
) -> NodePicture:
    """Draw a node of the published forecast. Raises as `locate_node` does."""
    node_id = locate_node(engine, name)
    run, node = published_run(engine), find_nodes(engine, node_id=node_id)[0]
    if run is None:
        raise NotFound(
            "nothing_published", "No forecast is published yet; run `stocktide forecast`."
        )
    role, rhythm = DARK if dark else LIGHT, rhythm_of(run["frequency"])
    forecast = read_forecast(engine, [node_id], is_adjusted=node["is_adjusted"])
    published = before_overrides(forecast)
    actual = read_actuals(engine, [node_id], run["cutoff"], rhythm, rhythm.history)
    now = datetime.now(UTC)
    state = judge_data(read_record(engine, "freshness", now=now), now, rhythm=rhythm)
    counted = node_unit(node)
    coming = f"{quantity(forecast['yhat'].sum())} {counted}, {days_ahead(forecast, state.today)}"
    title = f"{node['label']}: {coming}"
    fan = sales_and_forecast(
        actual,
        forecast,
        role,
        title=title,
        unit=rhythm.each(counted),
        where=f"level: {node['level_name']}, run {run['forecast_run_id']}, trained to {run['cutoff']}",
        today=state.open_from,
        paths=_paths(engine, node_id, forecast) if paths else None,
        grain=grain_of(rhythm),
        coverage=node["coverage"] or {},
        pointer=False,
        published=published,
    )
    parts = components(read_parts(engine, node_id))
    cutoff = pd.Timestamp(run["cutoff"])
    tiles = [] if parts.empty else component_tiles(parts, cutoff, role, rhythm, pointer=False)
    spec = stack(fan, tiles, ground=GROUND["dark" if dark else "light"], text=role.actual)
    return NodePicture(vl_convert.vegalite_to_png(spec, scale=SCALE), title)


def _paths(engine: sa.Engine, node_id: int, forecast: pd.DataFrame) -> pd.DataFrame:
    found = read_paths(engine, node_id)
    return move_paths(found, forecast) if "published" in forecast else found


def read_actuals(
    engine: sa.Engine, nodes: Sequence[int], cutoff: date, rhythm: Rhythm, periods: int
) -> pd.DataFrame:
    """Read what nodes together sold in the last `periods` up to the cutoff: columns ds, y."""
    back = periods * rhythm.days_max
    sold = read_frame(engine, "node_actuals", nodes=list(nodes), days=back)
    return every_period(sold, periods_up_to(cutoff, periods, rhythm))


def every_period(sold: pd.DataFrame, calendar: pd.DatetimeIndex) -> pd.DataFrame:
    """Fill periods without a row with 0: columns ds, y over the calendar's last days, not before the first row."""
    known = sold.assign(ds=pd.to_datetime(sold["ds"])).set_index("ds")["y"]
    if not known.empty:
        calendar = calendar[calendar >= known.index.min()]
    return known.reindex(calendar.rename("ds"), fill_value=0.0).reset_index()


def stack(fan: Any, tiles: list[Any], *, ground: str, text: str) -> dict[str, Any]:
    """Stack the fan above its tiles in one Vega-Lite specification; configuration and data move to its top."""
    datasets: dict[str, Any] = {}
    configuration: dict[str, Any] = {}

    def inner(chart: Any, width: int, height: int) -> dict[str, Any]:
        spec: dict[str, Any] = chart.to_dict()
        datasets.update(spec.pop("datasets", {}))
        configuration.update(spec.pop("config", {}))
        spec.pop("$schema", None)
        return {**spec, "width": width, "height": height}

    rows: list[dict[str, Any]] = [inner(fan, WIDTH, HEIGHT)]
    for start in range(0, len(tiles), TILES_A_ROW):
        row = [inner(tile, TILE_WIDTH, TILE_HEIGHT) for tile in tiles[start : start + TILES_A_ROW]]
        rows.append({"hconcat": row, "spacing": 40})
    words = {"color": text, "subtitleColor": text}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "vconcat": rows,
        "spacing": 30,
        "padding": 20,
        "datasets": datasets,
        "config": {
            **configuration,
            "background": ground,
            "title": words,
            "view": {"stroke": None},
            "axis": {**configuration.get("axis", {}), "gridColor": text, "gridOpacity": 0.15},
        },
    }
