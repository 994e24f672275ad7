"""Imports: files that were read, with their sums beside the ledger's; and exports of a shop, dropped here."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.api_client import ask_api
from dashboard.feeds.fixing import SAID
from dashboard.reader import Reader
from dashboard.theme import plain, plural
from dashboard.widgets import OPENS, clicked, rows_key, table, time_column
from stocktide.foundation.users import User

SHOWN = 50
# In the session: the report of what was tried or imported last.
REPORT = "feeds.imports.report"
MAY_IMPORT = ("planner", "operator")
ABOUT = (
    "Orders, products and inventory of Shopify, purchase orders and suppliers of Stocky: each file is recognised by "
    "its header. Drop all parts of an export at once. The same file again changes nothing."
)
LINES = {
    "gross": "Lines before discounts",
    "discounts": "Discounts",
    "recorded": "Sales recorded",
    "subtotal_file": "Subtotal of the files",
    "difference": "Difference",
    "shipping": "Shipping",
    "taxes": "Taxes on top",
    "other": "Duties and others",
    "total_file": "Total of the files",
    "total": "Total that follows from what is recorded",
    "refunded": "Paid back",
    "returned": "… as returns",
    "refunded_shipping_and_taxes": "… their shipping and taxes",
    "refunded_of_unknown_goods": "… of unknown goods",
}


def imports_panel(reader: Reader, user: User) -> None:
    """Draw the form for those who may import, the report of what was chosen, and the newest imports."""
    st.header("Imports")
    if user.role in MAY_IMPORT:
        _form(reader)
    imports = read_frame(reader.engine, "imports", limit=SHOWN)
    if imports.empty:
        st.info("No file was imported yet. See docs/shopify.md and docs/mappings.md.")
    if (tried := st.session_state.get(REPORT)) is not None:
        _report("Preview: nothing is recorded yet" if tried["dry_run"] else "Imported", tried)
    if imports.empty:
        return
    st.subheader("Latest imports")
    rows = import_rows(imports)
    columns = {
        "started_at": time_column("Started"),
        "files": st.column_config.TextColumn("Files", width="large"),
        "state": "State",
        "accepted": "Recorded",
        "duplicate": "Known before",
        "refused": "Refused",
        "sums": "Sums",
    }
    key = f"feeds.imports.{rows_key(imports['run_id'])}"
    chosen = clicked(table(rows, key, columns, **OPENS), len(rows))
    if chosen is not None:
        _chosen(imports.iloc[chosen])


def _form(reader: Reader) -> None:
    st.markdown(ABOUT)
    with st.form("feeds.imports.form"):
        files = st.file_uploader(
            "Exports",
            type=["csv", "tsv"],
            accept_multiple_files=True,
            key="feeds.imports.files",
            # the API takes as much in one request
            max_upload_size=max(1, reader.settings.body_bytes_max // 2**20),
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            zone = st.text_input(
                "Time zone",
                st.context.timezone or "UTC",
                key="feeds.imports.zone",
                help="Of days without an offset, and of the business days of new locations.",
                width=240,
            )
            online = st.text_input(
                "Online sales leave from",
                key="feeds.imports.online",
                placeholder="The location with most stock",
                help="A location's name. The first import decides; later ones keep it.",
                width=260,
            )
            preview = st.form_submit_button("Preview", key="feeds.imports.preview")
            done = st.form_submit_button("Import", key="feeds.imports.import", type="primary")
    if not (preview or done):
        return
    if not files:
        st.warning("Choose the files first.")
        return
    said = {"timezone": zone.strip() or "UTC", "online": online.strip() or None, "dry_run": preview}
    _send(reader, files, said)


def _send(reader: Reader, files: Sequence[Any], options: Mapping[str, Any]) -> None:
    settings = reader.settings
    try:
        texts = [{"name": file.name, "text": file.getvalue().decode("utf-8-sig")} for file in files]
    except UnicodeDecodeError:
        st.warning("A file is not UTF-8. Export it again, or import it on the command line.")
        return
    body = {"files": texts, **options}
    path = "/v1/imports/shopify"
    answer, why = ask_api("POST", path, settings.api_address, settings.dashboard_key, body)
    if answer is None:
        st.warning(plain(why))
        return
    st.session_state[REPORT] = answer
    if not options["dry_run"]:
        recorded = answer["events"].get("accepted", 0)
        said = "Nothing new: all of it was recorded before."
        if recorded:
            events = plural(recorded, "event")
            said = f"{events} recorded. Figures follow after the next ETL: see System."
        st.session_state[SAID] = (answer["balances"], said)
        st.rerun()


def _chosen(row: "pd.Series[Any]") -> None:
    detail = row["detail"] or {}
    if row["error"]:
        st.warning(plain(str(row["error"])))
    if "reconciliation" in detail:
        _report(f"Import {row['run_id']}", detail)
    elif detail:
        counts = {name: detail[name] for name in ("read", "accepted", "rejected") if name in detail}
        st.json({**counts, "left_out": detail.get("left_out", {})})


def _report(title: str, report: Mapping[str, Any]) -> None:
    """Draw what an import found: its files, its sums, and what to know and do."""
    st.subheader(plain(title))
    files = pd.DataFrame(
        [
            [
                file["name"],
                file["kind"],
                file["read"],
                sum(file["left_out"].values()),
                file["refused"],
            ]
            for file in report["files"]
        ],
        columns=["File", "Recognised as", "Rows", "Left out", "Refused"],
    )
    table(files, f"feeds.imports.files.{title}", {})
    for currency, sums in report["reconciliation"].items():
        is_even = float(sums["difference"]) == 0
        st.markdown(
            plain(f"{currency}: {sums['orders']:,} orders, {sums['lines']:,} lines")
            + (" · sums agree to the cent" if is_even else " · **sums differ**")
        )
        amounts = {"Amount": st.column_config.TextColumn("Amount", alignment="right")}
        key = f"feeds.imports.sums.{title}.{currency}"
        table(sum_rows(sums), key, amounts, height="content", width=480)
    for note in [*report["notes"], *report.get("warnings", [])]:
        st.caption(plain(note))
    for reason, message in report.get("examples", {}).items():
        st.warning(plain(f"{reason}, for example: {message}"))
    if report["next"] and not report["dry_run"]:
        st.markdown("Next: " + " · ".join(f"`{step}`" for step in report["next"]))


def sum_rows(sums: Mapping[str, Any]) -> pd.DataFrame:
    """Return the lines of a reconciliation, those that are left out after what is recorded."""
    rows: list[list[str]] = []
    for name, words in LINES.items():
        rows.append([words, sums[name]])
        if name == "recorded":
            left_out = [key for key in sums if key.startswith("left_out: ")]
            rows += [[key.replace("left_out", "Left out"), sums[key]] for key in left_out]
    return pd.DataFrame(rows, columns=["Line", "Amount"])


def import_rows(imports: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each import: when, which files, and what became of their events."""
    rows = []
    for run in imports.to_dict("records"):
        detail = run["detail"] or {}
        counts = detail.get("events", detail)
        refused = counts.get("rejected", {})
        sums = "agree" if detail.get("balances") else "differ"
        rows.append(
            {
                "started_at": run["started_at"],
                "files": detail.get("file", ""),
                "state": run["status"],
                "accepted": counts.get("accepted", 0),
                "duplicate": counts.get("duplicate", 0),
                "refused": sum(refused.values()),
                "sums": sums if detail.get("reconciliation") else "",
            }
        )
    return pd.DataFrame(rows)
