import pytest
import sqlalchemy as sa

from catalog.replays import keep_replay
from tests.catalog.test_replays import result
from tests.dashboard.conftest import Dashboard, charts_of, text_of


def test_policy_lab_says_how_to_make_a_first_replay(empty: Dashboard) -> None:
    drawn = empty.draw("policylab")
    assert "No replay has been made yet" in text_of(drawn)
    assert "Planners and operators" in text_of(empty.draw("policylab", role="viewer"))
    assert not empty.drawn.button


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_policy_lab_shows_the_newest_replay_and_lets_one_choose(
    empty: Dashboard, database: sa.Engine, theme: str
) -> None:
    with database.begin() as connection:
        for items in (11, 12):
            keep_replay(connection, result(items=items), by="ana")
    drawn = empty.draw("policylab", theme=theme)
    assert "12 lines over 26 weeks" in text_of(drawn)
    assert "20.0% less" in text_of(drawn)
    assert "Stock against service" in charts_of(drawn)[0]
    assert drawn.dataframe[0].value["policy"].tolist() == ["Stocktide", "(s, S), 28-day mean"]
    assert drawn.dataframe[1].value["product"].tolist() == ["<b>Jam</b>"]
    drawn.selectbox(key="policylab.replay").select_index(1).run()
    assert "11 lines over 26 weeks" in text_of(drawn)
