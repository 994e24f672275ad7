"""Who supplies a product to a location: another company, or a warehouse of our own."""

import pandas as pd

from purchasing.proposing.facts import Facts

# What a line takes from the offer that it goes by.
TERMS = [
    "supplier", "source", "price_micros", "offer_currency", "pack_milli", "minimum_milli", "multiple_milli",
    "lead_days",
]  # fmt: skip


def offers_of(rows: pd.DataFrame, facts: Facts) -> pd.DataFrame:
    """Return rows with the offer that each goes by: by rank, a warehouse before others, then price; NaN without one.

    source: the location of a supplier that is our own, None for another company. is_centre: the location supplies
    the product to others itself, and is therefore supplied by other companies alone: there are two levels, and
    goods never go round. Of several warehouses of one rank, that of the location's own region comes first.
    """
    offered = _offered(facts)
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


def _offered(facts: Facts) -> pd.DataFrame:
    """Return what active suppliers offer, the first choice of each product first."""
    suppliers, sold = facts.terms["suppliers"], facts.terms["supplier_products"]
    active = suppliers.loc[suppliers["active"].astype(bool), ["supplier", "location"]]
    offered = sold.merge(active.rename(columns={"location": "source"}), on="supplier")
    offered["source"] = offered["source"].astype(object).where(offered["source"].notna(), None)
    offered["is_outer"] = offered["source"].isna()
    ranked = offered.sort_values(["product", "rank", "is_outer", "price_micros", "supplier"])
    return ranked.rename(columns={"currency": "offer_currency"}).reset_index(drop=True)


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
