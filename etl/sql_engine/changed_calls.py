"""Functions and types that Spark names or computes otherwise: a change of the tree each, in the order of `CALLS`."""

from collections.abc import Callable, Sequence

from sqlglot import exp

Change = Callable[[exp.Expr], exp.Expr]
# As wide as DuckDB's HUGEINT, but for a last digit.
WHOLE = exp.DataType.build("DECIMAL(38, 0)", dialect="spark")


def whole_sums(tree: exp.Expr) -> exp.Expr:
    """Add up in WHOLE what ends as a BIGINT: Spark's sum of BIGINT is one, and fails where DuckDB's goes on."""
    for cast in tree.find_all(exp.Cast):
        if cast.is_type("bigint"):
            for total in cast.find_all(exp.Sum):
                if not isinstance(total.find_ancestor(exp.Window, exp.Cast), exp.Window):
                    total.set("this", exp.cast(total.this, WHOLE))
    return tree


def huge_integers(tree: exp.Expr) -> exp.Expr:
    """Take WHOLE for HUGEINT."""
    for cast in tree.find_all(exp.Cast):
        if cast.is_type("int128"):
            cast.set("to", WHOLE.copy())
    return tree


def whole_division(tree: exp.Expr) -> exp.Expr:
    """Divide whole numbers exactly. Spark's DIV gives a BIGINT, and so does it here where the divisor is a constant."""

    def divide(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, exp.IntDiv) or isinstance(node.expression, exp.Literal):
            return node
        a, b = (exp.cast(exp.paren(side.copy()), WHOLE) for side in (node.this, node.expression))
        # a quotient of decimals is rounded: without the remainder there is nothing to round
        exact = exp.Div(
            this=exp.paren(exp.Sub(this=a, expression=exp.Mod(this=a.copy(), expression=b))),
            expression=b.copy(),
        )
        return exp.cast(exact, WHOLE)

    return tree.transform(divide)


def signs(tree: exp.Expr) -> exp.Expr:
    """Keep the sign of a number whole: in Spark it is a DOUBLE."""
    return _each(tree, exp.Sign, lambda node: exp.cast(node.copy(), "INT"))


def time_zones(tree: exp.Expr) -> exp.Expr:
    """Tell the two meanings of DuckDB's timezone apart: of a local time, and of an instant; a cast says which it is.

    TRY around it goes: the engine shows no zone that Spark does not know.
    """

    def change(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Try):
            inner: exp.Expr = node.this.transform(change)
            return inner
        if not isinstance(node, exp.Anonymous) or node.name.lower() != "timezone":
            return node
        zone, time = node.expressions
        if not isinstance(time, exp.Cast):
            raise ValueError(f"cast it to TIMESTAMP or TIMESTAMPTZ: {node.sql('duckdb')}")
        local = time.is_type("timestampntz", "timestamp")
        name = "TO_UTC_TIMESTAMP" if local else "FROM_UTC_TIMESTAMP"
        instant = exp.cast(time.this.copy(), "TIMESTAMPLTZ")
        return exp.Anonymous(this=name, expressions=[instant, zone.copy()])

    return tree.transform(change)


def microseconds(tree: exp.Expr) -> exp.Expr:
    """Count microseconds since 1970 by Spark's function."""
    return _renamed(tree, "epoch_us", lambda of: exp.Anonymous(this="UNIX_MICROS", expressions=of))


def hashes(tree: exp.Expr) -> exp.Expr:
    """Hash rows by 64 bits. Spark skips what is NULL, so that is hashed as well."""

    def both(of: list[exp.Expr]) -> exp.Expr:
        parts = [part for value in of for part in (value, value.is_(exp.null()))]
        return exp.Anonymous(this="XXHASH64", expressions=parts)

    return _renamed(tree, "hash", both)


def known_values(tree: exp.Expr) -> exp.Expr:
    """Have arg_min and arg_max pass over rows whose value is NULL, as DuckDB does; a struct never is."""
    for node in list(tree.find_all(exp.ArgMax, exp.ArgMin)):
        if isinstance(node.this, exp.Struct):
            continue
        known = node.this.copy().is_(exp.null()).not_()
        if isinstance(node.parent, exp.Filter):
            where = node.parent.expression
            where.set("this", exp.and_(where.this, known))
        else:
            node.replace(exp.Filter(this=node.copy(), expression=exp.Where(this=known)))
    return tree


def ordered_lists(tree: exp.Expr) -> exp.Expr:
    """Sort a list of structs by their first field: Spark's list has no order."""
    for node in list(tree.find_all(exp.ArrayAgg)):
        if isinstance(node.this, exp.Order):
            struct, (by,) = node.this.this, node.this.expressions
            if struct.expressions[0].expression != by.this:
                raise ValueError(f"order a list by its first field: {node.sql('duckdb')}")
            found = exp.Anonymous(this="COLLECT_LIST", expressions=[struct.copy()])
            node.replace(exp.Anonymous(this="SORT_ARRAY", expressions=[found]))
    return tree


def _each(tree: exp.Expr, kind: type[exp.Expr], change: Change) -> exp.Expr:
    for node in list(tree.find_all(kind)):
        node.replace(change(node))
    return tree


def _renamed(tree: exp.Expr, name: str, change: Callable[[list[exp.Expr]], exp.Expr]) -> exp.Expr:
    def rename(node: exp.Expr) -> exp.Expr:
        ours = isinstance(node, exp.Anonymous) and node.name.lower() == name
        return change([part.copy() for part in node.expressions]) if ours else node

    return tree.transform(rename)


CALLS: Sequence[Change] = (
    whole_sums,
    huge_integers,
    whole_division,
    signs,
    time_zones,
    microseconds,
    hashes,
    known_values,
    ordered_lists,
)
