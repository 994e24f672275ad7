import threading

import pytest
import sqlalchemy as sa

from forecasting.publishing.publish import publish
from forecasting.publishing.registry import (
    VersionChange,
    list_versions,
    promote,
    read_champion,
    rollback,
)
from stocktide.foundation.errors import Conflict, Invalid, NotFound, StocktideError
from tests.forecasting.publications import publication, scores_of


def published(engine: sa.Engine) -> tuple[int | None, int | None]:
    """The champion's version, and the run that readers see."""
    with engine.connect() as connection:
        champion = read_champion(connection)
        run = connection.execute(sa.text("SELECT forecast_run_id FROM published_forecast")).scalar()
    assert (champion.forecast_run_id if champion else None) == run
    return (champion.version if champion else None), run


def back(engine: sa.Engine, to: int | None = None) -> VersionChange:
    with engine.begin() as connection:
        return rollback(connection, by="anna", reason="it ordered too much", to=to)


def forward(engine: sa.Engine, version: int) -> VersionChange:
    with engine.begin() as connection:
        return promote(connection, version, by="anna", reason="we know better")


def test_rollback_points_to_the_champion_before_and_keeps_who_and_why(database: sa.Engine) -> None:
    first, second = (publish(database, publication(), run_id=None) for _ in range(2))
    assert published(database) == (2, second)
    outcome = back(database)
    assert outcome == VersionChange(1, first, True, 2, "it ordered too much")
    assert published(database) == (1, first)
    with database.connect() as connection:
        newest, oldest = list_versions(connection)
        decision = connection.execute(
            sa.text(
                "SELECT action, version, replaced, decided_by, reason FROM forecast_decisions"
                " ORDER BY decision_id DESC LIMIT 1"
            )
        ).one()
    assert tuple(decision) == ("rollback", 1, 2, "anna", "it ordered too much")
    assert (newest["version"], newest["status"], newest["kept"]) == (2, "retired", True)
    assert (oldest["version"], oldest["status"], oldest["decided_by"]) == (1, "champion", "anna")


def test_rollback_goes_on_backwards_and_a_named_version_forwards_again(database: sa.Engine) -> None:
    for _ in range(3):
        publish(database, publication(), run_id=None)
    assert back(database).version == 2
    assert back(database).version == 1
    with pytest.raises(Conflict, match="Version 1 is the first that was published") as refused:
        back(database)
    assert refused.value.code == "no_earlier_champion"
    assert back(database, to=3).version == 3
    with pytest.raises(Conflict, match="is the current version already"):
        back(database, to=3)


def test_rollback_refuses_what_was_never_champion_and_promote_takes_it(database: sa.Engine) -> None:
    good = {"scores": scores_of({"chosen": 0.5, "a": 0.5}), "choice": {"winner": "a"}}
    publish(database, publication(**good), run_id=None)
    lost = publish(database, publication(scores=scores_of({"chosen": 1.0, "a": 0.5})), run_id=None)
    with pytest.raises(Conflict, match="`stocktide forecast promote 2`") as refused:
        back(database, to=2)
    assert refused.value.code == "never_champion"
    assert forward(database, 2).forecast_run_id == lost
    assert published(database) == (2, lost)
    assert back(database).version == 1
    with pytest.raises(Conflict, match="current version already"):
        forward(database, 1)


def test_nothing_can_be_rolled_back_when_nothing_is_published(database: sa.Engine) -> None:
    with pytest.raises(Conflict, match="nothing to roll back") as refused:
        back(database)
    assert refused.value.code == "nothing_published"
    with pytest.raises(NotFound, match="no version 9"):
        forward(database, 9)


def test_a_pruned_version_is_refused(database: sa.Engine) -> None:
    for _ in range(5):
        publish(database, publication(), run_id=None)
    before = published(database)
    for act in (back, forward):
        with pytest.raises(Conflict, match="were dropped to save room") as refused:
            act(database, 1)
        assert refused.value.code == "version_pruned"
    assert published(database) == before


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501, "a\x00b"])
def test_a_reason_is_asked_for(database: sa.Engine, reason: str) -> None:
    publish(database, publication(), run_id=None)
    with database.begin() as connection, pytest.raises(Invalid, match="Enter a reason"):
        rollback(connection, by="anna", reason=reason)
    with database.begin() as connection, pytest.raises(Invalid, match="Enter a reason"):
        promote(connection, 1, by="anna", reason=reason)


def test_two_who_roll_back_at_once_do_not_skip_a_champion_unseen(database: sa.Engine) -> None:
    for _ in range(3):
        publish(database, publication(), run_id=None)
    start = threading.Barrier(2)
    done: list[int | str] = []

    def one() -> None:
        start.wait()
        try:
            done.append(back(database, to=2).version)
        except StocktideError as error:
            done.append(error.code)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, done)) == ["2", "version_published"]
    assert published(database)[0] == 2


def test_readers_are_not_held_up_while_somebody_decides(database: sa.Engine) -> None:
    for _ in range(2):
        publish(database, publication(), run_id=None)
    with database.begin() as deciding, database.connect() as reading:
        rollback(deciding, by="anna", reason="a test")
        reading.execute(sa.text("SET LOCAL statement_timeout = 2000"))
        seen = reading.execute(
            sa.text("SELECT version FROM forecast_models WHERE status = 'champion'")
        )
        assert seen.scalars().all() == [2]


def test_rollback_leads_to_what_was_replaced_last_when_an_old_version_came_back(
    database: sa.Engine,
) -> None:
    for _ in range(3):
        publish(database, publication(), run_id=None)
    forward(database, 1)
    assert back(database).version == 3
    assert back(database).version == 2
