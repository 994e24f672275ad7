"""The script that Streamlit runs for every visitor: the shell around the pages."""

import streamlit as st

from dashboard.shell import run_shell

st.set_page_config(page_title="Stocktide", page_icon=":material/waves:", layout="wide")
run_shell()
