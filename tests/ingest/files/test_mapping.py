from pathlib import Path

import pytest

from ingest.files.mapping import open_mapping, parse_mapping
from stocktide.foundation.errors import Invalid
from tests.ingest.tills import TILL, till


def test_parse_mapping_reads_every_part_when_it_is_sound() -> None:
    mapping = till()
    assert (mapping.name, mapping.timezone, mapping.source) == (
        "till",
        "Europe/Berlin",
        "till/file",
    )
    assert (mapping.kind[0].kind, mapping.leave_out[0].reason) == ("sale", "a test ring")
    assert mapping.line_within is None


@pytest.mark.parametrize("name", ["online_retail", "m5"])
def test_open_mapping_finds_the_shipped_one_by_name(name: str) -> None:
    assert open_mapping(name).name.replace("-", "_") == name


BAD: list[tuple[str, tuple[str, str], str, str]] = [
    ("bad TOML", ('name = "till"', 'name = "till'), "mapping_syntax", r"till\.toml: .*line 2"),
    ("missing key", ('name = "till"', ""), "mapping_key", r"till\.toml: .*`name`"),
    ("unknown key", ('source = "till/file"', 'source = "x"\ncolour = "red"'), "mapping_key", "`colour`"),
    ("unknown key inside", ('time = "moment"', 'time = "moment"\nzone = "UTC"'), "mapping_key", r"`zone`.*\$\.event"),
    ("wrong type", ('\nid = "id"', "\nid = 5"), "mapping_key", r"Expected `str`, got `int`.*\$\.event\.id"),
    ("table for a list", ("[[kind]]", "[kind]"), "mapping_key", r"\$\.kind"),
    ("unknown kind", ('kind = "sale"', 'kind = "gift"'), "mapping_kind", r"kind\[0\]: kind 'gift' is unknown.*sale"),
    ("unknown field of a kind", ('order_line = "line"', 'colour = "line"'), "mapping_field", r"kind\[0\]\.data\.col"),
    ("given field of a kind", ('order_line = "line"', 'location = "line"'), "mapping_field", r"data\.location"),
    ("unknown field of a product", ('sku = "sku"', 'sku = "sku"\nsize = "1"'), "mapping_field", r"product\.size"),
    ("no sku", ('[product]\nsku = "sku"', '[product]\nname = "sku"'), "mapping_field", r"product\.sku is missing"),
    ("no code", ('code = "shop"', 'name = "shop"'), "mapping_field", r"location\.code is missing"),
    ("unknown column type", ('quantity = "DOUBLE"', 'quantity = "FLOATY"'), "mapping_type", r"columns\.quantity"),
    ("columns alike", ('sku = "VARCHAR"', 'sku = "VARCHAR"\nSKU = "VARCHAR"'),
     "mapping_column", "columns.SKU: differs"),
    ("our column", ('sku = "VARCHAR"', 'sku = "VARCHAR"\n_row = "VARCHAR"'),
     "mapping_column", "columns._row: .*ours"),
    ("two delimiters", ('source = "till/file"', 'source = "x"\nfile.delimiter = ";;"'),
     "mapping_file", "file.delimiter: ';;'"),
    ("no encoding", ('source = "till/file"', 'source = "x"\nfile.encoding = "utf-9"'),
     "mapping_file", "'utf-9' is not known"),
    ("bytes as encoding", ('source = "till/file"', 'source = "x"\nfile.encoding = "base64"'),
     "mapping_file", "not known"),
    ("one mark for both", ('source = "till/file"', 'source = "x"\nfile.thousands = "."'),
     "mapping_file", "file.thousands"),
    ("no decimal mark", ('source = "till/file"', 'source = "x"\nfile.decimal = ";"'),
     "mapping_file", "file.decimal: ';'"),
    ("unknown option", ('source = "till/file"', 'source = "x"\nfile.header = 1'),
     "mapping_key", "`header`"),
    ("unknown line column", ('source = "till/file"', 'source = "x"\nline_within = "till"'), "mapping_column", "within"),
    ("unknown zone", ("Europe/Berlin", "Mars/Olympus"), "mapping_timezone", "'Mars/Olympus'"),
    ("folder of zones", ("Europe/Berlin", "Europe"), "mapping_timezone", "'Europe'"),
    ("path as zone", ("Europe/Berlin", "../../etc/localtime"), "mapping_timezone", "localtime"),
    ("empty zone", ("Europe/Berlin", ""), "mapping_timezone", "''"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code", "said"), [entry[1:] for entry in BAD], ids=[entry[0] for entry in BAD]
)
def test_parse_mapping_names_file_and_key_when_it_is_wrong(
    change: tuple[str, str], code: str, said: str
) -> None:
    with pytest.raises(Invalid, match=said) as caught:
        till(change)
    assert caught.value.code == code
    assert caught.value.message.startswith("till.toml: ")


def test_parse_mapping_asks_for_a_kind_when_none_is_said() -> None:
    text = TILL.partition("[[kind]]")[0].replace('source = "till/file"', 'source = "x"\nkind = []')
    with pytest.raises(Invalid, match=r"till\.toml: no \[\[kind\]\]"):
        parse_mapping(text, "till.toml")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.toml"])
def test_open_mapping_lists_the_shipped_ones_when_there_is_none(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match=r"No such file.*one of: m5, online_retail") as caught:
        open_mapping(str(tmp_path / name))
    assert name in caught.value.message


def test_open_mapping_names_the_path_when_it_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="Is a directory"):
        open_mapping(str(tmp_path))


def test_open_mapping_names_the_byte_when_it_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "till.toml"
    path.write_bytes(TILL.replace("test ring", "Prüfbon").encode("latin-1"))
    with pytest.raises(Invalid, match=r"till\.toml: not UTF-8 text \(byte \d+\)"):
        open_mapping(str(path))


def test_open_mapping_reads_a_path_when_it_is_ours(tmp_path: Path) -> None:
    path = tmp_path / "till.toml"
    path.write_text(TILL)
    assert open_mapping(str(path)) == till()


def test_files_that_were_taken_before_a_footer_could_be_declared_are_known() -> None:
    taken = "368d4591d06e9d7e5960e79394fdba5a371c1c32fc846324b9b549bfb40afa29"
    mapping = parse_mapping(TILL + '[file]\ndelimiter=";"\n', "till.toml")
    assert mapping.sha256().hex() == taken
