"""The script that Streamlit runs for every visitor: the shell around the pages."""

from pathlib import Path

import streamlit as st

from dashboard.shell import run_shell

st.set_page_config(
    page_title="Stocktide", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide"
)
run_shell()
