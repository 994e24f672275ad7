"""The sample chain: its shops, departments and products, read from assortment.toml."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.arrays import CENT_MICROS, MILLI, FloatArray, IntArray, Row

CURRENCY = "EUR"


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop. `size` multiplies demand, `growth` is its trend per year (0.03 = 3 %)."""

    code: str
    name: str
    city: str
    region: str
    country: str
    timezone: str
    size: float
    growth: float


@dataclass(frozen=True, slots=True)
class Department:
    """One department: who delivers, how fast, and how its customers behave."""

    name: str
    code: str
    supplier: str
    weekday: tuple[float, ...]
    lead_time_days: tuple[int, int]
    late_share: float
    review: tuple[int, ...]
    elasticity: float
    returned_share: float
    expired_share: float


@dataclass(frozen=True, slots=True)
class Product:
    """One product. `daily_lines` are order lines a day in a shop of size 1, `case` units a case."""

    sku: str
    name: str
    category: str
    unit: str
    price_micros: int
    daily_lines: float
    case: int
    department: int
    season_peak: float
    season_amplitude: float
    extra_units: float


@dataclass(frozen=True)
class Chain:
    """The whole chain; pair number = product number * number of shops + shop number."""

    shops: tuple[Shop, ...]
    departments: tuple[Department, ...]
    products: tuple[Product, ...]

    @property
    def n_pairs(self) -> int:
        """Number of product x shop pairs, N."""
        return len(self.products) * len(self.shops)

    @cached_property
    def shop_of(self) -> IntArray:
        """Shop number of each pair, shape (N,)."""
        return np.tile(np.arange(len(self.shops)), len(self.products))

    @cached_property
    def product_of(self) -> IntArray:
        """Product number of each pair, shape (N,)."""
        return np.repeat(np.arange(len(self.products)), len(self.shops))

    @cached_property
    def department_of(self) -> IntArray:
        """Department number of each pair, shape (N,)."""
        return np.array([p.department for p in self.products])[self.product_of]

    @cached_property
    def region_of_shop(self) -> IntArray:
        """Region number of each shop, shape (S,); numbered in the order of first mention."""
        names = list(dict.fromkeys(shop.region for shop in self.shops))
        return np.array([names.index(shop.region) for shop in self.shops])

    @cached_property
    def weighed(self) -> IntArray:
        """1 for pairs that are sold by weight, else 0, shape (N,)."""
        return np.array([int(p.unit == "kg") for p in self.products])[self.product_of]

    @cached_property
    def case_milli(self) -> IntArray:
        """Quantity of one supplier's case of each pair, shape (N,)."""
        return np.array([p.case * MILLI for p in self.products])[self.product_of]

    def per_department(self, value: Callable[[Department], float]) -> FloatArray:
        """Spread a number of each department over the pairs, shape (N,)."""
        return np.array([float(value(d)) for d in self.departments])[self.department_of]

    def product_rows(self) -> list[Row]:
        """Return the products in the form of PUT /v1/products."""
        return [self._product_row(product) for product in self.products]

    def location_rows(self) -> list[Row]:
        """Return the shops in the form of PUT /v1/locations."""
        return [
            {
                "code": shop.code,
                "name": f"{shop.city} {shop.name}",
                "region": shop.region,
                "country": shop.country,
                "timezone": shop.timezone,
                "attributes": {"city": shop.city},
            }
            for shop in self.shops
        ]

    def _product_row(self, product: Product) -> Row:
        department = self.departments[product.department]
        return {
            "sku": product.sku,
            "name": product.name,
            "department": department.name,
            "category": product.category,
            "unit": product.unit,
            "price": product.price_micros / 1e6,
            "currency": CURRENCY,
            "attributes": {"supplier": department.supplier, "case": product.case},
        }


def load_chain() -> Chain:
    """Read the chain from assortment.toml."""
    tables = tomllib.loads(Path(__file__).with_name("assortment.toml").read_text("utf-8"))
    shops = tuple(Shop(**row) for row in tables["shops"])
    departments = tuple(_department(row) for row in tables["departments"])
    products = tuple(
        _product(number, row, index, tables["departments"][index])
        for index, department in enumerate(departments)
        for number, row in enumerate(tables["products"][department.name], start=1)
    )
    return Chain(shops=shops, departments=departments, products=products)


def _department(row: dict[str, Any]) -> Department:
    fields: Row = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
    del fields["categories"]
    return Department(**fields)


def _product(number: int, row: list[Any], index: int, department: dict[str, Any]) -> Product:
    name, category, unit, price, daily_lines, case = row
    peak, amplitude, extra_units = department["categories"][category]
    return Product(
        sku=f"{department['code']}-{number:03d}",
        name=name,
        category=category,
        unit=unit,
        price_micros=round(price * 100) * CENT_MICROS,
        daily_lines=daily_lines,
        case=case,
        department=index,
        season_peak=peak,
        season_amplitude=amplitude,
        extra_units=extra_units,
    )
