"""Rules of approval with their scopes: which one a line goes by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from stocktide.foundation.database import statement

# What a rule is limited by, the narrowest first: one that names an earlier field is narrower, whatever else it names.
FIELDS = ("product", "supplier", "category", "department", "location", "region", "country", "abc")


@dataclass(frozen=True)
class ApprovalRule:
    """What is approved without a person. amount_micros_max: of a line, in the chain's currency.

    factor_max: how many times the usual order a line may be; change_max: how far its forecast may be from the one
    before, a share; None: any. limits: what it is about; what is left out does not limit it. approve: False keeps
    people to it.
    """

    name: str
    amount_micros_max: int
    factor_max: float | None = None
    change_max: float | None = None
    currency: str | None = None
    limits: Mapping[str, str] = field(default_factory=dict)
    approve: bool = True

    @property
    def by(self) -> str:
        """Return who stands in the history for it."""
        return f"rule {self.name}"

    @property
    def narrowness(self) -> tuple[bool, ...]:
        """Return what orders rules from wide to narrow."""
        return tuple(name in self.limits for name in FIELDS)

    def fits(self, scope: Mapping[str, str | None]) -> bool:
        """Return True if the rule is about a line of this scope."""
        return all(scope.get(name) == told for name, told in self.limits.items())


@dataclass(frozen=True)
class Rules:
    """Rules that are in force. default: where none of them is about a line."""

    scoped: Sequence[ApprovalRule] = ()
    default: ApprovalRule | None = None

    @property
    def is_on(self) -> bool:
        """Return True if some line may need no person."""
        return self.default is not None or any(rule.approve for rule in self.scoped)

    @property
    def compares(self) -> bool:
        """Return True if some rule asks how far a forecast is from the one before."""
        return any(rule.change_max is not None for rule in (*self.scoped, self.default) if rule)

    def of(self, scope: Mapping[str, str | None]) -> ApprovalRule | None:
        """Return the narrowest rule that is about a line of this scope."""
        fit = [rule for rule in self.scoped if rule.fits(scope)]
        return max(fit, key=lambda rule: rule.narrowness, default=self.default)


def read_rules(
    connection: sa.Connection, default: ApprovalRule | None, currency: str | None
) -> Rules:
    """Read the rules that are in force. currency: the chain's; default: of the settings."""
    rows = connection.execute(statement("purchasing/desk/approval_rules")).mappings()
    scoped = []
    for row in rows:
        limits = {name: str(row[name]) for name in FIELDS if row[name] is not None}
        rule = ApprovalRule(
            _named(limits),
            row["amount_micros"] or 0,
            row["factor"],
            row["change"],
            currency,
            limits,
            row["approve"],
        )
        scoped.append(rule)
    return Rules(scoped, default)


def _named(limits: Mapping[str, str]) -> str:
    """Name a rule by what it is about: "supplier mill, category Dairy"."""
    return ", ".join(f"{name} {told}" for name, told in limits.items()) or "all lines"
