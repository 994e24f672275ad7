"""The page Customers over a real API: each tab, one customer, who may see who it is, and what erasing leaves."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
import sqlalchemy as sa
from deltalake import DeltaTable

from dashboard.customers import person
from forecasting.customer_values import forget_erased, value_customers
from stocktide.foundation.sessions import Sessions
from stocktide.foundation.users import Role, set_personal, set_user
from tests.dashboard.conftest import Dashboard, charts_of, click, text_of
from tests.dashboard.customers.conftest import SIGNING_KEY, Chain, with_settings
from tests.system.running import free_port

WHO = "customers.who"
ROLES: tuple[Role, ...] = ("viewer", "planner", "operator")
SAID: dict[str, tuple[int, int, list[str]]] = {
    "segments": (0, 1, ["All of them together: EUR ", "with 90% probability"]),
    "periods": (0, 1, ["Calendar months.", "10 of 10 periods"]),
    "cohorts": (1, 0, ["of customers bought again in the month after their first"]),
    "concentration": (1, 0, ["Of net sales, the best 1 % (1 customer) make"]),
    "customers": (0, 1, ["50 of 80 customers", "Page 1 of 2"]),
    "fit": (1, 0, ["BG/NBD, purchases a week: r ", "Gamma-Gamma", "were inside their interval"]),
}


@pytest.fixture
def signed_in(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Sign somebody in at the page, with the right or without; returns their name."""

    def sign_in(name: str, role: Role, *, personal: bool) -> str:
        sessions = Sessions(chain.engine, SIGNING_KEY, session_hours=1)
        with chain.engine.begin() as connection:
            set_user(connection, name, "a long password", role)
            if personal:
                set_personal(connection, name, given=True, by="root", reason="helps customers")
            cookie = sessions.begin(connection, name, None)
        monkeypatch.setattr(person, "session_text", lambda: cookie)
        return name

    return sign_in


def all_kept(valkey: "redis.Redis") -> str:
    """Everything in the cache, unpacked."""
    kept: list[bytes] = [valkey.get(key) or b"" for key in valkey.scan_iter()]  # type: ignore[misc]
    return repr(kept)


def whole(drawn: Any) -> str:
    """All that a page sends to the browser, tables and charts too."""
    frames = [table.value.to_csv() for table in drawn.dataframe]
    return "\n".join([text_of(drawn), *charts_of(drawn), *frames, repr(drawn.query_params)])


@pytest.mark.parametrize("tab", SAID)
def test_tab_says_its_finding(tab: str, page: Dashboard) -> None:
    charts, tables, said = SAID[tab]
    drawn = page.draw("customers", theme="dark", tab=tab)
    assert not drawn.error
    assert (len(charts_of(drawn)), len(drawn.dataframe)) == (charts, tables)
    words = (text_of(drawn) + "".join(charts_of(drawn))).replace("\\", "")
    assert [part for part in said if part not in words] == []
    assert "of net sales name no customer" in words
    assert len([one for one in page.queries if "customer_values" in one]) == 1


def test_a_row_leads_to_the_customer_and_the_list_turns_its_pages(
    page: Dashboard, chain: Chain
) -> None:
    drawn = page.draw("customers", tab="customers", sort="sales", page="2")
    assert "30 of 80 customers" in text_of(drawn)
    first = str(drawn.dataframe[0].value["customer"].iloc[0])
    click(drawn, "customer")
    drawn.run()
    assert drawn.query_params["customer"] == first
    one = page.draw("customers", customer=first)
    assert f"Customer {first.replace('_', chr(92) + '_')}" in text_of(one)
    assert len(one.dataframe) == 3
    assert "cust-" not in whole(one)
    orders = one.dataframe[1].value
    mine = chain.named[chain.named["pseudonym"] == first]
    assert set(orders["order_id"]) == set(mine["order"])


def test_page_says_what_is_missing(page: Dashboard, empty: Dashboard) -> None:
    assert "Customers appear here once sales that name them" in text_of(empty.draw("customers"))
    unknown = page.draw("customers", customer="c_nobody")
    assert "No customer of this pseudonym" in text_of(unknown)
    page.reader = with_settings(page.reader, api_url=f"http://127.0.0.1:{free_port()}")
    away = page.draw("customers")
    assert len(away.error) == 1


@pytest.mark.parametrize("role", ROLES)
def test_nobody_sees_who_a_customer_is_without_the_right(
    role: Role, page: Dashboard, chain: Chain, signed_in: Callable[..., str], valkey: "redis.Redis"
) -> None:
    name = signed_in(f"no-{role}", role, personal=False)
    pseudonym = str(chain.named["pseudonym"].iloc[0])
    drawn = page.draw("customers", role=role, customer=pseudonym)
    assert not [one for one in drawn.button if one.key in (WHO, "customers.erase")]
    assert "You see customers by pseudonym." in text_of(drawn)
    # the page as somebody would bend it who says that he may
    page.personal = True
    bent = page.draw("customers", role=role, customer=pseudonym)
    bent.button(key=WHO).click().run()
    assert f"{name} may not see who customers are" in bent.warning[0].value.replace("\\", "")
    assert "cust-" not in whole(bent)
    assert "cust-" not in all_kept(valkey)
    with chain.engine.connect() as connection:
        asked = connection.execute(
            sa.text("SELECT count(*) FROM customer_accesses WHERE asked_by LIKE :by"),
            {"by": f"{name}%"},
        )
        assert asked.scalar_one() == 0


def test_who_may_sees_it_for_one_click_and_it_is_noted(
    page: Dashboard, chain: Chain, signed_in: Callable[..., str], valkey: "redis.Redis"
) -> None:
    signed_in("ann", "viewer", personal=True)
    row = chain.named[chain.named["customer"] == "cust-7"].iloc[0]
    page.personal = True
    drawn = page.draw("customers", role="viewer")
    drawn.text_input(key="customers.asked").input("cust-7")
    next(one for one in drawn.button if one.label == "Find").click().run()
    assert drawn.query_params["customer"] == row["pseudonym"]
    assert "id: **cust-7**" not in text_of(drawn).replace("\\", "")
    drawn.button(key=WHO).click().run()
    assert "id: **cust-7**" in text_of(drawn).replace("\\", "")
    assert "cust-7" not in repr(drawn.query_params)
    assert "cust-7" not in all_kept(valkey)
    drawn.run()
    assert "id: **cust-7**" not in text_of(drawn).replace("\\", "")
    with chain.engine.begin() as connection:
        rows = connection.execute(
            sa.text(
                "SELECT action, pseudonym, asked_by FROM customer_accesses WHERE asked_by LIKE 'ann%' ORDER BY 1"
            )
        )
        found = [tuple(one) for one in rows]
        assert found == [
            (action, row["pseudonym"], "ann (signed in)") for action in ("find", "resolve")
        ]
        set_personal(connection, "ann", given=False, by="root", reason="left the team")
    # at once, whatever the page still believes
    drawn.button(key=WHO).click().run()
    assert "ann may not see who customers are" in drawn.warning[0].value.replace("\\", "")


def test_erasing_from_the_page_takes_the_prediction_along(
    page: Dashboard, chain: Chain, signed_in: Callable[..., str]
) -> None:
    signed_in("eve", "operator", personal=True)
    pseudonym = str(chain.named[chain.named["customer"] == "cust-9"]["pseudonym"].iloc[0])
    page.personal = True
    drawn = page.draw("customers", customer=pseudonym)
    assert drawn.button(key="customers.erase").disabled
    drawn.text_input(key="customers.erase.reason").input("asked by letter")
    drawn.checkbox(key="customers.erase.sure").check().run()
    drawn.button(key="customers.erase").click().run()
    assert "is erased" in drawn.success[0].value
    drawn.button(key=WHO).click().run()
    assert "nobody can tell any more" in text_of(drawn)
    assert forget_erased(chain.engine, chain.lake) == 1
    path = chain.lake.path("customer_values")
    assert pseudonym not in DeltaTable(path).to_pyarrow_table()["customer_id"].to_pylist()
    files = [file.read_bytes() for file in Path(path).rglob("*.parquet")]
    assert files
    assert not [one for one in files if pseudonym.encode() in one]
    value_customers(chain.engine, chain.lake)
    again = DeltaTable(path).to_pyarrow_table()["customer_id"].to_pylist()
    assert again
    assert pseudonym not in again
