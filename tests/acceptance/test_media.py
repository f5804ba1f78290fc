"""RTP, its keys and its offers as trunks and phones really send them (RFC 3264, 3550, 4733, 4961)."""

from __future__ import annotations

import audioop
import contextlib
import functools
import time
import wave
from typing import TYPE_CHECKING, Any

import pytest
from peers.trunk import FLASH, FRAME, KEYS, SILENCE, Rtp, Trunk, directions, lines, offer, ports, tone
from waiting import eventually

from recordings import entries
from recordings.folders import AUDIO, archived, spool
from recordings.journal import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from acceptance.hostile.wire import Answer

    Line = Callable[[], Trunk]

HOLD_SECONDS = 3.0
FIRST_AUDIO_SECONDS = 5.0
LAST = "D"  # pressed at the end of a test: what came before it has come

H264 = ("m=video 30996 RTP/AVP 96", "a=rtpmap:96 H264/90000")
BEFORE = {
    "dead lines of a softswitch": ("m=audio 0 RTP/AVP 8", "m=video 0 RTP/AVP 34"),
    "a dead audio line": ("m=audio 0 RTP/AVP 0",),
    "video": H264,
    "fax": ("m=image 30998 udptl t38", "a=T38FaxVersion:0"),
    "a data channel": ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=sctp-port:5000"),
    "text, video and fax": ("m=text 0 RTP/AVP 98", *H264, "m=image 0 udptl t38"),
    "audio in a codec of which we have none": ("m=audio 30990 RTP/AVP 18", "a=rtpmap:18 G729/8000"),
    "audio over a profile of which we have none": (
        "m=audio 30990 UDP/TLS/RTP/SAVPF 8",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
    ),
}


@pytest.fixture(scope="module")
def house(make_house_once: Callable[..., Any]) -> Any:
    house = make_house_once(sip={"hold_seconds": HOLD_SECONDS, "first_audio_seconds": FIRST_AUDIO_SECONDS})
    house.start()
    return house


@pytest.fixture
def line(house: Any) -> Iterator[Line]:
    trunks: list[Trunk] = []

    def connect() -> Trunk:
        trunks.append(Trunk(house.sip_port))
        return trunks[-1]

    yield connect
    for trunk in trunks:
        trunk.__exit__()


@functools.cache
def find_call(data: Path, sip_call_id: str) -> str:
    """Our own id of a call. Sought once: there are soon as many journals as tests."""

    def look() -> str | None:
        for file in (*data.glob("spool/2*/events.jsonl"), *data.glob("calls/*/*/*/*/events.jsonl")):
            with contextlib.suppress(FileNotFoundError):  # moved to the archive meanwhile
                if sip_call_id in file.read_text().partition("\n")[0]:
                    return file.parent.name
        return None

    found: str = eventually(look, 10, "the call's journal")
    return found


def folder(house: Any, trunk: Trunk) -> Path:
    """Where the call's journal lies."""
    call_id = find_call(house.data, trunk.sip_call_id)
    spooled: Path = spool(house.data) / call_id
    return spooled if spooled.exists() else house.data / archived(call_id)


def journal(house: Any, trunk: Trunk, kind: type[entries.Entry] = entries.Entry) -> list[Any]:
    """The entries of the call's journal that are of this kind."""
    # It may be moved to the archive between two looks.
    told = eventually(lambda: read(folder(house, trunk)).entries, 10, "the call's journal")
    return [written.entry for written in told if isinstance(written.entry, kind)]


def wait_for_the_end(house: Any, trunk: Trunk) -> None:
    eventually(lambda: journal(house, trunk, entries.Finished), 15, "the journal's end")


def keys(house: Any, trunk: Trunk) -> str:
    """The keys that the dialogue took, up to that which is pressed now to end them."""
    trunk.rtp.press(LAST)

    def look() -> str:
        return "".join(event.key for event in journal(house, trunk, entries.DigitEvent))

    taken: str = eventually(lambda: LAST in look() and look(), 10, "the last key")
    return taken.removesuffix(LAST)


def caller_side(house: Any, trunk: Trunk) -> bytes:
    """The caller's channel of the closed recording, s16le."""
    if trunk.is_up:
        trunk.bye()
    wait_for_the_end(house, trunk)

    def look() -> bytes:
        with wave.open(str(folder(house, trunk) / AUDIO)) as file:
            return audioop.tomono(file.readframes(file.getnframes()), 2, 1, 0)

    side: bytes = eventually(look, 10, "the recording")
    return side


def seconds_of_tone(pcm: bytes, hertz: int) -> float:
    """How much of it is this tone: 100 ms that hold more than half of their power in it (Goertzel)."""
    found = 0.0
    reference = audioop.alaw2lin(tone(hertz) * 5, 2)
    quarter = 2 * round(8000 / hertz / 4)
    for start in range(0, len(pcm) - len(reference) - quarter, len(reference)):
        piece = pcm[start : start + len(reference)]
        energy = audioop.rms(piece, 2)
        if energy > 500:
            # The best of two phases a quarter of a period apart.
            a = audioop.findfactor(piece, reference) * audioop.rms(reference, 2)
            b = audioop.findfactor(pcm[start + quarter : start + quarter + len(reference)], reference)
            b *= audioop.rms(reference, 2)
            found += 0.1 * (a * a + b * b > 0.5 * energy * energy)
    return found


def assert_heard(house: Any, trunk: Trunk, answer: Answer) -> None:
    """Prompt, key and recording, over the very port that was answered."""
    (port,) = filter(None, ports(answer))
    # What left by the port before a re-INVITE may still be under way.
    eventually(lambda: trunk.rtp.came[-1:] and trunk.rtp.came[-1].port == port, 5, "RTP from that port")
    began = time.monotonic()
    trunk.rtp.talk(0.8, tone(600))
    assert trunk.rtp.sound_since(began) > 0.4
    assert {packet.port for packet in trunk.rtp.since(began)} == {port}
    trunk.rtp.press("1")
    assert keys(house, trunk)[-1:] == "1"
    assert seconds_of_tone(caller_side(house, trunk), 600) > 0.4


# --- audio is not the first line of the offer ------------------------------------------------------------------------
@pytest.mark.parametrize("kind", BEFORE)
def test_audio_is_heard_wherever_it_stands_in_the_offer(house: Any, line: Line, kind: str) -> None:
    trunk = line()
    before = [text for text in BEFORE[kind] if text.startswith("m=")]
    answer = trunk.invite(offer(trunk.rtp.port, before=BEFORE[kind]))
    assert answer.status == 200
    assert [port > 0 for port in ports(answer)] == [False] * len(before) + [True]
    for offered, answered in zip(before, lines(answer), strict=False):  # RFC 3264, 6: same kind, same profile
        kind_and_profile = offered[2:].split()[0:3:2]
        assert answered.split()[0:3:2] == kind_and_profile
    assert_heard(house, trunk, answer)


@pytest.mark.parametrize(
    "kind", ["dead lines of a softswitch", "fax", "audio in a codec of which we have none"]
)
def test_a_reinvite_in_that_form_leaves_the_greeting_going(house: Any, line: Line, kind: str) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.5)
    answer = trunk.invite(offer(trunk.rtp.port, before=BEFORE[kind]))
    assert answer.status == 200
    assert_heard(house, trunk, answer)


def test_of_two_audio_lines_one_is_taken(house: Any, line: Line) -> None:
    trunk, other = line(), Rtp()
    second = (f"m=audio {other.port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000")
    answer = trunk.invite(offer(trunk.rtp.port, before=second))
    assert answer.status == 200
    taken = [port > 0 for port in ports(answer)]
    assert sorted(taken) == [False, True]
    if taken[0]:
        began = time.monotonic()
        other.target = trunk.rtp.target
        other.talk(0.8)
        assert other.sound_since(began) > 0.4
        other.close()
        return
    assert_heard(house, trunk, answer)


# --- keys over RTP (RFC 4733) ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("press", "pressed"),
    [
        ({}, "1135577"),
        ({"updates": 0, "ends": 3}, "1135577"),  # converters from INFO
        ({"updates": 0, "ends": 1}, "1135577"),
        ({"marker": False}, "1155"),
        ({"lost": {0}}, "1155"),
        ({"lost": {0, 1, 2, 3, 4}}, "1155"),
        ({"lost": {5, 6, 7}}, "1155"),  # no end
        ({"lost": {0, 5, 6, 7}, "marker": False}, "1155"),
        ({"lost": {0, 1, 3, 4, 5, 6, 7}}, "1155"),  # one packet of eight
    ],
)
def test_a_new_timestamp_is_a_new_key(house: Any, line: Line, press: dict[str, Any], pressed: str) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    trunk.rtp.press(pressed, **press)
    assert keys(house, trunk) == pressed


def test_what_is_sent_again_or_comes_late_is_no_new_key(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    first = rtp.timestamp
    rtp.press("1")
    for _ in range(3):
        rtp.event(1, first, 5 * FRAME, end=True)  # with sequence numbers of their own
    second = rtp.timestamp
    rtp.press("1")
    here, rtp.sequence = rtp.sequence, rtp.sequence - 6
    rtp.event(1, second, 3 * FRAME)  # one of the second press, overtaken
    rtp.sequence -= 14
    rtp.event(1, first, 5 * FRAME, end=True)  # one of the first
    rtp.sequence = here
    rtp.event(1, first, 5 * FRAME, end=True)
    rtp.talk(0.1)
    assert keys(house, trunk) == "11"


def test_a_key_whose_only_packet_was_overtaken_by_sound(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    rtp.press("1")
    pressed = rtp.timestamp
    rtp.sequence += 1
    rtp.frame()
    rtp.sequence -= 2
    rtp.event(1, pressed, 5 * FRAME, end=True)
    rtp.sequence += 1
    rtp.talk(0.1)
    assert keys(house, trunk) == "11"


def test_a_long_key_goes_on_in_segments(house: Any, line: Line) -> None:
    """RFC 4733, 2.5.1.3: a key held for longer than a duration can say."""
    trunk = line()
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    began = rtp.timestamp
    for number in range(3):
        for duration in (FRAME, 0x8000, 0xFFFF):
            rtp.event(1, began + number * 0xFFFF, duration, marker=number == 0 and duration == FRAME)
            time.sleep(0.01)
    for _ in range(3):
        rtp.event(1, began + 3 * 0xFFFF, 800, end=True)
    rtp.timestamp += 4 * 0xFFFF
    rtp.talk(0.1)
    rtp.press("1")
    assert keys(house, trunk) == "11"


def test_only_keys_are_keys(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    for code in (FLASH, 17, 32, 66, 127, 255):  # hook flash, modem and trunk tones
        for number in range(6):
            rtp.event(code, rtp.timestamp, (number + 1) * FRAME, end=number > 2, marker=number == 0)
        rtp.timestamp += 8 * FRAME
        rtp.talk(0.1)
    rtp.press("*#AB")
    assert keys(house, trunk) == "*#AB"


def test_a_sender_that_begins_anew_or_passes_zero(house: Any, line: Line) -> None:
    trunk = line()
    trunk.rtp.close()
    trunk.rtp = Rtp(timestamp=0xFFFFFFFF - 20 * FRAME)
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    rtp.press("111")  # the timestamp passes zero meanwhile
    rtp.ssrc, rtp.timestamp, rtp.sequence = rtp.ssrc ^ 1, 0xF0000000, 7
    rtp.talk(0.1)
    rtp.press("11")
    rtp.timestamp -= 0x10000000  # and without a word
    rtp.press("11")
    assert keys(house, trunk) == "1111111"


def test_a_reinvite_in_the_middle_of_a_key(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    rtp = trunk.rtp
    rtp.talk(0.2)
    began = rtp.timestamp
    for number in range(3):
        rtp.event(1, began, (number + 1) * FRAME, marker=number == 0)
    trunk.invite(offer(rtp.port, before=BEFORE["a dead audio line"]))
    for _ in range(3):
        rtp.event(1, began, 5 * FRAME, end=True)
    rtp.timestamp += 10 * FRAME
    rtp.talk(0.1)
    assert keys(house, trunk) == "1"


# --- keys by INFO ----------------------------------------------------------------------------------------------------
RELAY = "application/dtmf-relay"


@pytest.mark.parametrize(
    ("kind", "bodies", "heard"),
    [
        (RELAY, [f"Signal={key}\r\nDuration=160\r\n" for key in KEYS[:15]], KEYS[:15]),
        (RELAY, [f"Signal={code}\r\nDuration=160\r\n" for code in range(15)], KEYS[:15]),
        (RELAY, ["Signal= 5\r\nDuration= 160\r\n", "Signal = 11 \r\n", "signal=\t10\n", "SIGNAL=7"], "5#*7"),
        (
            RELAY,
            ["\r\nDuration=250\r\nSignal=6", "Signal=9\nDuration=160\n", "Signal=4\rDuration=9\r"],
            "694",
        ),
        (RELAY, ["Signal=a\r\nDuration=160\r\n", "Signal:8", "d=3\r\nr=1\r\n", "5"], "A835"),
        ("Application/DTMF-Relay;charset=utf-8", ["Signal=1\r\nDuration=160\r\n"], "1"),
        ("application/dtmf", ["5", "#\r\n", "*", " 7 \r\n", "11", "Signal=9\r\n"], "5#*7#9"),
    ],
)
def test_a_key_by_info(house: Any, line: Line, kind: str, bodies: list[str], heard: str) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    for body in bodies:
        assert trunk.ask("INFO", body.encode(), kind).status == 200, body
        trunk.rtp.talk(0.1)
    assert keys(house, trunk) == heard


def test_an_info_that_is_no_key(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    for body in ("Signal=16\r\nDuration=160\r\n", "Signal=!\r\n", "Signal=Flash\r\n"):
        assert trunk.ask("INFO", body.encode(), RELAY).status == 200
    for body in (
        "Signal=\r\nDuration=160\r\n",
        "Duration=160\r\n",
        "Signal=17",
        "Signal=123",
        "x",
        "\0\0",
        "=5",
    ):
        assert trunk.ask("INFO", body.encode(), RELAY).status == 400, body
    assert keys(house, trunk) == ""


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/dtmf-extra", "application/x-dtmf", "message/dtmf"]
)
def test_an_info_of_another_type_is_refused_with_what_would_be_taken(
    house: Any, line: Line, kind: str
) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    answer = trunk.ask("INFO", b"Signal=5\r\nDuration=160\r\n", kind)
    assert answer.status == 415
    accepted = {name.strip() for name in answer.headers["Accept"].split(",")}
    assert {"application/dtmf-relay", "application/dtmf"} <= accepted  # RFC 3261, 21.4.13
    assert keys(house, trunk) == ""


@pytest.mark.parametrize(
    ("kind", "body"),
    [(RELAY, "Signal=5\r\nDuration=160\r\n"), (RELAY, "Signal=5"), ("application/dtmf", "5")],
)
def test_nothing_bytes_behind_a_key_are_nothing(house: Any, line: Line, kind: str, body: str) -> None:
    """Of phones that send a C string with its end, or their whole buffer."""
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    for count in (1, 7):
        assert trunk.ask("INFO", body.encode() + bytes(count), kind).status == 200
        trunk.rtp.talk(0.1)
    assert keys(house, trunk) == "55"


def test_a_phone_that_tells_each_key_both_ways(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.2)
    for key in "11#55":
        trunk.rtp.press(key)
        assert trunk.ask("INFO", f"Signal={key}\r\nDuration=100\r\n".encode(), RELAY).status == 200
    assert keys(house, trunk) == "11#55"


# --- whose RTP it is -------------------------------------------------------------------------------------------------
def test_a_caller_behind_a_nat_is_heard_where_he_is(house: Any, line: Line) -> None:
    trunk, outside = line(), Rtp()
    trunk.invite()
    outside.target = trunk.rtp.target
    outside.talk(0.3)
    began = time.monotonic()
    outside.talk(0.6)
    assert outside.sound_since(began) > 0.3
    trunk.rtp.close()
    trunk.rtp = outside
    outside.press("1")
    assert keys(house, trunk) == "1"


@pytest.mark.parametrize("behind_nat", [False, True])
@pytest.mark.parametrize("rate", [1, 30])
def test_a_stranger_takes_nothing(house: Any, line: Line, rate: int, *, behind_nat: bool) -> None:
    trunk, stranger = line(), Rtp()
    trunk.invite()
    if behind_nat:
        outside = Rtp()
        outside.target = trunk.rtp.target
        trunk.rtp.close()
        trunk.rtp = outside
    caller = trunk.rtp
    stranger.target = caller.target
    caller.talk(0.4)
    began = time.monotonic()
    for number in range(75):
        caller.frame(SILENCE)
        for _ in range(rate):
            stranger.frame(tone(900))
        if number >= 40:
            stranger.event(2, 0x77000000, min(number - 39, 30) * FRAME, end=number > 70)
        time.sleep(0.02)
    caller.press("1")
    assert stranger.came == []
    assert len(caller.since(began)) > 60
    assert keys(house, trunk) == "1"
    assert seconds_of_tone(caller_side(house, trunk), 900) == 0
    stranger.close()


def test_who_is_silent_may_be_followed_by_another_and_who_was_named_comes_back(
    house: Any, line: Line
) -> None:
    trunk, other = line(), Rtp()
    trunk.invite()
    named = trunk.rtp
    other.target = named.target
    named.talk(0.4)
    other.talk(0.6)
    assert other.came == []  # too early
    other.talk(1.8)
    assert other.came  # the caller's media gateway has moved
    other.press("1")
    began = time.monotonic()
    for _ in range(20):
        named.frame()
        other.frame()
        time.sleep(0.02)
    assert len(named.since(began)) > 10
    assert len(other.since(began + 0.1)) == 0
    assert keys(house, trunk) == "1"


def test_a_reinvite_names_another_source_at_once(house: Any, line: Line) -> None:
    trunk, moved = line(), Rtp()
    trunk.invite()
    trunk.rtp.talk(0.4)
    answer = trunk.invite(offer(moved.port))
    trunk.rtp.close()
    trunk.rtp, moved.target = moved, trunk.rtp.target
    assert_heard(house, trunk, answer)


# --- the line on hold ------------------------------------------------------------------------------------------------
HOLDS = {
    "sendonly": {"more": "a=sendonly"},
    "inactive": {"more": "a=inactive"},
    "no address": {"host": "0.0.0.0"},
    "no address, and sendonly": {"host": "0.0.0.0", "more": "a=sendonly"},
}


@pytest.mark.parametrize("how", HOLDS)
def test_a_held_caller_is_not_talked_to_and_finds_the_dialogue_where_he_left_it(
    house: Any, line: Line, how: str
) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.6)
    answer = trunk.invite(offer(trunk.rtp.port, **HOLDS[how]))
    assert answer.status == 200
    if "more" in HOLDS[how]:  # the address alone asks for no direction (RFC 2543)
        assert directions(answer) in (["recvonly"], ["inactive"])
    eventually(lambda: journal(house, trunk, entries.Held), 5, "the hold")
    began = time.monotonic()
    trunk.rtp.talk(1.5, tone(700))  # the music of who holds the line
    assert trunk.rtp.since(began) == []
    answer = trunk.invite(offer(trunk.rtp.port))
    assert directions(answer) == ["sendrecv"]
    began = time.monotonic()
    trunk.rtp.talk(1.0)
    assert trunk.rtp.sound_since(began) > 0.5  # the greeting, from its beginning
    trunk.rtp.press("1")
    assert keys(house, trunk) == "1"
    first, second = journal(house, trunk, entries.Played)[:2]
    assert (first.id, first.name) == (second.id, second.name)
    (resumed,) = journal(house, trunk, entries.ResumedEvent)
    assert 1.5 <= resumed.held < HOLD_SECONDS
    assert seconds_of_tone(caller_side(house, trunk), 700) == 0


def test_nobody_is_hung_up_on_for_his_silence_on_hold_but_for_its_length(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite(offer(trunk.rtp.port, more="a=sendonly"))  # from the first moment
    assert not trunk.wait_for_bye(HOLD_SECONDS - 1)
    assert journal(house, trunk, entries.Held)
    assert trunk.wait_for_bye(3)
    wait_for_the_end(house, trunk)
    (cut,) = journal(house, trunk, entries.Interrupted)
    assert cut.reason == "the caller had the line on hold for too long"


def test_a_caller_may_hang_up_on_hold(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    trunk.rtp.talk(0.3)
    trunk.invite(offer(trunk.rtp.port, more="a=inactive"))
    assert trunk.bye().status == 200
    wait_for_the_end(house, trunk)
    (ended,) = journal(house, trunk, entries.HungUp)
    assert ended.by == "caller"


# --- a call to which no media comes ----------------------------------------------------------------------------------
def assert_cut(house: Any, trunk: Trunk, reason: str) -> None:
    wait_for_the_end(house, trunk)
    (cut,) = journal(house, trunk, entries.Interrupted)
    assert cut.reason == reason


def test_an_answer_to_our_offer_that_never_comes_ends_the_call(house: Any, line: Line) -> None:
    trunk = line()
    assert b"m=audio" in trunk.invite(b"").body  # and the ACK has no SDP
    assert trunk.wait_for_bye(8)
    assert_cut(house, trunk, "no audio was agreed on within 5 s")


def test_a_call_to_which_not_a_packet_comes_ends(house: Any, line: Line) -> None:
    trunk = line()
    trunk.invite()
    began = time.monotonic()
    assert trunk.wait_for_bye(FIRST_AUDIO_SECONDS + 3)
    assert time.monotonic() - began > FIRST_AUDIO_SECONDS - 0.5
    assert_cut(house, trunk, f"the caller's side sent no audio at all within {FIRST_AUDIO_SECONDS:g} s")


@pytest.mark.parametrize("sign", ["a packet", "a report", "a key by INFO"])
def test_whoever_has_given_a_sign_of_life_may_be_silent(line: Line, sign: str) -> None:
    trunk = line()
    trunk.invite()
    eventually(lambda: trunk.rtp.came, 5, "the greeting")
    if sign == "a packet":
        trunk.rtp.frame()
    elif sign == "a report":
        trunk.rtp.report()
    else:
        assert trunk.ask("INFO", b"Signal=1\r\n", RELAY).status == 200
    assert not trunk.wait_for_bye(FIRST_AUDIO_SECONDS + 1)
    assert trunk.bye().status == 200
