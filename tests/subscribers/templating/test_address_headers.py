"""A `From` header holds one address, whatever its name says."""

import pytest

from subscribers.templating import mail
from subscribers.wire import addresses


def test_an_address_header_holds_one_address_and_an_encoded_name() -> None:
    assert mail.address_header('Ada, "L"', "a@x.io") == '"Ada, \\"L\\"" <a@x.io>'
    assert mail.address_header("Ada\r\nBcc: b@x.io", "A@bücher.de") == (
        '"Ada Bcc: b@x.io" <A@xn--bcher-kva.de>'
    )
    assert mail.address_header("Ä", "a@x.io") == "=?utf-8?b?w4Q=?= <a@x.io>"


@pytest.mark.parametrize("address", ["a@x.io, b@x.io", "a@x.io\r\nBcc: b@x.io", "a", ""])
def test_an_address_header_of_two_addresses_or_none_is_refused(address: str) -> None:
    with pytest.raises(addresses.InvalidAddress):
        mail.address_header("A", address)
