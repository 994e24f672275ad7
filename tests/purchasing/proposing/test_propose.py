"""From stock, terms and paths to explained lines on the desk."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from catalog.frames import read_frame
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.rates.rates import RateIn, put_rates
from ingest.recording.recording import Recorder
from ingest.terms import kind_of, put_rows
from purchasing.desk.lines import Decision
from purchasing.desk.listing import list_lines
from purchasing.desk.shell import Desk
from purchasing.proposing.arrays import Future
from purchasing.proposing.budgets import spent_of
from purchasing.proposing.facts import Doubt, read_facts
from purchasing.proposing.lead_days import order_days_of, supplying_of
from purchasing.proposing.prepare import Defaults
from purchasing.proposing.run import ReadFutures, from_today, propose_today
from replenishment import Explanation, recompute
from stocktide.entrypoints.ordering import recording
from stocktide.foundation.errors import NotFound
from stocktide.foundation.settings import Settings
from tests.ingest.samples import raw

TODAY = date(2026, 3, 2)
PATHS, DAYS = 200, 28


@pytest.fixture
def chain(database: sa.Engine) -> sa.Engine:
    """A and B are at S1, 20 of each; the mill sells A in dozens, nobody is known to sell B; 24 of A come on Friday."""
    with database.begin() as connection:
        put_products(
            connection,
            [
                ProductIn("A", category="Fruit", price="3", currency="EUR"),
                ProductIn("B"),
            ],
        )
        put_locations(connection, [LocationIn("S1")])
        put(
            connection,
            "suppliers",
            supplier="mill",
            currency="EUR",
            order_days="mon,thu",
            lead_days=3,
        )
        put(connection, "supplier-products", supplier="mill", product="A", price="1.50", pack=12)
    sent = [raw(kind="receipt", event_id=f"r{sku}", product=sku, quantity=20) for sku in "AB"] + [
        raw(
            kind="order",
            event_id="o",
            product="A",
            quantity=24,
            order_id="PO1",
            expected_on="2026-03-06",
        )
    ]
    outcomes = Recorder(database, Settings()).record("till", "", sent)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    return database


def put(connection: sa.Connection, kind: str, **told: Any) -> None:
    of = kind_of(kind)
    put_rows(connection, of, [msgspec.convert(told, of.shape)], by="test")


def futures(
    rate: Mapping[str, float | Sequence[float]], *, since: int = 0, frequency: str = "D"
) -> ReadFutures:
    """Poisson demand of each product and period; the forecast begins so many days before today."""

    def read() -> tuple[int, Iterator[Future]]:
        rng = np.random.default_rng(7)
        values = np.stack([rng.poisson(units, (PATHS, DAYS)) for units in rate.values()], axis=1)
        first = TODAY - timedelta(days=since)
        ends = (
            pd.date_range(first, periods=DAYS)
            if frequency == "D"
            else pd.date_range(first + timedelta(days=6), periods=DAYS, freq="7D")
        )
        leaves = pd.DataFrame({"product": list(rate)})
        return 3, iter(
            [
                from_today(
                    "S1", leaves, ends, values.astype(np.float32), frequency=frequency, today=TODAY
                )
            ]
        )

    return read


def propose(engine: sa.Engine, read: ReadFutures, **more: Any) -> dict[str, dict[str, Any]]:
    propose_today(engine, read, today=TODAY, defaults=Defaults(), by="test", **more)
    with engine.connect() as connection:
        return {line["product"]: line for line in list_lines(connection).lines}


def test_lines_explain_themselves_and_can_be_computed_again(chain: sa.Engine) -> None:
    found = propose(chain, futures({"A": 10.0, "B": 6.0}))
    a, b = found["A"], found["B"]
    why = a["explanation"]
    assert recompute(Explanation(**msgspec.convert(why["data"], dict))) == a["quantity"]
    assert a["quantity"] % 12 == 0
    assert why["sentence"].startswith("6 days' demand 60 ± ")
    assert "have 20 on hand + 24 due Fri 6 Mar" in why["sentence"]
    assert why["sentence"].endswith(f" of 12 = {a['quantity']:g}")
    assert why["from"] == {
        "supplier": "terms", "lead": "promised: 3 days", "target": "default: 95 % fill rate", "cost": "terms",
        "holding": "default: 25 % a year",
    }  # fmt: skip
    assert (a["supplier"], a["price"], a["amount"]) == ("mill", 1.5, 1.5 * a["quantity"])
    assert (b["supplier"], b["price"]) == ("unassigned", None)
    assert b["explanation"]["from"]["lead"] == "default: 7 days"
    assert b["explanation"]["from"]["supplier"] == "nobody is known to sell it"
    assert a["at_risk"] > 0


def test_chart_of_a_line_has_the_numbers_of_its_sentence(chain: sa.Engine) -> None:
    line = propose(chain, futures({"A": 10.0}))["A"]
    why = line["explanation"]
    without, having = np.array(why["without"]), np.array(why["with"])
    assert why["days"][:2] == ["2026-03-02", "2026-03-03"]
    assert np.allclose(without[:3], having[:3]), "before it arrives the order changes nothing"
    more = having - without
    assert (more >= 0).all()
    assert 0 < more[3, 1] <= more.max() <= line["quantity"]
    # 20 on hand less two days' demand of 10: about nothing is left, and 24 come on the fifth day
    assert without[1, 1] <= 5 < without[4, 1]


def test_terms_move_the_proposal(chain: sa.Engine) -> None:
    plain = propose(chain, futures({"A": 10.0}))["A"]["quantity"]
    with chain.begin() as connection:
        put(connection, "service-targets", product="A", measure="fill_rate", target=0.995)
    safer = propose(chain, futures({"A": 10.0}))["A"]
    assert safer["quantity"] > plain
    assert safer["explanation"]["from"]["target"] == "terms"
    with chain.begin() as connection:
        put(connection, "shelf-limits", product="A", capacity=20)
    limited = propose(chain, futures({"A": 10.0}))["A"]
    assert limited["quantity"] < safer["quantity"]
    with chain.begin() as connection:
        put(connection, "shelf-limits", product="A", last_order_on="2026-03-04")
    # today is a Monday, and the mill takes its next orders on Thursday
    last = propose(chain, futures({"A": 10.0}))["A"]
    told = "its last order: nothing is ordered after Wed 4 Mar 2026, and this one lasts as any does"
    assert last["explanation"]["notes"] == [told]
    with chain.begin() as connection:
        put(connection, "shelf-limits", product="A", last_order_on="2026-03-01")
    assert propose(chain, futures({"A": 10.0})) == {}


def test_supplier_that_takes_no_orders_today_is_left_to_its_day(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(
            connection,
            "supplier-days",
            supplier="mill",
            **{"from": "2026-03-02", "to": "2026-03-02"},
        )
    assert propose(chain, futures({"A": 10.0})) == {}


def test_each_shop_orders_by_its_own_clock_where_the_supplier_told_none(chain: sa.Engine) -> None:
    """At six in Berlin on a Tuesday it is Monday evening in Los Angeles, with a day left to order there."""
    with chain.begin() as connection:
        put_locations(
            connection,
            [
                LocationIn("LA", timezone="America/Los_Angeles"),
                LocationIn("S1", timezone="Europe/Berlin"),
            ],
        )
        put(connection, "suppliers", supplier="mill", currency="EUR", order_days="tue", lead_days=3)
        facts = read_facts(connection, today=TODAY)
    rows = pd.DataFrame(
        {"supplier": ["mill", "mill"], "timezone": ["America/Los_Angeles", "Europe/Berlin"]}
    )
    tuesday = TODAY + timedelta(days=1)
    found = {
        hour: order_days_of(
            rows, supplying_of(facts), TODAY, datetime(2026, 3, 3, hour, 15, tzinfo=UTC)
        )
        for hour in (5, 23)
    }
    assert found[5] == [tuesday, tuesday]
    # by a run at midnight in Berlin its Tuesday is over
    assert found[23] == [tuesday, None]


def test_day_on_which_nobody_takes_orders_proposes_nothing(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "supplier-products", supplier="mill", product="B")
        put(
            connection,
            "supplier-days",
            supplier="mill",
            **{"from": "2026-03-02", "to": "2026-03-02"},
        )
    assert propose(chain, futures({"A": 10.0, "B": 6.0})) == {}


def test_run_again_changes_nothing(chain: sa.Engine) -> None:
    first = propose(chain, futures({"A": 10.0, "B": 6.0}))
    again = propose(chain, futures({"A": 10.0, "B": 6.0}))
    same = ("line_id", "version", "quantity", "supplier", "at_risk")
    assert [[line[name] for name in same] for line in first.values()] == [
        [line[name] for name in same] for line in again.values()
    ]


@pytest.mark.parametrize("read", [lambda: futures({"A": 10.0}, since=DAYS)])
def test_forecast_that_is_over_is_named(chain: sa.Engine, read: Callable[[], ReadFutures]) -> None:
    with pytest.raises(NotFound, match="ends on 2026-03-01, before today"):
        propose(chain, read())


def test_forecast_of_some_days_ago_counts_from_today(chain: sa.Engine) -> None:
    late = propose(chain, futures({"A": 10.0}, since=5))["A"]
    assert late["explanation"]["days"][0] == TODAY.isoformat()


def test_amounts_of_other_currencies_are_compared_by_rates(chain: sa.Engine) -> None:
    """A supplier who is paid in yen: a margin of the two numbers as they stand would be a loss."""
    with chain.begin() as connection:
        put(
            connection,
            "supplier-products",
            supplier="mill",
            product="A",
            price=240,
            currency="JPY",
            pack=12,
        )
        put(connection, "service-targets", product="A", measure="least_cost")
    unknown = propose(chain, futures({"A": 10.0}))["A"]
    assert (unknown["price"], unknown["currency"], unknown["amount"]) == (
        240.0,
        "JPY",
        240.0 * unknown["quantity"],
    )
    assert "no rate of its currency is known" in unknown["explanation"]["from"]["cost"]
    with chain.begin() as connection:
        put_rates(connection, [RateIn("EUR", "JPY", date(2026, 3, 1), "160")], by="test")
    known = propose(chain, futures({"A": 10.0}))["A"]
    assert known["explanation"]["from"]["cost"] == "terms"
    # 1.50 a unit, as the price of the mill in euros was: at 3.00 selling, nothing is worth less than a pack
    assert known["quantity"] == unknown["quantity"] > 0
    assert known["explanation"]["sells_in"] == "EUR"


def test_line_says_when_its_stock_is_in_doubt(chain: sa.Engine) -> None:
    found = propose(
        chain,
        futures({"A": 10.0, "B": 6.0}),
        read_doubts=lambda: {("A", "S1"): Doubt(0.83, 19)},
    )
    assert found["A"]["explanation"]["doubt"] == {"chance": 0.83, "days_without": 19}
    assert found["B"]["explanation"]["doubt"] is None


def mill(connection: sa.Connection, **terms: Any) -> None:
    of = {"currency": "EUR", "order_days": "mon,thu", "lead_days": 3}
    put(connection, "suppliers", supplier="mill", **of, **terms)


def test_order_that_is_worth_too_little_is_filled_up_or_waits(chain: sa.Engine) -> None:
    own = propose(chain, futures({"A": 10.0}))["A"]["quantity"]
    with chain.begin() as connection:
        mill(connection, minimum_value=1.5 * (own + 6))
    filled = propose(chain, futures({"A": 10.0}))["A"]
    assert filled["quantity"] == own + 12
    why = filled["explanation"]
    assert why["data"]["proposed"] == recompute(Explanation(**why["data"])) == own
    assert (
        f"mill takes orders from EUR {1.5 * (own + 6):g} on: order {own + 12:g}" in why["sentence"]
    )
    with chain.begin() as connection:
        mill(connection, minimum_value=100_000)
    assert propose(chain, futures({"A": 10.0})) == {}
    with chain.connect() as connection:
        (detail,) = connection.execute(
            sa.text("SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1")
        ).one()
    assert detail["waiting"]["mill"].startswith("mill takes orders from EUR 100,000 on; EUR ")


@pytest.mark.parametrize("decided", ["snooze", "reject", "change"])
def test_what_buyers_decided_is_in_the_order_as_they_decided_it(
    chain: sa.Engine, decided: str
) -> None:
    read = futures({"A": 10.0, "B": 10.0})
    with chain.begin() as connection:
        put(connection, "supplier-products", supplier="mill", product="B", price="1.50", pack=12)
    own = propose(chain, read)
    a, b = own["A"]["quantity"], own["B"]["quantity"]
    told: dict[str, Any] = {"reason": "seen"}
    if decided == "snooze":
        told = {"until": TODAY + timedelta(days=9)}
    if decided == "change":
        told["quantity_milli"] = 96_000
    line = own["B"]
    decision = Decision(decided, "anna", line["version"], **told)  # type: ignore[arg-type]  # of the three
    with chain.begin() as connection:
        (done,) = Desk(recording(Recorder(chain, Settings()))).decide(
            connection, {line["line_id"]: decision}, today=TODAY
        )
        assert done.error is None
        # both together have more, A alone lacks a pack
        mill(connection, minimum_units=a + b if decided == "change" else a + 12)
    found = propose(chain, read)
    assert found["A"]["quantity"] == (a if decided == "change" else a + 12)
    with chain.connect() as connection:
        stored = connection.execute(
            sa.text(
                "SELECT state, proposed_milli, buyer_milli FROM order_lines WHERE product = 'B'"
            )
        ).one()
    states = {"snooze": "snoozed", "reject": "rejected", "change": "proposed"}
    # what stands beside a decision is what the line needs by itself
    assert (stored.state, stored.proposed_milli) == (states[decided], 1000 * b)


def test_minimum_that_is_met_changes_nothing(chain: sa.Engine) -> None:
    own = propose(chain, futures({"A": 10.0}))["A"]
    with chain.begin() as connection:
        mill(connection, minimum_value=own["amount"], minimum_units=own["quantity"])
    same = propose(chain, futures({"A": 10.0}))["A"]
    assert (same["quantity"], same["version"]) == (own["quantity"], own["version"])


def test_lower_price_of_more_is_taken_where_it_is_worth_the_holding(chain: sa.Engine) -> None:
    own = propose(chain, futures({"A": 10.0}))["A"]["quantity"]
    with chain.begin() as connection:
        put(
            connection,
            "price-breaks",
            supplier="mill",
            product="A",
            from_quantity=own + 12,
            price=1.2,
        )
    more = propose(chain, futures({"A": 10.0}))["A"]
    assert (more["quantity"], more["price"]) == (own + 12, 1.2)
    told = f"from {own + 12:g} together on, A costs 1.2 a unit instead of 1.5"
    assert told in more["explanation"]["sentence"]
    with chain.begin() as connection:
        put(
            connection,
            "price-breaks",
            supplier="mill",
            product="A",
            from_quantity=own + 12,
            price=1.49,
        )
        put(connection, "stock-costs", product="A", holding_rate=10)
    dear = propose(chain, futures({"A": 10.0}))["A"]
    assert (dear["quantity"], dear["price"]) == (own, 1.5)


def test_budget_goes_to_the_packs_that_return_most(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        mill(connection, buyer="anna")
        put(connection, "supplier-products", supplier="mill", product="B", price="3", pack=6)
    own = propose(chain, futures({"A": 10.0, "B": 8.0}))
    needed = sum(line["amount"] for line in own.values())
    budget = {"buyer": "anna", "from": "2026-03-01", "to": "2026-03-31", "currency": "EUR"}
    with chain.begin() as connection:
        put(connection, "buyer-budgets", amount=needed, **budget)
    enough = propose(chain, futures({"A": 10.0, "B": 8.0}))
    assert {sku: line["quantity"] for sku, line in enough.items()} == {
        sku: line["quantity"] for sku, line in own.items()
    }
    with chain.begin() as connection:
        put(connection, "buyer-budgets", amount=needed - 20, **budget)
    cut = propose(chain, futures({"A": 10.0, "B": 8.0}))
    assert 0 < sum(line["amount"] for line in cut.values()) <= needed - 20
    # B has no price that it sells at: what it is worth is not known, and A's packs return more
    assert cut["A"]["quantity"] == own["A"]["quantity"]
    why = f"EUR {needed - 20:g} are left of anna's budget until 2026-03-31"
    assert "B" not in cut or why in cut["B"]["explanation"]["sentence"]
    assert waiting(chain)["anna"] == f"{why}; EUR {needed:g} are needed today"


def test_amounts_without_a_rate_are_named_and_neither_summed_nor_compared(
    chain: sa.Engine,
) -> None:
    """A is bought in yen; the budget, the least order and another supplier's price are in euros."""
    with chain.begin() as connection:
        mill(connection, buyer="anna", minimum_value=250)
        put(connection, "suppliers", supplier="dairy", order_days="mon,thu", lead_days=3)
        offer = {"product": "A", "pack": 12}
        put(connection, "supplier-products", supplier="mill", price=2, currency="JPY", **offer)
        put(connection, "supplier-products", supplier="dairy", price=3, currency="EUR", **offer)
        put(connection, "stock-costs", product="A", shortage=100, currency="USD")
        budget = {"buyer": "anna", "from": "2026-03-01", "to": "2026-03-31"}
        put(connection, "buyer-budgets", amount=5, currency="EUR", **budget)
    line = propose(chain, futures({"A": 10.0}))["A"]
    told = line["explanation"]["from"]
    assert (line["supplier"], line["price"]) == ("dairy", 3), "2 yen are not known to be less"
    assert "no rate is known to compare its price" in told["supplier"]
    assert "what a shortage costs is not counted, no rate" in told["cost"]
    with chain.begin() as connection:
        put(
            connection,
            "supplier-products",
            supplier="dairy",
            price=3,
            currency="EUR",
            rank=2,
            **offer,
        )
    line = propose(chain, futures({"A": 10.0}))["A"]
    yen = f"JPY {2 * line['quantity']:g}"
    assert (line["supplier"], line["currency"]) == ("mill", "JPY")
    assert detail_of(chain, "waiting") == {}
    assert detail_of(chain, "not_counted") == {
        "anna": f"{yen} of today's lines are not counted in anna's budget of EUR: no rate is known",
        "mill": f"mill takes orders from EUR 250 on, and no rate is known for {yen} of today's order",
    }
    with chain.begin() as connection:
        put_rates(connection, [RateIn("EUR", "JPY", date(2026, 3, 1), "160")], by="test")
    propose(chain, futures({"A": 10.0}))
    assert detail_of(chain, "not_counted") == {}
    assert "mill takes orders from EUR 250 on" in detail_of(chain, "waiting")["mill"]


def test_terms_that_exclude_each_other_are_said(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "shelf-limits", product="A", location="S1", capacity=10)
    assert "A" not in propose(chain, futures({"A": 30.0}))
    assert detail_of(chain, "excluded") == {
        "shelf-limits": "Not ordered, since the least order is more than the shelf holds: A at S1 (12, 10 fit)"
    }
    assert read_frame(chain, "orders_waiting")["why"].iloc[0].startswith("Not ordered")


def test_what_was_spent_without_a_rate_is_named_beside_the_rest() -> None:
    spent = pd.DataFrame(
        [("EUR", 4e6), ("USD", 1e9), ("JPY", 160e6), (None, 0.0)],
        columns=["spent_in", "spent_micros"],
    )
    total, apart = spent_of(spent, "EUR", {("JPY", "EUR"): 1 / 160})
    assert total == pytest.approx(5e6)
    assert apart == ["USD 1,000 that were spent"]


def test_one_goal_of_all_lines_holds_more_of_what_is_steady(chain: sa.Engine) -> None:
    rates: dict[str, float | list[float]] = {
        "A": 30.0,
        "B": [0.0, 0.0, 0.0, 0.0, 40.0, 0.0, 0.0] * (DAYS // 7),
    }

    def ordered(**target: Any) -> dict[str, dict[str, Any]]:
        with chain.begin() as connection:
            put(connection, "supplier-products", supplier="mill", product="B", price="1.5")
            put(connection, "service-targets", **target)
        return propose(chain, futures(rates))

    goals = (0.8, 0.9, 0.97, 0.995)
    found = [ordered(measure="total_fill_rate", target=goal) for goal in goals]
    totals = [sum(quantities(lines).values()) for lines in found]
    assert totals == sorted(totals)
    assert totals[0] < totals[-1]
    why = found[2]["A"]["explanation"]
    assert why["from"]["target"] == "97 % of all that S1 sells, spread over its lines"
    assert why["data"]["target_of"] == "cycle service"
    assert recompute(Explanation(**msgspec.convert(why["data"], dict))) == found[2]["A"]["quantity"]


def test_no_more_arrives_on_a_day_than_can_be_put_away(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "supplier-products", supplier="mill", product="B", price="2", pack=6)
        put(connection, "stock-costs", product="B", shortage=9, currency="EUR")
    rates = {"A": 24.0, "B": 8.0}
    own = quantities(propose(chain, futures(rates)))
    # 24 of A are due on Friday; what is ordered on Monday comes on Thursday
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=sum(own.values()))
    assert quantities(propose(chain, futures(rates))) == own
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=sum(own.values()) - 13)
    cut = propose(chain, futures(rates))
    # two packs of A, whose units are missed least
    assert quantities(cut) == {**own, "A": own["A"] - 24}
    why = f"S1 can put away {sum(own.values()) - 13:g} units on Thu 5 Mar"
    assert why in cut["A"]["explanation"]["sentence"]
    assert waiting(chain)["S1 2026-03-05"] == f"{why}; {sum(own.values()):g} are needed"


def test_what_is_due_already_is_put_away_first(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=4)
    own = quantities(propose(chain, futures({"A": 40.0})))
    assert own["A"] > 12
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=24 + 12)
    cut = quantities(propose(chain, futures({"A": 40.0})))
    assert cut == {"A": 12}
    assert waiting(chain)["S1 2026-03-06"].endswith(
        f"{24 + own['A']:g} are needed, 24 of them due already"
    )
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=24 + 24)
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=4, minimum_units=36)
    assert quantities(propose(chain, futures({"A": 40.0}))) == {}
    assert "mill takes orders from 36 on" in waiting(chain)["mill"]


def test_what_later_days_have_no_room_for_comes_sooner(chain: sa.Engine) -> None:
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=3)
    fair = {"A": [20.0, 300.0, *[20.0] * (DAYS - 2)]}
    own = quantities(propose(chain, futures(fair)))
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=400)
    assert quantities(propose(chain, futures(fair))) == own
    with chain.begin() as connection:
        put(connection, "receiving-limits", location="S1", units_a_day=60)
    sooner = propose(chain, futures(fair))
    assert own["A"] < 36
    assert 48 <= sooner["A"]["quantity"] <= 60
    said = "S1 has no room for all that is needed later"
    assert said in sooner["A"]["explanation"]["sentence"]
    assert not waiting(chain)


def quantities(lines: dict[str, Any]) -> dict[str, float]:
    return {sku: line["quantity"] for sku, line in lines.items()}


def waiting(engine: sa.Engine) -> dict[str, str]:
    return detail_of(engine, "waiting")


def detail_of(engine: sa.Engine, name: str) -> dict[str, str]:
    with engine.connect() as connection:
        (detail,) = connection.execute(
            sa.text("SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1")
        ).one()
    said: dict[str, str] = detail[name]
    return said


@pytest.mark.parametrize(
    "least", [{"minimum_value": 500}, {"minimum_units": 1000}, {"minimum_value": 1}]
)
def test_an_order_that_is_less_than_its_supplier_takes_says_so(
    chain: sa.Engine, least: dict[str, int]
) -> None:
    line = propose(chain, futures({"A": 10.0}))["A"]
    with chain.begin() as connection:
        mill(connection, **least)
    approve = {line["line_id"]: Decision("approve", "anna", line["version"])}
    with chain.begin() as connection:
        (done,) = Desk(recording(Recorder(chain, Settings()))).decide(
            connection, approve, today=TODAY
        )
    assert done.line.state == "ordered"
    amount, units = f"{line['amount']:g}", f"{line['quantity']:g}"
    told = {
        "minimum_value": f"mill takes orders from EUR 500 on, and this one is of {amount}: it may refuse it.",
        "minimum_units": f"mill takes orders from 1,000 units on, and this one has {units}: it may refuse it.",
    }
    assert done.note == (told[next(iter(least))] if 1 not in least.values() else None)


def test_an_order_to_nobody_says_so(chain: sa.Engine) -> None:
    line = propose(chain, futures({"B": 6.0}))["B"]
    approve = {line["line_id"]: Decision("approve", "anna", line["version"])}
    with chain.begin() as connection:
        (done,) = Desk(recording(Recorder(chain, Settings()))).decide(
            connection, approve, today=TODAY
        )
    assert done.note is not None
    assert done.note.startswith("Nobody is known to sell B: PO-")


def approve_all(engine: sa.Engine) -> None:
    desk = Desk(recording(Recorder(engine, Settings())))
    with engine.begin() as connection:
        decisions = {
            line["line_id"]: Decision("approve", "anna", line["version"])
            for line in list_lines(connection).lines
        }
        decided = desk.decide(connection, decisions, today=TODAY)
    assert {one.line.state for one in decided} == {"ordered"}


@pytest.mark.parametrize("delivers", [None, "fri"])
def test_what_was_just_approved_is_not_proposed_again(
    chain: sa.Engine, delivers: str | None
) -> None:
    """Its lead time is random; it is expected on the day that its own chart says."""
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", delivery_days=delivers, currency="EUR")
        connection.execute(
            sa.text(
                "INSERT INTO lead_times (supplier, product, lines, shares, lake_version)"
                " SELECT 'mill', product, 40, '{0,0.1,0.2,0.3,0.2,0.2}', 1 FROM (VALUES (NULL), ('A')) p (product)"
            )
        )
    read = futures({"A": 40.0, "B": 6.0})
    first = propose(chain, read)
    assert first.keys() == {"A", "B"}
    approve_all(chain)
    assert propose(chain, read) == {}
    why = first["A"]["explanation"]
    with chain.connect() as connection:
        expected = connection.execute(
            sa.text(
                "SELECT expected_on FROM commitments JOIN products USING (product_id)"
                " WHERE sku = 'A' AND reference LIKE 'PO-%'"
            )
        ).scalar_one()
    assert expected.isoformat() == why["days"][why["lead_days"]]
    if delivers:
        assert f"{expected:%a}" == "Fri"


@pytest.mark.parametrize(("frequency", "expected"), [("D", 0), ("W", 0), ("W", 2), ("W", 5)])
def test_what_is_due_in_the_period_of_an_order_of_now_is_not_ordered_again(
    chain: sa.Engine, frequency: str, expected: int
) -> None:
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=0)
        put(connection, "supplier-products", supplier="mill", product="B", price="1.50")
    read = futures({"B": 30.0}, frequency=frequency)
    assert propose(chain, read)["B"]["quantity"] > 0
    # by telephone, and as a dispatch: of both the night knows the day
    day = str(TODAY + timedelta(days=expected))
    sent = raw(
        kind="order", event_id="tel", product="B", quantity=200, order_id="TEL-1", expected_on=day
    )
    assert Recorder(chain, Settings()).record("erp", "", [sent])[0].name == "accepted"
    assert propose(chain, read) == {}


def test_a_week_that_has_begun_has_the_days_that_are_left() -> None:
    """On a Thursday: four sevenths of this week's demand, and what comes on Monday is of the next."""
    monday, thursday = date(2026, 3, 2), date(2026, 3, 5)
    ends = pd.date_range(monday + timedelta(days=6), periods=3, freq="7D")
    leaves = pd.DataFrame({"product": ["A", "B"]})
    values = np.random.default_rng(1).poisson(70, (4000, 2, 3)).astype(np.float32)
    future = from_today("S1", leaves, ends, values, frequency="W", today=thursday)
    assert future.values[:, :, 0].mean(axis=0) == pytest.approx([40, 40], rel=0.01)
    assert (future.values == np.rint(future.values)).all()
    assert (future.values[:, :, 1:] == values[:, :, 1:]).all()
    days = np.array([0, 3, 4, 10, 11, 17, 18, 25])
    assert future.periods_of(days).tolist() == [0, 0, 1, 1, 2, 2, 3, 4]


@pytest.mark.parametrize("none", ["9999-12-31", "1000-01-01"])
def test_a_day_that_no_calendar_has_is_none(chain: sa.Engine, none: str) -> None:
    sent = [
        raw(kind="order", event_id="o2", product="B", quantity=2, order_id="P", expected_on=none),
        raw(kind="receipt", event_id="l", product="B", quantity=2, lot="L", expires_on=none),
    ]
    outcomes = Recorder(chain, Settings()).record("erp", "", sent)
    assert {one.name for one in outcomes} == {"accepted"}
    line = propose(chain, futures({"B": 6.0}))["B"]
    # as an order without a day: after the default lead time
    assert line["explanation"]["data"]["due"] == [[7, 2.0]]


def test_of_a_supplier_that_has_become_quicker_an_order_of_now_may_come_first(
    chain: sa.Engine,
) -> None:
    read = futures({"B": 20.0})
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=9)
        put(connection, "supplier-products", supplier="mill", product="B", price="1.50")
    propose(chain, read)
    approve_all(chain)
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR", lead_days=1)
        # some days ago
        connection.execute(
            sa.text("UPDATE purchase_orders SET ordered_at = ordered_at - interval '5 years'")
        )
    line = propose(chain, read)["B"]
    assert line["quantity"] > 0
    assert all(period >= 9 for period, _ in line["explanation"]["data"]["due"])


def test_what_is_years_late_covers_no_need(chain: sa.Engine) -> None:
    late = raw(
        kind="order",
        event_id="late",
        product="B",
        quantity=500,
        order_id="PO0",
        expected_on="2024-03-01",
    )
    assert Recorder(chain, Settings()).record("till", "", [late])[0].name == "accepted"
    line = propose(chain, futures({"B": 6.0}))["B"]
    assert line["explanation"]["notes"] == ["500 that were due Fri 1 Mar 2024 are not counted on"]
    assert line["quantity"] > 0


def test_what_has_no_forecast_is_counted_and_its_lines_stay(chain: sa.Engine) -> None:
    assert propose(chain, futures({"A": 10.0, "B": 6.0})).keys() == {"A", "B"}
    found = propose(chain, futures({"A": 10.0}))
    assert found.keys() == {"A", "B"}
    with chain.connect() as connection:
        detail = connection.execute(
            sa.text("SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1")
        ).scalar_one()
    assert detail["without_forecast"] == 1


def test_an_old_forecast_is_said_on_its_lines(chain: sa.Engine) -> None:
    fresh = propose(chain, futures({"A": 10.0}, since=13))["A"]
    assert fresh["explanation"]["notes"] == []
    old = propose(chain, futures({"A": 10.0}, since=14))["A"]
    told = "the forecast is of Sun 15 Feb 2026 and knows no sales since"
    assert old["explanation"]["notes"] == [told]


@pytest.mark.parametrize(
    ("came", "told"), [(4, "promised: 3 days"), (5, "learnt from 9 orders, 4 of them not here yet")]
)
def test_a_promise_holds_until_some_orders_have_come(
    chain: sa.Engine, came: int, told: str
) -> None:
    with chain.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO lead_times (supplier, product, lines, open_lines, shares, lake_version)"
                " VALUES ('mill', 'A', 9, 9 - :came, '{0,1}', 1)"
            ),
            {"came": came},
        )
    line = propose(chain, futures({"A": 40.0}))["A"]
    assert line["explanation"]["from"]["lead"] == told


@pytest.mark.parametrize(
    ("came", "shares", "told"),
    [
        (0, "{1}", "default: 7 days"),
        # a first box of one of them
        (0.5, "{1}", "default: 7 days"),
        (0, "{0,0,0,0,0,0,0,0,0,1}", "learnt from 2 orders, 2 of them not here yet"),
        (2, "{0,1}", "learnt from 2 orders"),
    ],
)
def test_without_a_promise_what_came_overrules_the_default(
    chain: sa.Engine, came: float, shares: str, told: str
) -> None:
    with chain.begin() as connection:
        put(connection, "suppliers", supplier="mill", currency="EUR")
        connection.execute(
            sa.text(
                "INSERT INTO lead_times (supplier, product, lines, open_lines, shares, lake_version)"
                " VALUES ('mill', 'A', 2, 2 - :came, :shares, 1)"
            ),
            {"came": came, "shares": shares},
        )
    line = propose(chain, futures({"A": 40.0}))["A"]
    assert line["explanation"]["from"]["lead"] == told


def test_what_is_promised_beyond_the_stock_is_ordered_too(chain: sa.Engine) -> None:
    read = futures({"B": 6.0})
    plain = propose(chain, read)["B"]
    kept = raw(kind="reservation", event_id="web", product="B", quantity=120, reservation_id="W1")
    assert Recorder(chain, Settings()).record("web", "", [kept])[0].name == "accepted"
    line = propose(chain, read)["B"]
    # 20 on hand would have been sold meanwhile, the other 100 are not there
    assert line["quantity"] >= plain["quantity"] + 100
    assert "have 20 on hand − 120 promised" in line["explanation"]["sentence"]
    assert line["explanation"]["without"][0][1] == -100


def test_nothing_is_said_of_lines_that_an_order_fits(chain: sa.Engine) -> None:
    assert propose(chain, futures({"A": 40.0}))
    assert detail_of(chain, "excluded") == {}
