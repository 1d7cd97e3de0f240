"""Whatever a server names, it is a path on that server, spelled in one way, or a trouble."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from apps.contacts.dav import paths
from apps.contacts.dav.troubles import PointsElsewhere, SourceMisbehaves, SourceTrouble
from apps.gate.client.addresses import Guard, Target

DAV = Target("https", "dav.example.com", 443, "")


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/ada/book/1.vcf", "/ada/book/1.vcf"),
        ("https://dav.example.com/ada/book/1.vcf", "/ada/book/1.vcf"),
        ("https://DAV.example.com:443/ada/", "/ada/"),
        ("https://dav.example.com", "/"),
        ("1.vcf", "/home/1.vcf"),
        ("/ada%40example.com/%c3%a4.vcf", "/ada@example.com/%C3%A4.vcf"),
        ("/ada@example.com/ä.vcf", "/ada@example.com/%C3%A4.vcf"),
        ("/a%2Fb/c d", "/a%2Fb/c%20d"),
    ],
)
def test_a_path_is_spelled_in_one_way(href: str, path: str):
    assert paths.on_server(href, DAV, "/home/") == path
    assert paths.on_server(path, DAV, "/home/") == path


@pytest.mark.parametrize(
    "href", ["https://evil.example/x", "http://dav.example.com/x", "//evil.example/x", "https://dav.example.com:8443/x", "https://dav.example.com.evil.example/"]
)
def test_another_host_is_another_host(href: str):
    with pytest.raises(PointsElsewhere):
        paths.on_server(href, DAV, "/")


@pytest.mark.parametrize("href", ["/../x", "/a/%2e%2E/x", "/./x", "/a\nb", "/a%0d%0aHost:x", "/%00", f"/{'x' * 2000}", "ftp:x/../../y"])
def test_what_leads_upwards_or_is_no_path_is_refused(href: str):
    with pytest.raises(SourceMisbehaves):
        paths.on_server(href, DAV, "/")


@given(some.text(max_size=60))
def test_whatever_it_says_it_is_a_safe_path_or_a_trouble(href: str):
    try:
        path = paths.on_server(href, DAV, "/home/")
    except SourceTrouble:
        return

    assert path.startswith("/")
    assert path.isascii()
    assert path.isprintable()
    assert not set(path) & set(" ?#\\\"<>")
    assert not {".", ".."} & set(path.split("/"))
    assert paths.spelled(path) == path


def test_an_address_names_a_server_and_a_path():
    target, path = paths.read_address(" HTTPS://dav.example.com:8443/ada@example.com/Default ", Guard.of(ports=[443, 8443]))

    assert (target.scheme, target.host, target.port, path) == ("https", "dav.example.com", 8443, "/ada@example.com/Default")
