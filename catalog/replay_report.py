"""A replay as a page to print: one HTML file with its chart as SVG, that asks nothing of the network."""

from collections.abc import Mapping, Sequence
from datetime import date
from html import escape
from typing import Any

from catalog.replay_words import KINDS, assumed, headline

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 720, 360, 70, 48, 16, 24
COLOURS = {"stocktide": "#1f5fbf", "(s, S)": "#b3541e", "naive": "#5f6b7a"}
SHAPES = {"stocktide": "", "(s, S)": "6 4", "naive": "2 4"}
COLUMNS = (
    ("fill_rate", "Fill rate", "{:.1%}"),
    ("cycle_service", "Cycle service", "{:.1%}"),
    ("mean_stock", "Average stock", "{:,.0f}"),
    ("mean_position", "Average position", "{:,.0f}"),
    ("missed", "Units missed", "{:,.0f}"),
    ("short", "Stock-out periods", "{:,.0f}"),
    ("wasted", "Units wasted", "{:,.0f}"),
    ("orders", "Order lines", "{:,.0f}"),
    ("deliveries", "Deliveries", "{:,.0f}"),
    ("cost", "Cost", "{:,.0f}"),
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1f26; background: #fff; max-width: 60rem; margin: 2rem auto }
body { padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: .85rem } .wide { overflow-x: auto }
th, td { padding: .25rem .5rem; border-bottom: 1px solid #d5dae1; text-align: right }
th:first-child, td:first-child { text-align: left }
svg { max-width: 100%; height: auto }
@media print { body { margin: 0 } h2 { break-after: avoid } tr { break-inside: avoid } }
"""


def replay_html(result: Mapping[str, Any], *, made: date) -> str:
    """Return the report of one replay."""
    words = [f"<li>{escape(line)}</li>" for line in assumed(result)]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Proof on your own history</title><style>{STYLE}</style></head><body>",
            "<h1>Proof on your own history</h1>",
            f"<p>{escape(headline(result))}</p>",
            "<h2>Stock against service</h2>",
            frontier_svg(result["policies"]),
            "<h2>Measures by policy</h2>",
            _measures(result["policies"]),
            "<h2>Products that missed most</h2>",
            _worst(result["worst"]),
            f"<h2>What was assumed</h2><ul>{''.join(words)}</ul>",
            f"<p>Made on {made:%-d %B %Y}.</p></body></html>",
        ]
    )


def frontier_svg(policies: Sequence[Mapping[str, Any]]) -> str:
    """Draw average stock by fill rate, a line a policy, with the range over seeds where there is one."""
    shown = [one for one in policies if one["fill_rate"] >= 0.8] or list(policies)
    low = min(float(one["fill_rate"]) for one in shown)
    most = max(float(one["mean_stock"]) for one in shown) * 1.05 or 1.0

    def x(fill: float) -> float:
        return LEFT + (fill - low) / max(1 - low, 1e-9) * (WIDTH - LEFT - RIGHT)

    def y(stock: float) -> float:
        return HEIGHT - BOTTOM - stock / most * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Average stock by fill rate, a line a policy">'
    ]
    for share in range(5):
        stock, fill = most * share / 4, low + (1 - low) * share / 4
        parts += [
            f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(stock):.1f}" y2="{y(stock):.1f}" stroke="#d5dae1"/>',
            f'<text x="{LEFT - 8}" y="{y(stock) + 4:.1f}" text-anchor="end" font-size="12">{stock:,.0f}</text>',
            f'<text x="{x(fill):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle" font-size="12">{fill:.1%}</text>',
        ]
    for number, kind in enumerate(dict.fromkeys(one["name"] for one in shown)):
        parts += _line([one for one in shown if one["name"] == kind], kind, number, x, y)
    parts.append(
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 8}" text-anchor="middle" font-size="12">'
        "Fill rate; average stock, units</text></svg>"
    )
    return "".join(parts)


def _line(points: list[Mapping[str, Any]], kind: str, number: int, x: Any, y: Any) -> list[str]:
    colour = COLOURS.get(kind, "#333")
    points = sorted(points, key=lambda one: float(one["fill_rate"]))
    path = " ".join(f"{x(one['fill_rate']):.1f},{y(one['mean_stock']):.1f}" for one in points)
    parts = [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" '
        f'stroke-dasharray="{SHAPES.get(kind, "")}"/>',
        f'<text x="{LEFT + 12}" y="{TOP + 16 + 18 * number}" fill="{colour}" font-size="13">'
        f"{escape(KINDS.get(kind, kind))}</text>",
    ]
    for one in points:
        at = x(one["fill_rate"])
        parts.append(
            f'<circle cx="{at:.1f}" cy="{y(one["mean_stock"]):.1f}" r="3" fill="{colour}"/>'
        )
        if one["mean_stock_high"] > one["mean_stock_low"]:
            parts.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y(one["mean_stock_low"]):.1f}" '
                f'y2="{y(one["mean_stock_high"]):.1f}" stroke="{colour}"/>'
            )
    return parts


def _measures(policies: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{title}</th>" for _, title, _ in COLUMNS)
    rows = [
        f"<tr><td>{escape(KINDS.get(one['name'], one['name']))} {one['knob']:g}</td>"
        + "".join(f"<td>{pattern.format(one[name])}</td>" for name, _, pattern in COLUMNS)
        + "</tr>"
        for one in policies
    ]
    return f'<div class="wide"><table><tr><th>Policy</th>{head}</tr>{"".join(rows)}</table></div>'


def _worst(worst: Sequence[Mapping[str, Any]]) -> str:
    if not worst:
        return "<p>Nothing was missed.</p>"
    keys = [key for key in ("product", "location") if key in worst[0]]
    head = "".join(f"<th>{key.title()}</th>" for key in keys)
    rows = [
        "<tr>"
        + "".join(f"<td>{escape(str(one[key]))}</td>" for key in keys)
        + f"<td>{one['demand']:,.0f}</td><td>{one['missed']:,.0f}</td><td>{one['fill_rate']:.1%}</td>"
        + f"<td>{one['mean_stock']:,.1f}</td></tr>"
        for one in worst[:20]
    ]
    return (
        f'<div class="wide"><table><tr>{head}<th>Demand</th><th>Missed</th><th>Fill rate</th>'
        "<th>Average stock</th></tr>"
        f"{''.join(rows)}</table></div>"
    )
