"""Prices: regular ones that change now and then, promotions, clearance before a product goes."""

from dataclasses import dataclass

import numpy as np

from data.arrays import CENT_MICROS, BoolArray, FloatArray, IntArray
from data.chain import Chain

PROMOTIONS_PER_YEAR = 4.0
PROMOTION_DAYS = (7, 14)
DISCOUNTS = (0.15, 0.20, 0.25, 0.30, 0.40)
PRICE_CHANGES_PER_YEAR = 1.2
PRICE_CHANGE_RANGE = (-0.06, 0.12)
NEW_PRODUCTS_SHARE = 0.08
GONE_PRODUCTS_SHARE = 0.06
CLEARANCE_DAYS = 28
CLEARANCE_DISCOUNT = 0.35


@dataclass(frozen=True)
class Lifecycle:
    """Days on which each product is sold: first <= day < last. Both (P,); last is D when it stays."""

    first: IntArray
    last: IntArray


@dataclass(frozen=True)
class Prices:
    """Price of each pair on each day.

    regular_micros, price_micros: (N, D), int64; promotion, clearance: (N, D).
    discount: (N, D), share of the regular price that is taken off.
    """

    regular_micros: IntArray
    price_micros: IntArray
    promotion: BoolArray
    clearance: BoolArray
    discount: FloatArray


def make_lifecycle(chain: Chain, *, n_days: int, rng: np.random.Generator) -> Lifecycle:
    """Choose the products that come late and those that go early."""
    n = len(chain.products)
    first, last = np.zeros(n, np.int64), np.full(n, n_days, np.int64)
    n_new, n_gone = round(NEW_PRODUCTS_SHARE * n), round(GONE_PRODUCTS_SHARE * n)
    chosen = rng.permutation(n)[: n_new + n_gone]
    first[chosen[:n_new]] = (n_days * rng.uniform(0.10, 0.80, n_new)).astype(np.int64)
    last[chosen[n_new:]] = (n_days * rng.uniform(0.35, 0.90, n_gone)).astype(np.int64)
    return Lifecycle(first=first, last=last)


def make_prices(
    chain: Chain, lifecycle: Lifecycle, *, n_days: int, rng: np.random.Generator
) -> Prices:
    """Draw the prices of every pair; shops of one region share prices and promotions."""
    n_regions = int(chain.region_of_shop.max()) + 1
    shape = (len(chain.products), n_regions, n_days)
    base = np.array([p.price_micros for p in chain.products], np.float64)
    regular = _charm(base[:, None, None] * _level(shape, rng))
    discount = draw_promotions(shape, rng)
    days_left = lifecycle.last[:, None] - np.arange(n_days)
    leaving = (lifecycle.last[:, None] < n_days) & (days_left <= CLEARANCE_DAYS)
    clearance = np.broadcast_to(leaving[:, None, :], shape)
    discount = np.where(clearance, CLEARANCE_DISCOUNT, discount)
    price = np.where(discount > 0, _charm(regular * (1 - discount)), regular)
    region = chain.region_of_shop[chain.shop_of]
    return Prices(
        regular_micros=regular[chain.product_of, region],
        price_micros=price[chain.product_of, region].astype(np.int64),
        promotion=((discount > 0) & ~clearance)[chain.product_of, region],
        clearance=clearance[chain.product_of, region],
        discount=discount[chain.product_of, region],
    )


def _level(shape: tuple[int, int, int], rng: np.random.Generator) -> FloatArray:
    """Draw the level of the regular price against the list price: a few steps a year."""
    steps = rng.random(shape) < PRICE_CHANGES_PER_YEAR / 365.25
    change = np.where(steps, np.log1p(rng.uniform(*PRICE_CHANGE_RANGE, shape)), 0.0)
    return np.asarray(np.exp(np.cumsum(change, axis=-1)), np.float64)


def draw_promotions(shape: tuple[int, int, int], rng: np.random.Generator) -> FloatArray:
    """Draw the discount of each product x region x day, 0 outside promotions; later starts win."""
    discount = np.zeros(shape)
    starts = np.argwhere(rng.random(shape) < PROMOTIONS_PER_YEAR / 365.25)
    starts = starts[np.argsort(starts[:, 2], kind="stable")]
    lengths = rng.choice(PROMOTION_DAYS, len(starts))
    depths = rng.choice(DISCOUNTS, len(starts))
    for (product, region, day), length, depth in zip(starts, lengths, depths, strict=True):
        discount[product, region, day : day + length] = depth
    return discount


def _charm(price_micros: FloatArray | IntArray) -> IntArray:
    """Round to a price that ends in 9 cents."""
    tens = np.maximum(np.round((price_micros / CENT_MICROS + 1) / 10), 1)
    return ((tens * 10 - 1) * CENT_MICROS).astype(np.int64)
