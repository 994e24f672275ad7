"""What a statement of the past reads: the lake's versions that stood at a moment, and no row that was not in them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa
from deltalake.exceptions import DeltaError

from query.jail.execution import BATCH_ROWS
from query.jail.orders import Handed
from query.lake_files import LAKE_INPUTS, handed_columns
from query.report_bound import bounded_database
from query.report_inputs import LIVE, OF_PAST, Versions, lay_out
from query.report_past import files_gone, past_versions
from query.snapshots import Snapshots
from query.sources import not_laid_out, spooled
from query.views import inputs_of
from stocktide.foundation.database import sql
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings


@dataclass
class PastSources:
    """Opens what the tables of one statement were made of at a moment, and says which run left it."""

    engine: sa.Engine
    snapshots: Snapshots
    lake: Lake
    settings: Settings
    at: datetime
    as_of: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def supply(self, tables: Sequence[str]) -> Iterator[list[Handed]]:
        """Open the inputs of some tables. Raises Invalid for what has no past, NotFound, TooLarge, Transient."""
        inputs, days_kept = inputs_of(tables), self.settings.lake_history_days
        with self.engine.connect() as connection:
            versions = past_versions(connection, self.lake, inputs, self.at, days_kept=days_kept)
        numbers = {f"{name}_version": number for name, number in versions.numbers.items()}
        self.as_of.update(numbers)
        if versions.past is not None:
            self.as_of.update(versions.past.said)
        with ExitStack() as stack:
            try:
                handed = self._open(stack, versions, inputs)
            except (FileNotFoundError, duckdb.IOException) as error:
                raise files_gone(self.at, days_kept) from error
            except (OSError, DeltaError, pa.ArrowException) as error:
                raise not_laid_out(error) from error
            yield handed

    def _open(self, stack: ExitStack, versions: Versions, inputs: set[str]) -> list[Handed]:
        handed = [
            stack.enter_context(versions.tables[name].opened(f"input_{name}"))
            for name in sorted(inputs & LAKE_INPUTS.keys())
        ]
        handed += [
            self._computed(stack, versions, name) for name in sorted(inputs & OF_PAST.keys())
        ]
        if LIVE in inputs:
            none = handed_columns("movements").empty_table()
            handed.append(spooled(stack, f"input_{LIVE}", none.to_reader()))
        masters = sorted(inputs - LAKE_INPUTS.keys() - OF_PAST.keys() - {LIVE})
        if masters:
            with self.snapshots.taken() as cursor:
                for name in masters:
                    cursor.execute(sql(f"query/read/{name}"))
                    handed.append(spooled(stack, f"input_{name}", cursor.fetch_record_batch()))
        return handed

    def _computed(self, stack: ExitStack, versions: Versions, name: str) -> Handed:
        with bounded_database(self.settings) as database:
            lay_out(database, self.snapshots, versions, {name})
            rows = database.sql(f'FROM "input_{name}"').to_arrow_reader(BATCH_ROWS)
            return spooled(stack, f"input_{name}", rows)
