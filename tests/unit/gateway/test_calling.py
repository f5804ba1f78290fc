from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sip.calling import read_caller
from gateway.sip.header import read_headers

MOBILE, LANDLINE = "13855812345", "05582345678"


@pytest.mark.parametrize(
    ("uri", "caller"),
    [
        ("sip:13855812345@x", MOBILE),
        ("sip:+8613855812345@x;user=phone", MOBILE),
        ("sip:8613855812345@x", MOBILE),
        ("sip:008613855812345@x", MOBILE),
        ("sip:013855812345@x", MOBILE),
        ("sips:%2B86138-5581-2345@x", MOBILE),
        ("SIP:+86.138.5581.2345:secret@x", MOBILE),
        ("sip:+8613855812345;npdi;cpc=ordinary@x;user=phone", MOBILE),
        ("tel:+86-138-5581-2345;isub=1", MOBILE),
        ("TEL:+86(138)55812345", MOBILE),
        ("sip:05582345678@x", LANDLINE),
        ("sip:0558-2345678@x", LANDLINE),
        ("sip:+865582345678@x", LANDLINE),
        ("sip:+8605582345678@x", LANDLINE),
        ("sip:865582345678@x", LANDLINE),
        ("sip:8605582345678@x", LANDLINE),
        ("sip:00865582345678@x", LANDLINE),
        ("sip:+86(0558)2345678@x", LANDLINE),
        ("tel:05582345678", LANDLINE),
        ("tel:2345678;phone-context=+86558", LANDLINE),
        ("sip:2345678;phone-context=+86558@x;user=phone", LANDLINE),
        ("tel:05582345678;phone-context=+86", LANDLINE),
        ("tel:05582345678;phone-context=ims.example", LANDLINE),
        ("tel:13855812345;phone-context=+8610", MOBILE),
        ("tel:82345678;phone-context=%2b8610", "01082345678"),
        ("sip:+861082345678@x", "01082345678"),
        ("sip:+862182345678@x", "02182345678"),
        ("sip:+8655112345678@x", "055112345678"),
        ("sip:+864001234567@x", "4001234567"),
        ("sip:864001234567@x", "4001234567"),
        ("sip:+868001234567@x", "8001234567"),
        ("sip:+8695001234567@x", "95001234567"),
        ("sip:+8612345@x", "12345"),
        ("sip:+8695588@x", "95588"),
        ("sip:110@x", "110"),
        ("sip:2345678@x", "2345678"),
        ("sip:8612345@x", "8612345"),
        ("sip:+85223456789@x", "0085223456789"),
        ("sip:0085223456789@x", "0085223456789"),
        ("sip:+12125551234@x", "0012125551234"),
        ("tel:2125551;phone-context=+1212", "0012122125551"),
        ("sip:alice@x", ""),
        ("sip:12@x", ""),
        ("sip:+@x", ""),
        ("sip:123456789012345678901@x", ""),
        ("sip:10.0.0.1", ""),
        ("tel:*72", ""),
        ("sip:１３８５５８１２３４５@x", ""),
        ("sip:١٣٨٥٥٨@x", ""),
        ("http:13855812345@x", ""),
        ("garbage", ""),
        ("", ""),
    ],
)
@pytest.mark.parametrize("form", ["<{}>;tag=1", '"张三, 李四" <{}>;tag=1'])
def test_the_number_as_it_is_dialled(uri: str, caller: str, form: str) -> None:
    assert read_caller({"from": [form.format(uri)]}) == caller


@pytest.mark.parametrize(
    ("value", "caller"),
    [
        ("sip:13855812345@x;tag=1", MOBILE),
        ("tel:+8613855812345;tag=1", MOBILE),
        ("Zhang San <sip:13855812345@x>", MOBILE),
        ('"sip:110@x" <sip:13855812345@x>', MOBILE),
        ('"tel:110" <sip:13855812345@x>;tag="<sip:120@x>"', MOBILE),
        (r'"a \" <sip:110@x>" <sip:13855812345@x>', MOBILE),
        ("sip:110@x <sip:13855812345@x>", MOBILE),
        ("Anonymous <sip:anonymous@anonymous.invalid>;tag=1", ""),
    ],
)
def test_the_address_within_from(value: str, caller: str) -> None:
    assert read_caller({"from": [value]}) == caller


@pytest.mark.parametrize(
    ("lines", "caller"),
    [
        (["P-Asserted-Identity: <sip:13855812345@core>"], MOBILE),
        (["P-Asserted-Identity: <sip:zhangsan@x>", "P-Asserted-Identity: <tel:+8613855812345>"], MOBILE),
        (["P-Asserted-Identity: <tel:+8613855812345>", "P-Asserted-Identity: <sip:2345678@x>"], MOBILE),
        (["P-Asserted-Identity: <sip:2345678@x>,<tel:+8613855812345>"], MOBILE),
        (['P-Asserted-Identity: "Zhang, San" <sip:zhangsan@x>, <tel:+8613855812345>'], MOBILE),
        (['P-Asserted-Identity: "<tel:110>" <sip:zhangsan@x> , tel:+86-138-5581-2345'], MOBILE),
        (["P-Asserted-Identity: <sip:gw1.ims.example>"], "999"),
        (["P-Asserted-Identity: <sip:zhangsan@x>"], "999"),
        (["P-Asserted-Identity:"], "999"),
        (["P-Asserted-Identity: <sip:anonymous@anonymous.invalid>"], ""),
        (["P-Asserted-Identity: <sip:anonymous@x>, <tel:+8613855812345>"], MOBILE),
        (["P-Asserted-Identity: <sip:13855812345@x>", "Privacy: none"], MOBILE),
        (["P-Asserted-Identity: <sip:13855812345@x>", "Privacy: id"], ""),
        (["Privacy: ID"], ""),
        (["Privacy: user ; id;critical"], ""),
        (["Privacy: header", "Privacy: id"], ""),
        (["Privacy: identity"], "999"),
    ],
)
def test_a_network_s_word_and_a_caller_s_wish(lines: list[str], caller: str) -> None:
    assert read_caller(read_headers("\r\n".join(["From: <sip:999@x>;tag=1", *lines]))) == caller


@given(
    st.dictionaries(
        st.sampled_from(["from", "p-asserted-identity", "privacy"]), st.lists(st.text(max_size=80))
    )
)
def test_whatever_stands_there_gives_a_number_or_none(headers: dict[str, list[str]]) -> None:
    number = read_caller(headers)
    assert number == "" or (number.isascii() and number.isdigit())
