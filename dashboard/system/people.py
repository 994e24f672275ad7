"""People that sign in: roles, the right to see who customers are, last sign-ins; operators see them."""

import pandas as pd
import streamlit as st

from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.widgets import table, time_column
from stocktide.foundation.users import User, list_people


def people_panel(reader: Reader, user: User) -> None:
    """Draw who may sign in, to operators."""
    if user.role != "operator":
        return
    st.header("Users")
    people = read_people(reader)
    if people.empty:
        st.info("Nobody may sign in yet: `stocktide users create NAME`.")
        return
    st.caption(
        "`stocktide users` creates, changes and disables them. No role may see who customers are; `stocktide users "
        "personal` gives that right to one person, with a reason."
    )
    table(
        people,
        "system.people",
        {
            "username": st.column_config.TextColumn("User", pinned=True),
            "role": "Role",
            "state": "State",
            "personal": st.column_config.CheckboxColumn("Sees who customers are"),
            "signed_in_at": time_column("Last sign-in"),
            "created_at": time_column("Created"),
        },
        column_order=["username", "role", "state", "personal", "signed_in_at", "created_at"],
    )
    rows_foot(
        reader.clock(),
        rows_words(len(people), len(people), "user"),
        key="system.people.csv",
        file="users",
        read=lambda: read_people(reader),
    )


def read_people(reader: Reader) -> pd.DataFrame:
    """Read the people with their state in a word."""
    with reader.engine.connect() as connection:
        people = pd.DataFrame(list_people(connection))
    if people.empty:
        return people
    disabled = pd.to_datetime(people["disabled_at"], utc=True)
    return people.assign(
        state=disabled.isna().map({True: "may sign in", False: "disabled"}),
        disabled_at=disabled,
        signed_in_at=pd.to_datetime(people["signed_in_at"], utc=True),
        created_at=pd.to_datetime(people["created_at"], utc=True),
    )
