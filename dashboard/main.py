"""The script that Streamlit runs for every visitor: the shell around the pages."""

from pathlib import Path

import streamlit as st
from altair.utils.schemapi import disable_debug_mode

from dashboard.shell import run_shell

# a check of every part of every chart against its schema, which tests make; it takes a tenth of a page's time
disable_debug_mode()

st.set_page_config(
    page_title="Stocktide", page_icon=str(Path(__file__).parent / "icon.svg"), layout="wide"
)
run_shell()
