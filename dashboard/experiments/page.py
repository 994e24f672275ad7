"""Experiments: which version should be published, on what evidence; who decided what; promote and roll back."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.experiments import (
    METRICS,
    against_naive,
    levels_won,
    main_metric,
    parameter_differences,
)
from catalog.frames import read_frame
from dashboard.api_client import decide_forecast
from dashboard.charts import draw_chart
from dashboard.experiments.figures import (
    STATUS,
    compare_versions,
    disagreement_tiles,
    drift_lines,
    version_history,
)
from dashboard.friendly_errors import isolated
from dashboard.glossary import tip
from dashboard.reader import Reader
from dashboard.theme import change, plain, plural, quantity, roles, when
from stocktide.domain.rhythm import rhythm_of
from stocktide.foundation.users import User

VERSIONS = 50
DECISIONS = 20
DRIFT_PERIODS = 60
COMPARED_MAX = 4
DISAGREEMENTS = 12
TILES_A_ROW = 3
# In the session: the result of an action, shown once after the page is drawn again.
SAID = "experiments.said"

# What was decided about a version that is not the champion, as the registry keeps it; its reason is below.
DECIDED = {
    "challenger": "not decided yet",
    "rejected": "not published",
    "retired": "published earlier, replaced since",
}


TITLE_TIPS = {"Current version": tip("current version"), "New version": tip("new version")}


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    models = read_frame(reader.engine, "models", limit=VERSIONS)
    if models.empty:
        st.info(
            "No forecast has been trained yet. Run `stocktide forecast`, or press “Retrain now” on the System page."
        )
        return
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(said)
    champion, rival = champion_and_rival(models)
    scores = read_frame(reader.engine, "backtest", runs=_runs(models), metrics=list(METRICS))
    metric, backtest = main_metric(scores)
    with isolated("the comparison"):
        _side_by_side(champion, rival, backtest)
    with isolated("decisions"):
        _decide(reader, user, models, champion)
    with isolated("versions"):
        _versions(reader, models, champion, backtest, metric)
    with isolated("version history"):
        _history(reader, models)
    with isolated("drift"):
        _drift(reader, champion)


def champion_and_rival(models: pd.DataFrame) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the champion and the newest other version; either may be missing."""
    rows: list[dict[str, Any]] = [
        {str(name): value for name, value in row.items()} for row in models.to_dict("records")
    ]
    champion = next((row for row in rows if row["status"] == "champion"), None)
    rival = next((row for row in rows if row["status"] != "champion"), None)
    return champion, rival


def _runs(models: pd.DataFrame) -> list[int]:
    return [int(run) for run in models["forecast_run_id"].dropna()]


def _side_by_side(
    champion: Mapping[str, Any] | None, rival: Mapping[str, Any] | None, backtest: pd.DataFrame
) -> None:
    left, right = st.columns(2, border=True)
    with left:
        _card("Current version", champion, "No version is published.")
        if champion is not None:
            st.caption(
                f"Published {when(champion['decided_at'])} by {plain(str(champion['decided_by']))}."
            )
            st.markdown(plain(str(champion["reason"])))
    with right:
        newer = rival is not None and (champion is None or rival["version"] > champion["version"])
        _card(
            "New version" if newer else "Previous version",
            rival,
            "There is no other version yet; the next training creates one.",
        )
        if rival is not None:
            if newer:
                st.markdown(f"Decision: **{DECIDED[rival['status']]}**")
            st.markdown(plain(str(rival["reason"])))
            won = _won(champion, rival, backtest) if newer else None
            if won is not None:
                st.caption(f"Lower error than the current version at {won[0]} of {won[1]} levels.")


def _card(title: str, model: Mapping[str, Any] | None, empty: str) -> None:
    if model is None:
        st.header(title)
        st.info(empty)
        return
    st.header(f"{title}: {model['version']}", help=TITLE_TIPS.get(title))
    cards = st.columns(3)
    cards[0].metric("Error (lower is better)", _number(model["score"], ".4f"), help=tip("wrmsse"))
    cards[1].metric("80 % coverage", _number(model["coverage_80"], ".0%"), help=tip("coverage"))
    cards[2].metric("Training time", _duration(model["seconds"]))
    st.caption(f"Trained to {model['cutoff']}, {STATUS[model['status']]}.")


def _number(value: Any, form: str) -> str:
    return "not tested" if pd.isna(value) else format(float(value), form)


def _duration(seconds: Any) -> str:
    if pd.isna(seconds):
        return "unknown"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _won(
    champion: Mapping[str, Any] | None, rival: Mapping[str, Any], backtest: pd.DataFrame
) -> tuple[int, int] | None:
    mine = backtest[backtest["forecast_run_id"] == rival["forecast_run_id"]]
    return levels_won(mine, champion["choice"] if champion else None)


def _decide(
    reader: Reader, user: User, models: pd.DataFrame, champion: Mapping[str, Any] | None
) -> None:
    st.header("Publish or roll back")
    if not user.plans:
        st.caption("Planners and operators can publish another version or roll back.")
        return
    kept = models[models["kept"] & (models["status"] != "champion")]
    if kept.empty or champion is None:
        st.caption("No other version has a stored forecast, so there is nothing to publish.")
        return
    reason = st.text_input(
        "Reason", key="experiments.reason", placeholder="Saved in the audit log", max_chars=500
    )
    back, forth = st.columns(2)
    before = champion["replaced"]
    with back:
        if pd.notna(before) and int(before) in kept["version"].tolist():
            st.caption(effect(champion, kept[kept["version"] == before].iloc[0]))
            if st.button(f"Roll back to version {int(before)}", key="experiments.rollback"):
                _order(reader, user, "rollback", reason, None)
        else:
            st.caption(
                "The forecast of the previous version is not stored, so there is no rollback."
            )
    with forth:
        chosen = st.selectbox(
            "Version to publish", kept["version"].tolist(), key="experiments.version"
        )
        st.caption(effect(champion, kept[kept["version"] == chosen].iloc[0]))
        if st.button("Publish it", key="experiments.promote"):
            _order(reader, user, "promote", reason, int(chosen))


def effect(champion: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Describe what readers would see change."""
    said = f"Version {other['version']}, trained to {other['cutoff']}"
    now, then = champion["units_a_day"], other["units_a_day"]
    if pd.isna(now) or pd.isna(then) or now == 0:
        return f"{said}."
    each = then * other["horizon_days"] / other["horizon"]
    rate = f"{quantity(round(each, 1))} {rhythm_of(other['frequency']).each()}"
    same_days = all(champion[name] == other[name] for name in ("cutoff", "horizon", "frequency"))
    against = (
        f", {change(then, now)} vs now"
        if same_days
        else ", not compared with now: the current version forecasts other days"
    )
    return f"{said}: {rate} in total{against}. You can roll back to version {champion['version']}."


def _order(reader: Reader, user: User, action: str, reason: str, version: int | None) -> None:
    if not reason.strip():
        st.warning("Enter a reason: it is saved in the audit log.")
        return
    st.session_state[SAID] = decide_forecast(
        action,
        reader.settings.api_address,
        reader.settings.dashboard_key,
        reason=reason,
        user=user.username,
        version=version,
    )
    st.rerun()


def _versions(
    reader: Reader,
    models: pd.DataFrame,
    champion: Mapping[str, Any] | None,
    backtest: pd.DataFrame,
    metric: str,
) -> None:
    st.header("Versions")
    st.caption(f"Latest {plural(len(models), 'version')}. Tick up to {COMPARED_MAX} to compare.")
    shown = models[["version", "status", "cutoff", "score", "coverage_80", "reason"]].assign(
        against=100 * (models["score"] / models["champion_score"] - 1),
        minutes=models["seconds"] / 60,
        status=models["status"].map(STATUS),
    )
    event = st.dataframe(
        shown[
            ["version", "status", "cutoff", "score", "against", "coverage_80", "minutes", "reason"]
        ],
        key="experiments.versions",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "version": st.column_config.NumberColumn("Version", pinned=True, format="%d"),
            "status": "Status",
            "cutoff": st.column_config.DateColumn("Trained to", format="YYYY-MM-DD"),
            "score": st.column_config.NumberColumn("Error", format="%.4f", help=tip("wrmsse")),
            "against": st.column_config.NumberColumn(
                "vs current version at the time",
                format="%+.1f %%",
                help="On the same days; below 0 is better.",
            ),
            "coverage_80": st.column_config.NumberColumn(
                "80 % coverage", format="percent", help=tip("coverage")
            ),
            "minutes": st.column_config.NumberColumn("Minutes", format="%.1f"),
            "reason": st.column_config.TextColumn("Decision", width="large"),
        },
    )
    ticked = models.iloc[[row for row in event["selection"]["rows"] if row < len(models)]]
    if len(ticked) > COMPARED_MAX:
        st.warning(f"{len(ticked)} versions are ticked; the first {COMPARED_MAX} are compared.")
        ticked = ticked.head(COMPARED_MAX)
    if ticked.empty:
        newest = models.head(2)["version"].tolist() + ([champion["version"]] if champion else [])
        ticked = models[models["version"].isin(newest)]
    _compare(ticked, backtest, metric)
    if len(ticked) == 2:
        _disagreements(reader, ticked)


def _compare(ticked: pd.DataFrame, backtest: pd.DataFrame, metric: str) -> None:
    gains = against_naive(backtest).merge(
        ticked[["version", "forecast_run_id"]], on="forecast_run_id"
    )
    if gains.empty:
        st.info(
            "No backtest is stored for these versions, so there is nothing to compare. The next training stores one."
        )
    else:
        chart = compare_versions(gains, roles(), metric=metric)
        draw_chart(chart, "experiments.compare")
    if len(ticked) > 1:
        different = parameter_differences(ticked)
        st.dataframe(
            different,
            key="experiments.parameters",
            hide_index=True,
            placeholder="",
            row_height=28,
        )


def _disagreements(reader: Reader, two: pd.DataFrame) -> None:
    """Draw the nodes where two versions, the newer one first, disagree most."""
    now, before = (row for _, row in two.sort_values("version", ascending=False).iterrows())
    st.markdown("**Largest differences**")
    if not (now["kept"] and before["kept"]):
        st.info(
            "The forecast of one of them is no longer stored, so they cannot be compared period by period."
        )
        return
    days = read_frame(
        reader.engine,
        "disagreements",
        now=int(now["forecast_run_id"]),
        before=int(before["forecast_run_id"]),
        limit=DISAGREEMENTS,
    )
    if days.empty:
        st.info("Both forecast the same for every item, or have no period in common.")
        return
    rhythm = rhythm_of(now["frequency"])
    tiles = disagreement_tiles(days, roles(), rhythm)
    st.caption(
        f"{plural(len(tiles), 'item')}, {rhythm.each()} over the {rhythm.counted(days['ds'].nunique())} "
        "forecast by both. "
        f"Blue: version {now['version']}. Dashed: version {before['version']}. "
        "Largest difference first, in widths of their own 80 % intervals; "
        f"items below one unit a {rhythm.one} come last."
    )
    for start in range(0, len(tiles), TILES_A_ROW):
        row = st.columns(TILES_A_ROW)
        for index, tile in enumerate(tiles[start : start + TILES_A_ROW]):
            key = f"experiments.disagreement.{start + index}"
            with row[index]:
                draw_chart(tile, key)


def _history(reader: Reader, models: pd.DataFrame) -> None:
    st.header("Version history")
    scored = models.dropna(subset=["score"])
    if len(scored) > 1:
        columns = ["version", "cutoff", "score", "status"]
        chart = version_history(scored[columns], roles())
        draw_chart(chart, "experiments.history")
    decisions = read_frame(reader.engine, "decisions", limit=DECISIONS)
    st.dataframe(
        decisions,
        key="experiments.decisions",
        hide_index=True,
        placeholder="",
        row_height=28,
        column_config={
            "decided_at": st.column_config.DatetimeColumn(
                "When (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC"
            ),
            "action": "Action",
            "version": st.column_config.NumberColumn("Version", format="%d"),
            "replaced": st.column_config.NumberColumn("Replaced", format="%d"),
            "decided_by": "By",
            "reason": st.column_config.TextColumn("Reason", width="large"),
        },
    )


def _drift(reader: Reader, champion: Mapping[str, Any] | None) -> None:
    st.header("Drift", help=f"{tip('drift')} {tip('wape')}")
    drift = read_frame(reader.engine, "drift", periods=DRIFT_PERIODS)
    judged = drift.dropna(subset=["wape"])
    if judged.empty:
        many = rhythm_of(champion["frequency"] if champion else "D").many
        st.info(
            f"No actuals yet for the forecast {many}. Forecast and actuals are compared every hour; "
            "run `stocktide forecast drift` to compare them now."
        )
        return
    names = judged["level_name"].unique().tolist()
    level = st.selectbox("Level", names, key="experiments.drift.level")
    rhythm = rhythm_of(judged["frequency"].iloc[0])
    mine = judged[judged["level_name"] == level]
    chart = drift_lines(mine, roles(), level_name=str(level), rhythm=rhythm)
    draw_chart(chart, "experiments.drift")
