"""Clauses that Spark lacks or takes otherwise: a change of the tree each, in the order of `CLAUSES`."""

from collections.abc import Callable, Sequence

from sqlglot import exp

Change = Callable[[exp.Expr], exp.Expr]
# Spark allows these no frame.
FRAMELESS = (exp.Lag, exp.Lead)
NEXT = "asof_next"


def windows_in_place(tree: exp.Expr) -> exp.Expr:
    """Write each named window where it is used, without its frame where Spark allows none."""
    for select in tree.find_all(exp.Select):
        named = {window.name: window for window in select.args.get("windows") or ()}
        for window in select.find_all(exp.Window):
            found = named.get(window.alias)
            if found is None or window.parent_select is not select:
                continue
            window.set("alias", None)
            window.set("partition_by", [part.copy() for part in found.args["partition_by"]])
            for part in ("order", "spec"):
                window.set(part, found.args[part].copy() if found.args.get(part) else None)
            if window.find(*FRAMELESS) is not None:
                window.set("spec", None)
        select.set("windows", None)
    return tree


def counted_in_windows(tree: exp.Expr) -> exp.Expr:
    """Count over a window by a CASE: there is no FILTER in Spark's windows."""
    for window in tree.find_all(exp.Window):
        chosen = window.this
        if isinstance(chosen, exp.Filter) and isinstance(chosen.this, exp.Count):
            case = exp.Case().when(chosen.expression.this.copy(), exp.Literal.number(1))
            window.set("this", exp.Count(this=case, big_int=True))
    return tree


def looking_back(tree: exp.Expr) -> exp.Expr:
    """Look for the first value after a row as the last one before it in the opposite order.

    Spark reads all rows to come again for every row of a window that ends with the last one.
    """
    for window in tree.find_all(exp.Window):
        first, frame = window.find(exp.FirstValue), window.args.get("spec")
        if first is None or frame is None or frame.args.get("end_side") != "FOLLOWING":
            continue
        first.replace(exp.LastValue(this=first.this.copy()))
        for key in window.args["order"].expressions:
            key.set("desc", not key.args.get("desc"))
            key.set("nulls_first", not key.args.get("nulls_first"))
        begin = {"end": frame.args["start"]}
        if frame.args.get("start_side"):
            begin["end_side"] = "PRECEDING"
        frame.replace(
            exp.WindowSpec(kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", **begin)
        )
    return tree


def days_between(tree: exp.Expr) -> exp.Expr:
    """Make a row of each day of a series: none where it ends before it begins, which is an error in Spark.

    A cast of the days becomes one of first and last day: Spark casts no rows.
    """
    for rows in list(tree.find_all(exp.Explode)):
        series = rows.this
        if not isinstance(series, exp.GenerateSeries):
            continue
        first, last = series.args["start"], series.args["end"]
        if isinstance(rows.parent, exp.Cast):
            kind = rows.parent.to
            rows.parent.replace(rows)
            first, last = (exp.cast(part.copy(), kind.copy()) for part in (first, last))
        within = exp.GenerateSeries(start=first.copy(), end=last.copy(), step=series.args["step"])
        case = exp.Case().when(exp.LTE(this=first.copy(), expression=last.copy()), within)
        rows.set("this", case)
    return tree


def rows_in_queries(tree: exp.Expr) -> exp.Expr:
    """Compare several columns with a query's columns, not with one column of rows.

    What is not in a query is asked by a truth value: Spark then looks it up by a hash, and not by all pairs.
    """
    for found in tree.find_all(exp.In):
        query = found.args.get("query")
        select = None if query is None else query.this
        if select is None:
            continue
        (row,) = select.expressions
        if isinstance(row, exp.Tuple):
            select.set("expressions", [part.copy() for part in row.expressions])
        outer = found.parent
        while isinstance(outer, exp.Paren):
            outer = outer.parent
        if isinstance(outer, exp.Not):
            found.replace(exp.Coalesce(this=found.copy(), expressions=[exp.false()]))
    return tree


def newest_before(tree: exp.Expr) -> exp.Expr:
    """Join to the newest row up to a time: the one whose time has come, and whose successor's has not.

    The rows of the right side differ in the columns that they are joined by, and in their time.
    """
    for join in tree.find_all(exp.Join):
        if join.args.get("method") != "ASOF":
            continue
        of, on = join.this.alias_or_name, join.args["on"]
        (until,) = on.find_all(exp.GTE)
        time, when = until.this, until.expression
        columns = [side for equal in on.find_all(exp.EQ) for side in (equal.this, equal.expression)]
        parted = [exp.column(column.name) for column in columns if column.table == of]
        order = exp.Order(expressions=[exp.Ordered(this=exp.column(when.name), nulls_first=False)])
        following = exp.Window(
            this=exp.Lead(this=exp.column(when.name)), partition_by=parted, order=order
        )
        rows = exp.select("*", exp.alias_(following, NEXT)).from_(exp.to_table(join.this.name))
        after = exp.column(NEXT, table=of)
        newest = exp.or_(after.is_(exp.null()), exp.LT(this=time.copy(), expression=after.copy()))
        join.set("this", rows.subquery(of))
        join.set("on", exp.and_(on.copy(), newest))
        join.set("method", None)
    return tree


CLAUSES: Sequence[Change] = (
    windows_in_place,
    counted_in_windows,
    looking_back,
    days_between,
    rows_in_queries,
    newest_before,
)
