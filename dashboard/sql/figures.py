"""A result as a frame, and the chart of one that has a day and a number."""

from typing import Any

import altair as alt
import pandas as pd

from dashboard.theme import CHART_HEIGHT, Roles, chart_frame

# More lines than this cannot be told apart.
LINES_MAX = 8
NUMBERS = ("int", "uint", "float", "double", "decimal", "halffloat")


def frame_of(answer: dict[str, Any]) -> pd.DataFrame:
    """Return the rows of an answer, with days and instants as such; of columns of one name, later ones are numbered."""
    names: list[str] = []
    for column in answer["columns"]:
        count = sum(
            1
            for name in names
            if name.rpartition(" ")[0] == column["name"] or name == column["name"]
        )
        names.append(column["name"] if not count else f"{column['name']} {count + 1}")
    frame = pd.DataFrame(answer["rows"], columns=names)
    for name, column in zip(names, answer["columns"], strict=True):
        if column["type"].startswith("timestamp"):
            frame[name] = pd.to_datetime(
                frame[name], errors="coerce", utc="UTC" in column["type"], format="ISO8601"
            )
        elif column["type"].startswith("date"):
            frame[name] = pd.to_datetime(frame[name], errors="coerce", format="ISO8601")
        elif column["type"].startswith(NUMBERS):
            frame[name] = pd.to_numeric(frame[name])
        elif column["type"].startswith(("list", "struct", "map", "large_list")):
            frame[name] = frame[name].map(lambda value: None if value is None else str(value))
    return frame


def chart_columns(frame: pd.DataFrame) -> tuple[str | None, list[str], str | None]:
    """Return the first day of a result, its numbers, and a text that tells lines apart."""
    kinds = pd.api.types
    names = [str(name) for name in frame]
    days = [name for name in names if kinds.is_datetime64_any_dtype(frame[name])]
    numbers = [
        name
        for name in names
        if kinds.is_numeric_dtype(frame[name]) and not kinds.is_bool_dtype(frame[name])
    ]
    others = [name for name in names if name not in days and name not in numbers]
    texts = [name for name in others if 1 < frame[name].nunique() <= LINES_MAX]
    return next(iter(days), None), numbers, next(iter(texts), None)


def result_chart(
    frame: pd.DataFrame, role: Roles, *, day: str, number: str, text: str | None
) -> Any:
    """Draw a number by day, a line for each text."""
    shown = pd.DataFrame({"day": frame[day], "number": frame[number]})
    colour: Any = alt.value(role.forecast)
    if text is not None:
        shown["text"] = frame[text].astype(str)
        colour = alt.Color("text:N", title=text)
    marks = alt.Chart(shown.dropna(subset=["day", "number"])).mark_line(point=True, strokeWidth=2)
    chart = marks.encode(
        x=alt.X("day:T", title=None),
        y=alt.Y("number:Q", title=number),
        color=colour,
        tooltip=[
            alt.Tooltip("day:T", title=day),
            alt.Tooltip("number:Q", title=number, format=",.4~f"),
        ],
    ).properties(height=CHART_HEIGHT)
    subtitle = f"By {day}" + (f", a line for each {text}" if text else "")
    return chart_frame(chart, role, title=number, subtitle=subtitle)


def saved_chart(frame: pd.DataFrame, role: Roles, chart: dict[str, Any]) -> Any:
    """Draw a result as a saved query says: one mark, columns for x, y and colour."""
    names = {"x": chart["x"], "y": chart["y"], "colour": chart["colour"]}
    # columns of a result may have names that mean something to the chart's grammar
    shown = pd.DataFrame({axis: frame[name] for axis, name in names.items() if name in frame})
    kinds = {
        axis: "T"
        if pd.api.types.is_datetime64_any_dtype(shown[axis])
        else "Q"
        if pd.api.types.is_numeric_dtype(shown[axis])
        else "N"
        for axis in map(str, shown)
    }
    base = alt.Chart(shown)
    marks = {"line": base.mark_line(point=True), "bar": base.mark_bar(), "point": base.mark_point()}
    colour: Any = alt.value(role.forecast)
    if "colour" in shown:
        colour = alt.Color(f"colour:{kinds['colour']}", title=chart["colour"])
    drawn = marks[chart["mark"]].encode(
        x=alt.X(f"x:{kinds['x']}", title=chart["x"]),
        y=alt.Y(f"y:{kinds['y']}", title=chart["y"]),
        color=colour,
        tooltip=[alt.Tooltip(f"{axis}:{kinds[axis]}", title=str(names[axis])) for axis in kinds],
    )
    title = f"{chart['y']} by {chart['x']}"
    return chart_frame(drawn.properties(height=CHART_HEIGHT), role, title=title, subtitle="")
