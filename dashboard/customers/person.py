"""Who a customer is, for people with the right to see it: asked of the API in their name, shown once, kept nowhere."""

from typing import Any

import streamlit as st

from dashboard.api_client import ask_api
from dashboard.customers.asking import Scope
from dashboard.reader import session_text
from dashboard.theme import plain

AWAY = "The API does not answer, so this cannot be shown. See `stocktide status`."
REASON = "Looked up on the page Customers"
# What the API says of a customer beside the fields that name them.
ABOUT = ("pseudonym", "made_at", "erased_at")


def ask_as_user(scope: Scope, path: str, body: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Ask a route of customers in the name of who looks at the page: the page's own key may not."""
    return ask_api(
        "POST",
        f"/v1/customers/{path}",
        scope.reader.settings.api_address,
        None,
        body,
        away=AWAY,
        not_done="Not done",
        session=session_text(),
    )


def find_box(scope: Scope) -> None:
    """Offer the search for one customer: by pseudonym, and by the sender's id for those who may know ids."""
    with (
        st.form("customers.find", border=False, clear_on_submit=True),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        label = "Pseudonym or customer id" if scope.user.personal else "Pseudonym"
        asked = st.text_input(label, key="customers.asked", max_chars=500, width=320).strip()
        sent = st.form_submit_button("Find", icon=":material/search:")
    if not sent or not asked:
        return
    pseudonym, why = asked, ""
    if scope.user.personal and not asked.startswith("c_"):
        found, why = ask_as_user(scope, "find", {"id": asked, "reason": REASON})
        pseudonym = "" if found is None else str(found["pseudonym"])
    if not pseudonym:
        st.warning(plain(why))
        return
    st.query_params["customer"] = pseudonym
    st.rerun()


def who_box(scope: Scope, pseudonym: str) -> None:
    """Offer to show who a customer is, and to erase them; each is saved in the audit log with who asked."""
    if not scope.user.personal:
        st.caption(
            "You see customers by pseudonym. Whoever runs Stocktide can let you see who they are: "
            "`stocktide users personal NAME --reason …`."
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        reason = st.text_input("Reason", REASON, key="customers.reason", max_chars=1_000, width=320)
        shown = st.button(
            "Show who this is",
            key="customers.who",
            icon=":material/person:",
            disabled=not reason.strip(),
        )
    if shown:
        _show(scope, pseudonym, reason)
    _erase(scope, pseudonym)


def _show(scope: Scope, pseudonym: str, reason: str) -> None:
    """Write who it is into this run of the page alone: it goes with the next click."""
    known, why = ask_as_user(scope, "resolve", {"pseudonym": pseudonym, "reason": reason})
    if known is None:
        st.warning(plain(why))
        return
    if known["erased_at"] is not None:
        st.info(
            f"Erased at {known['erased_at'][:16].replace('T', ' ')} UTC: nobody can tell any more."
        )
        return
    lines = [
        f"- {plain(name)}: **{plain(str(value))}**"
        for name, value in known.items()
        if name not in ABOUT
    ]
    st.markdown("\n".join(lines))
    st.caption("Saved in the audit log. It disappears with your next click.")


def _erase(scope: Scope, pseudonym: str) -> None:
    with st.expander("Erase this customer"):
        st.markdown(
            "What says who this is will be destroyed, and nobody can undo it. Orders and sales stay under the "
            "pseudonym; "
            "predictions of this customer go."
        )
        reason = st.text_input("Reason for erasing", key="customers.erase.reason", max_chars=1_000)
        sure = st.checkbox(f"Erase {plain(pseudonym)} forever", key="customers.erase.sure")
        pressed = st.button(
            "Erase", key="customers.erase", type="primary", disabled=not (sure and reason.strip())
        )
    if not pressed:
        return
    done, why = ask_as_user(scope, "erase", {"pseudonym": pseudonym, "reason": reason})
    if done is None:
        st.warning(plain(why))
    else:
        st.success(f"{plain(pseudonym)} is erased. The worker writes over what is left.")
