"""Who supplies a product to a location: another company, or a warehouse of our own."""

from typing import Any

import pandas as pd

from purchasing.proposing.facts import Facts
from purchasing.proposing.money import rates_of

# What a line takes from the offer that it goes by.
TERMS = [
    "supplier", "source", "price_micros", "offer_currency", "pack_milli", "minimum_milli", "multiple_milli",
    "lead_days", "is_unlike",
]  # fmt: skip


def offers_of(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Return rows with the offer that each goes by: by rank, a warehouse before others, then price; NaN without one.

    source: the location of a supplier that is our own, None for another company. is_centre: the location supplies
    the product to others itself, and is therefore supplied by other companies alone: there are two levels, and
    goods never go round. is_unlike: prices decide, and no rate compares them. Of several warehouses of one rank, that
    of the location's own region comes first.
    """
    offered = _offered(rows, facts)
    inner = offered[offered["source"].notna()]
    centres = pd.MultiIndex.from_frame(inner[["product", "source"]].astype(object))
    outer = offered[offered["source"].isna()].drop_duplicates("product")
    is_centre = pd.MultiIndex.from_frame(rows[["product", "location"]].astype(object)).isin(centres)
    bought = is_centre | ~rows["product"].isin(set(inner["product"])).to_numpy(bool)
    # most chains have no warehouse, and one offer a product is enough for them
    if bought.all():
        return rows.merge(outer[["product", *TERMS]], on="product", how="left").assign(
            is_centre=is_centre
        )
    regions = rows.drop_duplicates("location").set_index("location")["region"]
    chosen = pd.concat(
        [
            rows.loc[bought, ["product"]].reset_index().merge(outer, on="product"),
            _nearest(rows[~bought], offered.assign(near=offered["source"].map(regions))),
        ]
    ).set_index("index")
    return rows.join(chosen[TERMS]).assign(is_centre=is_centre)


def _offered(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Return what active suppliers offer, the first choice of each product first.

    Prices are compared in the currency that the product sells in; one that no rate turns into it comes after others.
    """
    suppliers, sold = facts.terms["suppliers"], facts.terms["supplier_products"]
    active = suppliers.loc[suppliers["active"].astype(bool), ["supplier", "location", "currency"]]
    known = active.rename(columns={"location": "source", "currency": "own_currency"})
    offered = sold.merge(known, on="supplier")
    offered["source"] = offered["source"].astype(object).where(offered["source"].notna(), None)
    offered["is_outer"] = offered["source"].isna()
    sells = offered["product"].map(rows.drop_duplicates("product").set_index("product")["currency"])
    asked_in = _first(offered["currency"], offered["own_currency"], sells)
    # of a product without a currency, in that of its first offer
    like = _first(sells, asked_in.groupby(offered["product"]).transform("first"))
    price = pd.to_numeric(offered["price_micros"])
    offered["price_like"] = price * rates_of(facts.rates, asked_in, like)
    by = ["product", "rank", "is_outer", "price_like", "price_micros", "supplier"]
    ranked = offered.sort_values(by).reset_index(drop=True)
    peers = ranked.groupby(["product", "rank", "is_outer"])
    lost = ranked["price_like"].isna() & ranked["price_micros"].notna()
    several = peers["supplier"].transform("size") > 1
    ranked["is_unlike"] = several & lost.groupby(peers.ngroup()).transform("any")
    return ranked.rename(columns={"currency": "offer_currency"})


def _first(*columns: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return for each row the first value that is known."""
    found = columns[0].astype(object)
    for column in columns[1:]:
        found = found.where(found.notna(), column)
    return found


def _nearest(rows: pd.DataFrame, offered: pd.DataFrame) -> pd.DataFrame:
    """Return the first offer of each row, by its index. near: the region of the warehouse that offers it."""
    every = (
        rows[["product", "region"]]
        .reset_index()
        .merge(offered.reset_index(names="place"), on="product")
    )
    every["is_far"] = every["is_outer"] | (every["near"] != every["region"])
    ranked = every.sort_values(["index", "rank", "is_outer", "is_far", "place"])
    return ranked.drop_duplicates("index")
