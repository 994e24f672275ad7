"""Demand of customers: the intensity of order lines, and the lines drawn from it."""

from dataclasses import dataclass

import numpy as np

from data.arrays import MILLI, BoolArray, FloatArray, IntArray, sum_before
from data.calendar import Calendar
from data.chain import Chain
from data.pricing import Lifecycle, Prices

# Shape of the gamma that mixes the Poisson: the variance of a day's lines is m + m² / DISPERSION.
DISPERSION = 5.0
# Weather and the like: one factor for a whole shop and day.
SHOP_DAY_SIGMA = 0.07
AFFINITY_SIGMA = 0.25
# Shelf display and leaflet, beyond what the lower price alone would do.
DISPLAY_UPLIFT = 1.35
NEW_PRODUCT_RAMP_DAYS = 40
LINES_PER_BASKET = 2.3
WEIGHT_SHAPE, WEIGHT_MEAN_KG = 3.0, 0.9
RETURN_LAG_DAYS = (1, 10)


@dataclass(frozen=True)
class Lines:
    """Order lines that customers want, sorted by day, then pair, then time; all of shape (L,).

    basket numbers the orders of the whole chain; return_day is the day on which the line comes
    back (-1: never); wanted_before is what the same pair's earlier lines of the day want.
    """

    pair: IntArray
    day: IntArray
    second: IntArray
    basket: IntArray
    quantity_milli: IntArray
    wanted_before: IntArray
    return_day: IntArray


def sold_days(chain: Chain, lifecycle: Lifecycle, *, n_days: int) -> BoolArray:
    """Return True where a pair is in the assortment on a day, shape (N, D)."""
    day = np.arange(n_days)
    first = lifecycle.first[chain.product_of, None]
    return (day >= first) & (day < lifecycle.last[chain.product_of, None])


def line_intensity(
    chain: Chain,
    calendar: Calendar,
    lifecycle: Lifecycle,
    prices: Prices,
    rng: np.random.Generator,
) -> FloatArray:
    """Compute the mean number of order lines of each pair and day, shape (N, D); 0 when closed or not sold."""
    n_days = calendar.days.size
    affinity = np.exp(rng.normal(0.0, AFFINITY_SIGMA, chain.n_pairs))
    daily = np.array([p.daily_lines for p in chain.products])[chain.product_of]
    size = np.array([s.size for s in chain.shops])[chain.shop_of]
    weather = np.exp(rng.normal(0.0, SHOP_DAY_SIGMA, (len(chain.shops), n_days)))
    growth = np.array([s.growth for s in chain.shops])[:, None] * np.arange(n_days) / 365.25
    shop_day = np.exp(growth) * weather * calendar.holiday_factor
    intensity = (daily * size * affinity)[:, None] * shop_day[chain.shop_of]
    intensity *= season(chain, calendar) * price_effect(
        chain, prices.price_micros, prices.promotion
    )
    intensity *= np.clip(_age(chain, lifecycle, n_days) / NEW_PRODUCT_RAMP_DAYS, 0.3, 1.0)
    return np.asarray(intensity * sold_days(chain, lifecycle, n_days=n_days), np.float64)


def season(chain: Chain, calendar: Calendar) -> FloatArray:
    """Compute the weekly and yearly pattern of each pair, shape (N, D), about 1 on average."""
    weekday = np.array([d.weekday for d in chain.departments])[:, calendar.weekday]
    peak = np.array([p.season_peak for p in chain.products])[:, None]
    amplitude = np.array([p.season_amplitude for p in chain.products])[:, None]
    yearly = np.exp(amplitude * np.cos(2 * np.pi * (calendar.day_of_year - peak) / 365.25))
    by_product = yearly / np.i0(amplitude)
    return np.asarray(weekday[chain.department_of] * by_product[chain.product_of], np.float64)


def draw_lines(
    chain: Chain, calendar: Calendar, intensity: FloatArray, rng: np.random.Generator
) -> Lines:
    """Draw the order lines: a negative binomial number a pair and day, put into baskets."""
    n_pairs, n_days = intensity.shape
    mixed = intensity * rng.gamma(DISPERSION, 1 / DISPERSION, intensity.shape)
    counts = rng.poisson(mixed).T.reshape(-1)
    cell = np.repeat(np.arange(n_days * n_pairs), counts)
    day, pair = cell // n_pairs, cell % n_pairs
    shop = chain.shop_of[pair]
    basket, second = _draw_baskets(calendar, shop, day, rng)
    quantity = _draw_quantities(chain, pair, rng)
    back = _draw_returns(chain, calendar, pair, day, rng)
    order = np.lexsort((basket, second, cell))
    quantity, cell = quantity[order], cell[order]
    return Lines(
        pair=pair[order],
        day=day[order],
        second=second[order],
        basket=basket[order],
        quantity_milli=quantity,
        wanted_before=sum_before(quantity, cell),
        return_day=back[order],
    )


def price_effect(chain: Chain, price_micros: IntArray, promotion: BoolArray) -> FloatArray:
    """Compute the factor of price and display on the mean demand of each pair and day, (N, D); 1 at list price.

    The price against the list price to the power of minus the department's elasticity, times DISPLAY_UPLIFT on
    promotion. price_micros, promotion: (N, D), as in `Truth`.
    """
    elasticity = chain.per_department(lambda d: d.elasticity)[:, None]
    listed = np.array([p.price_micros for p in chain.products])[chain.product_of, None]
    effect = (price_micros / listed) ** -elasticity
    return np.asarray(effect * np.where(promotion, DISPLAY_UPLIFT, 1.0), np.float64)


def _age(chain: Chain, lifecycle: Lifecycle, n_days: int) -> FloatArray:
    """Count the days since a product came; products of the first day count as old. Shape (N, D)."""
    first = lifecycle.first[chain.product_of, None]
    return np.where(first > 0, np.arange(n_days) - first + 1.0, np.inf)


def _draw_baskets(
    calendar: Calendar, shop: IntArray, day: IntArray, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Put lines into baskets of their shop and day, and baskets into the opening hours."""
    n_days = calendar.days.size
    shop_day = shop * n_days + day
    lines = np.bincount(shop_day, minlength=len(calendar.is_open) * n_days)
    baskets = np.ceil(lines / LINES_PER_BASKET).astype(np.int64)
    offset = np.cumsum(baskets) - baskets
    basket = offset[shop_day] + (rng.random(shop.size) * baskets[shop_day]).astype(np.int64)
    # Two humps: before noon and after work.
    evening = rng.random(int(baskets.sum())) < 0.6
    part = np.where(evening, rng.beta(6, 3, evening.size), rng.beta(2.5, 5, evening.size))
    opens, closes = calendar.opens_s[shop, day], calendar.closes_s[shop, day]
    return basket, opens + (part[basket] * (closes - opens - 1)).astype(np.int64)


def _draw_quantities(chain: Chain, pair: IntArray, rng: np.random.Generator) -> IntArray:
    """Draw the quantity of each line, (L,): whole units, or grams of what is weighed."""
    extra = np.array([p.extra_units for p in chain.products])[chain.product_of[pair]]
    units = (1 + rng.poisson(extra)) * MILLI
    grams = MILLI * rng.gamma(WEIGHT_SHAPE, WEIGHT_MEAN_KG / WEIGHT_SHAPE, pair.size)
    weight = np.maximum(grams.astype(np.int64), 50)
    return np.where(chain.weighed[pair] == 1, weight, units)


def _draw_returns(
    chain: Chain, calendar: Calendar, pair: IntArray, day: IntArray, rng: np.random.Generator
) -> IntArray:
    """Draw the day on which each line comes back, an open one, or -1; shape (L,)."""
    n_days = calendar.days.size
    share = chain.per_department(lambda d: d.returned_share)[pair]
    due = day + rng.integers(RETURN_LAG_DAYS[0], RETURN_LAG_DAYS[1] + 1, pair.size)
    comes_back = (rng.random(pair.size) < share) & (due < n_days)
    opened = calendar.next_open[chain.shop_of[pair], np.minimum(due, n_days - 1)]
    return np.where(comes_back & (opened < n_days), opened, -1)
