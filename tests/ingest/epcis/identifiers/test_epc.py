import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.epcis.identifiers.epc import canonical, identify
from ingest.epcis.identifiers.identifier import check_digit, is_right
from ingest.epcis.identifiers.patterns import match_keys, query_key

HOST = "https://id.gs1.org"


@pytest.mark.parametrize(
    ("uri", "wanted"),
    [
        ("urn:epc:id:sgtin:4012345.012345.12", "01/04012345123456/21/12"),
        ("urn:epc:id:sgtin:4012345.012345.a%2Fb%3F", "01/04012345123456/21/a%2Fb%3F"),
        ("urn:epc:id:sgtin:4012345.012345.1.2", "01/04012345123456/21/1.2"),
        ("urn:epc:class:lgtin:4054739.099914.20160711", "01/04054739999148/10/20160711"),
        ("urn:epc:idpat:sgtin:4054739.099914.*", "01/04054739999148"),
        ("urn:epc:id:sgln:4012345.00011.0", "414/4012345000115"),
        ("urn:epc:id:sgln:4012345.00011.987", "414/4012345000115/254/987"),
        ("urn:epc:id:sgln:123456789012..7", "414/1234567890128/254/7"),
        ("urn:epc:id:pgln:4012345.00000", "417/4012345000009"),
        ("urn:epc:id:sscc:0614141.1234567890", "00/106141412345678908"),
        ("urn:epc:idpat:itip:4012345.012345.01.02.*", "8006/040123451234560102"),
        ("https://shop.example/x/01/4012345123456/10/L1/21/S%2F1?17=261231", "01/04012345123456/21/S%2F1"),
        ("https://example.com/gtin/4012345123456/lot/L1", "01/04012345123456/10/L1"),
        ("http://example.com/414/4012345000115/254/987", "414/4012345000115/254/987"),
        ("https://example.com/01/40170725/", "01/00000040170725"),
    ],
)  # fmt: skip
def test_canonical_gives_one_spelling_to_identifiers_of_gs1(uri: str, wanted: str) -> None:
    assert canonical(uri) == f"{HOST}/{wanted}"
    assert canonical(canonical(uri)) == canonical(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://transaction.acme.com/po/12345678",
        "urn:uuid:374d95fc-9457-4a51-bd6a-0bba133845a8",
        "urn:epc:id:sgtin:4012345.12345.1",
        "urn:epc:id:sgtin:4012345.012345.*",
        "urn:epc:id:sgtin:x.y.z",
        "urn:epc:id:sgtin:4012345",
        "urn:epc:idpat:sgtin:4012345.*.*",
        "urn:epc:id:sgtin:٤٠١٢٣٤٥.012345.1",
        "urn:epc:id:sscc:4012345.1",
        "urn:epc:id:nothing:4012345.1",
        "https://example.com/01/123",
        "https://example.com",
        "urn:",
        "https://example.com/00",
    ],
)
def test_canonical_leaves_other_addresses_alone(uri: str) -> None:
    assert identify(uri) is None
    assert canonical(uri) == uri


def test_identify_tells_gtin_lot_serial_and_gln() -> None:
    both = identify("https://example.com/01/04012345123456/10/L1/21/S1")
    assert both is not None
    assert (both.gtin, both.lot, both.serial) == ("04012345123456", "L1", "S1")
    place = identify("urn:epc:id:sgln:4012345.00011.987")
    assert place is not None
    assert (place.gln, place.qualifying) == ("4012345000115", "987")


@pytest.mark.parametrize(
    ("digits", "digit"),
    [("629104150021", "3"), ("0401234512345", "6"), ("4017072", "5"), ("10614141234567890", "8")],
)
def test_check_digit_is_that_of_known_keys(digits: str, digit: str) -> None:
    assert check_digit(digits) == digit
    assert is_right(digits + digit)


@given(digits=st.text("0123456789", min_size=7, max_size=17), place=st.integers(0, 16))
def test_check_digit_tells_every_single_wrong_digit(digits: str, place: int) -> None:
    key = digits + check_digit(digits)
    place %= len(key)
    wrong = key[:place] + str((int(key[place]) + 1) % 10) + key[place + 1 :]
    assert not is_right(wrong)


def test_wrong_check_digits_are_told() -> None:
    wrong = identify("https://example.com/01/04012345123457/21/1")
    assert wrong is not None
    assert not wrong.is_valid


@pytest.mark.parametrize(
    ("instance", "pattern"),
    [
        ("urn:epc:id:sgtin:4012345.012345.12", "urn:epc:id:sgtin:4012345.012345.12"),
        ("urn:epc:id:sgtin:4012345.012345.12", "https://example.com/01/04012345123456/21/12"),
        ("urn:epc:id:sgtin:4012345.012345.12", "urn:epc:idpat:sgtin:4012345.012345.*"),
        ("urn:epc:id:sgtin:4012345.012345.12", "https://example.com/01/04012345123456"),
        ("urn:epc:id:sgtin:4012345.012345.12", "urn:epc:idpat:sgtin:4012345.*.*"),
        ("urn:epc:id:sgtin:4012345.012345.12", "urn:epc:idpat:sgtin:*.*.*"),
        ("https://example.com/01/04012345123456/21/12", "urn:epc:idpat:sgtin:4012345.012345.*"),
        ("urn:epc:class:lgtin:4012345.012345.L1", "urn:epc:idpat:lgtin:4012345.012345.*"),
        ("urn:epc:class:lgtin:4012345.012345.L1", "urn:epc:idpat:lgtin:4012345.*.*"),
        ("urn:example:own:1", "urn:example:own:1"),
        ("https://example.com/01/04012345123456/21/12", "urn:epc:idpat:sgtin:4012345.*.*"),
        ("https://example.com/01/04012345123456/21/12", "urn:epc:idpat:sgtin:*.*.*"),
        ("https://example.com/01/04012345123456/10/L1", "urn:epc:idpat:lgtin:4012345.012345.*"),
        ("https://example.com/01/04012345123456/10/L1", "urn:epc:idpat:lgtin:4012345.*.*"),
        ("https://example.com/01/04012345123456/235/X", "urn:epc:idpat:upui:4012345.012345.*"),
        ("urn:epc:id:sscc:0614141.1234567890", "urn:epc:idpat:sscc:0614141.*"),
        ("urn:epc:id:sscc:0614141.1234567890", "urn:epc:idpat:sscc:0614141.1234567890"),
        ("https://example.com/00/106141412345678908", "urn:epc:idpat:sscc:0614141.*"),
        ("https://example.com/00/106141412345678908", "urn:epc:idpat:sscc:*.*"),
        ("urn:epc:id:grai:4012345.55555.987", "urn:epc:idpat:grai:4012345.55555.*"),
        ("https://example.com/8003/04012345555554987", "urn:epc:idpat:grai:4012345.55555.*"),
        ("https://example.com/8003/04012345555554987", "urn:epc:idpat:grai:4012345.*.*"),
        ("urn:epc:id:giai:4000001.12345", "urn:epc:idpat:giai:4000001.*"),
        ("https://example.com/8004/400000112345", "urn:epc:idpat:giai:4000001.*"),
        ("https://example.com/8004/400000X12345", "urn:epc:idpat:giai:400000.*"),
        ("urn:epc:id:cpi:0614141.11A%2FB.1234", "urn:epc:idpat:cpi:0614141.11A%2FB.*"),
        ("urn:epc:id:sgln:4012345.00011.0", "urn:epc:idpat:sgln:4012345.00011.*"),
        ("urn:epc:id:sgln:4012345.00011.987", "urn:epc:idpat:sgln:4012345.00011.*"),
        ("urn:epc:id:gdti:4012345.11111.987", "urn:epc:idpat:gdti:4012345.11111.*"),
        ("urn:epc:id:itip:4012345.012345.01.02.987", "urn:epc:idpat:itip:4012345.012345.01.02.*"),
        ("urn:epc:id:gsrn:4012345.0000000001", "urn:epc:idpat:gsrn:4012345.*"),
    ],
)
def test_patterns_match_what_is_theirs(instance: str, pattern: str) -> None:
    assert query_key(pattern, instances="lgtin" not in pattern) in match_keys(instance)


@pytest.mark.parametrize(
    "pattern",
    [
        "urn:epc:id:sgtin:4012345.012345.13",
        "urn:epc:idpat:sgtin:4012345.012346.*",
        "urn:epc:idpat:sgtin:4012346.*.*",
        "urn:epc:idpat:sgtin:401234.*.*",
        "urn:epc:idpat:lgtin:4012345.012345.*",
        "urn:epc:idpat:upui:4012345.012345.*",
        "urn:epc:idpat:sscc:*.*",
    ],
)
def test_patterns_match_nothing_else(pattern: str) -> None:
    assert query_key(pattern, instances=True) not in match_keys(
        "urn:epc:id:sgtin:4012345.012345.12"
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "urn:epc:idpat:sgtin:4012345.*.1",
        "urn:epc:idpat:sgtin:*.012345.*",
        "urn:epc:idpat:sgtin:4012345.*",
        "urn:epc:idpat:sgtin:40123.*.*",
        "urn:epc:idpat:sgtin:4012345.12345.*",
        "urn:epc:idpat:itip:4012345.012345.01.*.*",
        "urn:epc:idpat:nothing:4012345.*",
        "urn:epc:idpat:*",
    ],
)
def test_patterns_that_cannot_be_answered_are_told(pattern: str) -> None:
    with pytest.raises(ValueError, match="no pattern that can be answered"):
        query_key(pattern, instances=True)


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/news/2024/01/20240115",
        "https://example.com/archive/00/123456789012345678",
        "https://example.com/2024/414/1234567890123",
        "https://example.com/files/8003/20240115123456",
    ],
)
def test_numbers_in_the_path_of_a_host_are_no_keys(uri: str) -> None:
    assert identify(uri) is None
    assert identify(uri.replace("example.com", "id.gs1.org")) is not None


@given(text=st.text(max_size=60))
def test_identify_takes_any_text(text: str) -> None:
    for uri in (text, f"urn:epc:id:{text}", f"https://{text}", f"https://h/01/{text}"):
        if uri.encode("utf-8", "replace").decode() == uri:
            assert canonical(canonical(uri)) == canonical(uri)
