from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tickets.signature import SignatureError, read_secret, sign, verify

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()


@pytest.mark.parametrize(
    ("message_id", "timestamp", "body", "signature"),
    [
        # printf '<id>.<timestamp>.<body>' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f -binary | base64
        ("263280100017-r1", 1764000000, b"{}", "zuCBIzX+ajU/pn2VepXT3+ukhwR4Q7ZbZLcfzMiCQGA="),
        (
            "263280100017-r2",
            1764000001,
            '{"title":"漏水"}'.encode(),
            "lEmH0ErjPyij1yK3VwUU+gYuTfNgFEL7+RcPHVv0nXU=",
        ),
        ("m", 0, b"", "UjFbwlC3+25BndkRm6m1Tr6SkklaR1xWGw5XUeb14nQ="),
    ],
)
def test_vectors_made_by_openssl(message_id: str, timestamp: int, body: bytes, signature: str) -> None:
    headers = sign(KEY, message_id, timestamp, body)
    assert headers == {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }
    verify(KEY, headers, body, timestamp)


def test_the_vector_of_the_standard_webhooks_specification() -> None:
    key = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    body = b'{"test": 2432232314}'
    headers = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_gives_its_key() -> None:
    assert read_secret(SECRET) == KEY


@pytest.mark.parametrize(
    ("secret", "complaint"),
    [
        ("", "is missing"),
        ("hunter2", "does not begin with 'whsec_'"),
        ("whsec_###", "is not base64"),
        ("whsec_" + base64.b64encode(b"short").decode(), "has 5 bytes"),
        ("whsec_" + base64.b64encode(bytes(65)).decode(), "has 65 bytes"),
        (SECRET + "é", "is not base64"),
    ],
)
def test_a_bad_secret_is_refused_with_the_remedy_and_never_quoted(secret: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint) as raised:
        read_secret(secret)
    assert "make one with" in str(raised.value)
    assert secret.removeprefix("whsec_") not in str(raised.value) or not secret


@given(
    st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1), st.binary(), st.integers(0, 2**33)
)
def test_what_is_signed_is_verified(message_id: str, body: bytes, timestamp: int) -> None:
    verify(KEY, sign(KEY, message_id, timestamp, body), body, timestamp + 299)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"webhook-id": "other"}, "no signature matches"),
        ({"webhook-timestamp": "1764000001"}, "no signature matches"),
        ({"webhook-timestamp": "soon"}, "not a number"),
        ({"webhook-timestamp": "١٧"}, "not a number"),
        ({"webhook-signature": "v1,"}, "no signature matches"),
        ({"webhook-signature": "v1,\udcff\udcfe"}, "no signature matches"),
        ({"webhook-signature": ""}, "webhook-signature is missing"),
        ({"webhook-id": ""}, "webhook-id is missing"),
    ],
)
def test_a_changed_message_is_refused(change: dict[str, str], complaint: str) -> None:
    headers = sign(KEY, "id", 1764000000, b"body") | change
    with pytest.raises(SignatureError, match=complaint):
        verify(KEY, headers, b"body", 1764000000)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(SignatureError, match="no signature matches"):
        verify(KEY, sign(KEY, "id", 1764000000, b"body"), b"Body", 1764000000)


@pytest.mark.parametrize("shift", [301, -301])
def test_an_old_or_early_message_is_refused(shift: int) -> None:
    with pytest.raises(SignatureError, match="compare the two clocks"):
        verify(KEY, sign(KEY, "id", 1764000000, b"body"), b"body", 1764000000 + shift)


def test_one_good_signature_among_others_is_enough() -> None:
    headers = sign(KEY, "id", 1764000000, b"body")
    headers["webhook-signature"] = "v1a,x v1,AAAA " + headers["webhook-signature"]
    verify(KEY, headers, b"body", 1764000000)
