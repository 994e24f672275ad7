import pytest

from alerts.addresses import Allowed, Target, check_url
from stocktide.foundation.errors import Invalid


def test_check_url_takes_https_apart() -> None:
    target = check_url("https://example.org:8443/a/b?c=d", Allowed())
    assert target == Target("https", "example.org", 8443, "/a/b?c=d")
    assert target.authority == "example.org:8443"
    assert target.url_at("2001:db8::1") == "https://[2001:db8::1]:8443/a/b?c=d"
    assert check_url("https://example.org", Allowed()).authority == "example.org"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.org/", "starts with https://.*WEBHOOK_ALLOW_HTTP"),
        ("ftp://example.org/", "starts with https://"),
        ("example.org", "starts with https://"),
        ("", "starts with"),
        ("https:///path", "names no host"),
        ("https://example.org:0/", "port 0"),
        ("https://example.org:99999/", "no URL"),
        ("https://[::1", "no URL"),
        ("https://user:pw@example.org/", "a user"),
        ("https://example.org/#x", "a fragment"),
        ("https://exa mple.org/", "no spaces"),
        ("https://ex\u00e4mple.org/", "ASCII"),
        ("https://example.org/\r\nX: y", "printable"),
        ("https://example.org/" + "x" * 2_000, "2,000"),
        ("https://127.0.0.1/", "no public address.*WEBHOOK_ALLOW_PRIVATE"),
        ("https://10.1.2.3/", "no public address"),
        ("https://169.254.169.254/latest/meta-data", "no public address"),
        ("https://100.64.0.1/", "no public address"),
        ("https://224.0.0.1/", "no public address"),
        ("https://0.0.0.0/", "no public address"),
        ("https://[::1]/", "no public address"),
        ("https://[fd00::1]/", "no public address"),
        ("https://[fe80::1]/", "no public address"),
        ("https://[::ffff:127.0.0.1]/", "no public address"),
        ("https://[2002:7f00:1::]/", "no public address"),
        ("https://[64:ff9b::10.0.0.1]/", "no public address"),
        ("https://[64:ff9b:1::10.0.0.1]/", "no public address"),
        ("https://[::10.0.0.1]/", "no public address"),
        ("https://[::ffff:0:10.0.0.1]/", "no public address"),
        ("https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/", "no public address"),
        ("https://[fec0::1]/", "no public address"),
        ("https://[5f00::1]/", "no public address"),
        ("https://[4000::1]/", "no public address"),
        ("https://192.0.0.192/opc/v2/instance/", "no public address"),
        ("https://168.63.129.16/", "no public address"),
    ],
)
def test_check_url_refuses_what_leads_elsewhere(url: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        check_url(url, Allowed())


@pytest.mark.parametrize(
    "host", ["93.184.215.14", "[2606:4700::1111]", "[64:ff9b::8.8.8.8]", "[2002:808:808::1]"]
)
def test_check_url_lets_public_addresses_through(host: str) -> None:
    assert check_url(f"https://{host}/", Allowed()).authority == host


def test_check_url_lets_through_what_the_settings_allow() -> None:
    assert check_url("http://10.0.0.1/", Allowed(http=True, private=True)).port == 80
    with pytest.raises(Invalid, match="no public address"):
        check_url("http://10.0.0.1/", Allowed(http=True))
