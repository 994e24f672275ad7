import re
from pathlib import Path

import pytest

from stocktide.foundation.errors import Invalid
from stocktide.foundation.settings import Settings, config_path, load_config, load_settings

DOCS = Path(__file__).parents[3] / "docs" / "settings.md"


def test_load_settings_gives_the_defaults_when_nothing_is_set() -> None:
    settings = load_settings()
    assert (settings.api_port, settings.home) == (8420, Path.home() / ".stocktide")
    assert settings.lake_root == str(settings.home / "lake")
    assert settings.api_address == "http://127.0.0.1:8420"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("STOCKTIDE_API_PROT", "Did you mean STOCKTIDE_API_PORT?"),
        ("STOCKTIDE_DATABSE_URL", "Did you mean STOCKTIDE_DATABASE_URL?"),
        ("STOCKTIDE_ZZZZZZZZZZZZ", r"See docs/settings\.md"),
    ],
)
def test_load_settings_suggests_a_name_when_a_variable_is_unknown(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.setenv(name, "1")
    with pytest.raises(Invalid, match=f"{name}, which is not a setting.*{said}"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("API_PORT", "eighty", "valid integer.*'eighty'"),
        ("API_PORT", "", "valid integer"),
        ("API_PORT", "0", "greater than or equal to 1.*'0'"),
        ("DASHBOARD_PORT", "65536", "less than or equal to 65535"),
        ("SESSION_HOURS", "721", "less than or equal to 720"),
        ("COOKIE_SECURE", "perhaps", "valid boolean"),
        ("TREND_HALF_LIFE_H", "0", "greater than 0"),
        ("TREND_HALF_LIFE_H", "nan", "finite"),
        ("TREND_HALF_LIFE_H", "inf", "finite"),
        ("OCCURRED_AT_MIN", "long ago", "valid datetime"),
        ("OCCURRED_AT_MIN", "1990-01-01", "timezone"),
        ("BODY_BYTES_MAX", "1e9", "valid integer"),
    ],
)
def test_load_settings_names_variable_and_value_when_it_is_wrong(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(f"STOCKTIDE_{name}", value)
    with pytest.raises(Invalid, match=said) as caught:
        load_settings()
    assert caught.value.message.startswith(f"STOCKTIDE_{name}: ")
    assert caught.value.exit_code == 2


def test_settings_cannot_be_changed_when_they_are_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        setattr(load_settings(), "api_port".lower(), 1)


def test_settings_show_no_secret_when_printed() -> None:
    shown = repr(load_settings(secret_key="s3cret-one" * 4, dashboard_key="s3cret-two"))
    assert "s3cret" not in shown


def test_home_is_absolute_when_it_is_said_from_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STOCKTIDE_HOME", "kept/here")
    assert load_settings().home == tmp_path / "kept" / "here"
    monkeypatch.setenv("STOCKTIDE_HOME", "~/kept")
    assert load_settings().home == Path.home() / "kept"


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_load_config_is_empty_when_there_is_no_file(workplace: Path) -> None:
    assert load_config(load_settings(home=workplace / "home")) == {}


def test_config_path_prefers_the_named_then_the_near_then_the_home(workplace: Path) -> None:
    home = workplace / "home"
    home.mkdir()
    (home / "stocktide.toml").touch()
    assert config_path(load_settings(home=home)) == home / "stocktide.toml"
    (workplace / "stocktide.toml").touch()
    assert config_path(load_settings(home=home)) == Path("stocktide.toml")
    named = workplace / "other.toml"
    named.touch()
    assert config_path(load_settings(home=home, config=named)) == named


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, "config_missing", "STOCKTIDE_CONFIG names .*stocktide.toml, which is not a file"),
        (b"[hierarchy\n", "config_syntax", r"stocktide\.toml: .*line 1"),
        ("# für".encode("latin-1"), "config_encoding", r"not UTF-8 text \(byte 3\)"),
        (b"[hierarchies]\n", "config_section", r"unknown section \[hierarchies\]"),
    ],
    ids=["missing", "bad TOML", "not UTF-8", "unknown section"],
)
def test_load_config_names_file_and_place_when_it_is_wrong(
    workplace: Path, content: bytes | None, code: str, said: str
) -> None:
    path = workplace / "mine" / "stocktide.toml"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Invalid, match=said) as caught:
        load_config(load_settings(config=path))
    assert caught.value.code == code


def test_config_that_is_a_folder_is_refused(workplace: Path) -> None:
    with pytest.raises(Invalid, match="not a file"):
        load_config(load_settings(config=workplace))


def documented() -> dict[str, list[str]]:
    """Cells of each row of the table in docs/settings.md, by variable."""
    rows = re.findall(
        r"^\| `(STOCKTIDE_\w+)` \| (.*) \| (.*) \|$", DOCS.read_text("utf-8"), re.MULTILINE
    )
    return {name: [default, description] for name, default, description in rows}


def shown_default(name: str) -> str:
    """A default as the table shows it."""
    default = Settings.model_fields[name].default
    if default is None:
        return "-"
    if name == "home":
        return "`~/.stocktide`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_settings_are_documented_with_default_and_description(name: str) -> None:
    described = Settings.model_fields[name].description
    assert described
    assert documented()[f"STOCKTIDE_{name.upper()}"] == [shown_default(name), described]


def test_docs_name_no_setting_when_there_is_none() -> None:
    assert set(documented()) == {f"STOCKTIDE_{name.upper()}" for name in Settings.model_fields}
