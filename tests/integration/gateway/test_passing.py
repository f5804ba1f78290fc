"""Passing a call on in the real stack: who is called, what each side hears and is told, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
import socket
import wave
from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pjsua2 as pj
import pytest
import pytest_asyncio
from stuck import stuck_threads
from waiting import RTP_PORTS

from asr.client import AsrClient
from config.document import embedded
from config.duty import Duty
from gateway.calls.attempt import Party
from gateway.calls.beside import Beside
from gateway.calls.dialogue import Dialogue
from gateway.calls.house import House
from gateway.calls.live import Board
from gateway.calls.numbering import Numbering
from gateway.calls.outgoing import Outgoing
from gateway.calls.passing import Passing
from gateway.calls.scribe import Scribe
from gateway.calls.speaker import Speaker
from gateway.calls.switchboard import Switchboard
from gateway.prompts.book import PromptBook
from gateway.service.flows import read_dialogue
from gateway.sip.pj import UserAgent
from gateway.sip.pj.common import header_vector
from gateway.sip.pump import MediaPump
from gateway.site.settings import DialogueSettings, Settings
from gateway.site.sound import Sound
from ivr.actions import Connect, Part, Play, Prompt
from ivr.events import Calling, Connected, Parted, Refused
from ivr.matter import Matter
from ivr.target import TALKED_SECONDS, Hours, Target
from recordings import journal
from recordings.entries import Dialled, LegAnswered, LegEnded, Number
from recordings.folders import spool
from recordings.journals import Journals
from tickets.draft import draft
from tickets.number import NumberBook
from tickets.reading import read_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from gateway.sip.leg import Leg
    from gateway.sip.pj.channel import StackCall
    from gateway.sip.pj.door import Account
    from ivr.events import Event
    from ivr.hotline import Hotline

pytestmark = pytest.mark.asyncio(
    loop_scope="module"
)  # one SIP stack a process: it lives as long as this file

CALLER, AGENT, THIRD = 430, 1310, 2050
LOUD, QUIET = 1000.0, 120.0
RATE = 8000
CALLING = "13855812345"
_HEADERS = 28  # bytes, of IPv4 and UDP


def tone(hertz: int) -> Sound:
    turns = np.arange(RATE) * (2 * np.pi * hertz / RATE)
    return Sound((8000 * np.sin(turns)).astype("<i2").tobytes())


def level(samples: NDArray[np.int16], hertz: int) -> float:
    turns = np.exp(2j * np.pi * hertz / RATE * np.arange(len(samples)))
    return float(2 * abs(np.dot(samples, turns)) / max(1, len(samples)))


def loudness(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.mean(samples.astype(float) ** 2)))


async def until(look: Callable[[], Any], seconds: float = 15) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := look()):  # noqa: ASYNC110 - there is nothing to be woken by: what is looked at is the effect
            await asyncio.sleep(0.01)
    return found


class Exchange(UserAgent):
    """A stack that is gateway, caller and target in one: it keeps each INVITE's text by the user it calls."""

    def __init__(self) -> None:
        super().__init__(host="127.0.0.1", port=0, tcp=False, rtp_first_port=RTP_PORTS)
        self.invites: dict[str, str] = {}
        self.targets: dict[str, Leg] = {}
        self.answering: set[str] = set()
        self.busy: set[str] = set()
        self.on_invite = self.take
        self.incoming: Leg | None = None

    def invited(self, call: StackCall, account: Account, message: str, source: str) -> None:
        self.invites[message.split(" ", 2)[1].partition(":")[2].partition("@")[0]] = message
        super().invited(call, account, message, source)

    def take(self, leg: Leg) -> None:
        assert leg.incoming
        user = leg.incoming.called
        if user == "12345":
            self.incoming = leg
        elif user in self.busy:
            leg.refuse(486)
        else:
            self.targets[user] = leg
            if user in self.answering:
                leg.answer(None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agent() -> AsyncIterator[Exchange]:
    agent = Exchange()
    agent.start(max_calls=40)
    yield agent
    await agent.stop()
    alive = pj.liveObjects()
    assert (alive.calls, alive.taps, alive.recordings, alive.pcmPorts, alive.promptPorts) == (0, 0, 0, 0, 0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def prompts(tmp_path_factory: pytest.TempPathFactory) -> PromptBook:
    book = PromptBook(embedded("prompts.yaml"), None, tmp_path_factory.mktemp("prompts"))
    for name in ("hold_music", "press_one", "whisper_danger", "third_refused"):
        await book.render(Prompt(name))
    return book


@pytest.fixture(scope="module")
def hotline() -> Hotline:
    return read_dialogue(DialogueSettings()).front


class Scene:
    """One answered call, which is passed on."""

    def __init__(self, agent: Exchange, prompts: PromptBook, hotline: Hotline, folder: Path) -> None:
        self.agent, self.prompts, self.folder = agent, prompts, folder
        self.hotline = hotline
        self.events: list[Event] = []
        self.outgoing = Outgoing(
            lambda target, caller, headers: agent.dial(target.uri, caller=caller, headers=headers), 30, 20
        )
        self.failures: list[BaseException] = []
        self.recording = folder / "call.wav"
        agent.invites.clear()
        agent.targets.clear()
        agent.answering.clear()
        agent.busy.clear()
        agent.incoming = None

    def target(self, user: str, **more: Any) -> Target:
        return Target(name=f"{user}号", uri=f"sip:{user}@{self.agent.address}", **more)

    async def begin(self, *targets: Target, anonymous: bool = False, third: tuple[Target, ...] = ()) -> None:
        self.caller = self.agent.dial(f"sip:12345@{self.agent.address}", caller=CALLING)
        self.leg = await until(lambda: self.agent.incoming)
        self.leg.answer(self.recording)
        self.caller.play(tone(CALLER), loop=True)
        await until(lambda: self.leg.media_seconds > 0.1 and self.caller.media_seconds > 0.1)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        self.now = lambda: loop.time() - begun  # as the journal tells moments
        self.journal = Journals(self.folder).begin(f"20261127T101010-{secrets.token_hex(4)}")
        self.scribe = Scribe(self.journal, Board(), anonymous=anonymous)
        self.speaker = Speaker(self.leg, self.prompts, self.scribe)
        party = Party(self.leg, self.speaker, self.prompts, self.scribe, self.tell, self.now)
        book = NumberBook(self.folder / "numbers", 1)
        house = House(
            AsrClient(f"unix:{self.folder / 'nobody.sock'}"),
            lambda: None,
            MediaPump(),
            Board(),
            book,
            lambda _folder: None,
            self.outgoing,
        )
        line = replace(self.hotline, targets={"person": targets, "third": third}, anonymous=anonymous)
        self.passing = Passing(
            house, line, party, Numbering(book, self.scribe), Beside(), self.failures.append
        )
        self.leg.on_held = lambda _held: self.passing.hold()
        self.leg.on_ended = lambda _ended: self.passing.end("caller")

    def tell(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Connected):  # as the dialogue does, once it has taken it
            asyncio.get_running_loop().call_soon(self.passing.join, event.id)

    def connect(self, matter: Matter | None = None, number: int = 1) -> None:
        self.passing.perform(
            Connect(number, "person", matter or Matter(0, place_name="颍泉区", brief="路灯不亮"))
        )

    async def told(self, kind: type, seconds: float = 15) -> Any:
        return await until(lambda: next((e for e in self.events if isinstance(e, kind)), None), seconds)

    async def rings(self, user: str) -> Leg:
        return await until(lambda: self.agent.targets.get(user))

    async def next_heard(self, leg: Leg, seconds: float = 0.4) -> NDArray[np.int16]:
        leg.read()
        pcm = bytearray()

        def enough() -> bool:
            pcm.extend(leg.read())
            return len(pcm) >= 2 * RATE * seconds

        await until(enough)
        return np.frombuffer(bytes(pcm), "<i2")

    async def hears(self, leg: Leg, wanted: int | None) -> None:
        """Wait until this side hears the other's tone; None: until it hears something that is neither's."""
        async with asyncio.timeout(15):
            while True:
                heard = await self.next_heard(leg)
                tones = {hertz: level(heard, hertz) for hertz in (CALLER, AGENT, THIRD)}
                if wanted is None and max(tones.values()) < QUIET and loudness(heard) > 100:
                    return
                if wanted is not None and tones[wanted] > LOUD:
                    return

    async def silent(self, leg: Leg) -> None:
        async with asyncio.timeout(10):
            while loudness(await self.next_heard(leg)) > 20:
                pass

    async def talk(self, user: str) -> Leg:
        target = await self.rings(user)
        target.play(tone(AGENT), loop=True)
        await self.told(Connected)
        await self.hears(self.caller, AGENT)
        await self.hears(target, CALLER)
        return target

    async def written(self, kind: type, count: int = 0) -> list[Any]:
        """The journal's entries of this kind: all that are told by now, and so many at least.

        A thread of the journal's own writes them: what is told stands in the file a moment later.
        """
        async with asyncio.timeout(15):
            while True:
                await self.journal.caught_up()
                lines = journal.read(self.journal.folder).entries
                if len(found := [w.entry for w in lines if isinstance(w.entry, kind)]) >= count:
                    return found
                await asyncio.sleep(0.01)

    async def end(self) -> None:
        self.caller.hang_up()
        await asyncio.gather(self.caller.closed, self.leg.closed)
        await self.passing.close()
        self.journal.close()
        await self.journal.caught_up()
        await until(lambda: all(target.ended for target in self.agent.targets.values()))
        assert self.failures == []
        assert self.outgoing.lines == self.outgoing.bridged == 0


@pytest_asyncio.fixture(loop_scope="module")
async def scene(
    agent: Exchange, prompts: PromptBook, hotline: Hotline, tmp_path: Path
) -> AsyncIterator[Scene]:
    scene = Scene(agent, prompts, hotline, tmp_path)
    yield scene
    await scene.end()
    await until(lambda: pj.liveObjects().stackCalls == 0 and len(agent._legs) == 0)


def header(invite: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*?)\r?$", invite, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


async def test_music_then_a_summary_for_the_agent_alone_then_both_talk(scene: Scene) -> None:
    await scene.begin(scene.target("801"))
    scene.connect()
    target = await scene.rings("801")
    assert (await scene.told(Calling)).target == "801号"
    await scene.hears(scene.caller, None)
    await scene.speaker.play(Play(1, Prompt("whisper_danger")))  # whatever is said meanwhile
    await until(scene.speaker.take_ended)
    await scene.hears(scene.caller, None)  # the music goes on
    invite = scene.agent.invites["801"]
    (number,) = await scene.written(Number)
    assert header(invite, "X-Hotline-Call") == scene.scribe.call_id
    assert header(invite, "X-Hotline-Ticket") == number.number
    assert header(invite, "X-Hotline-Line") == "12345"
    content, *parameters = header(invite, "User-to-User").split(";")
    assert parameters == ["encoding=hex", "purpose=isdn-uui", "content=isdn-uui"]
    said = bytes.fromhex(content)
    assert said == f"\x04call={scene.scribe.call_id};line=12345;ticket={number.number}".encode()
    assert CALLING in header(invite, "From")

    taken, taken_at = scene.leg.media_seconds, scene.now()
    target.answer(None)
    await scene.hears(target, None)  # the summary
    target.play(tone(AGENT), loop=True)
    await scene.told(Connected)
    await scene.hears(scene.caller, AGENT)
    await scene.hears(target, CALLER)
    keys: list[str] = []
    target.on_digit = keys.append
    assert scene.passing.press("7")
    await until(lambda: keys == ["7"])
    target.hang_up()
    parted = await scene.told(Parted)
    assert (parted.by, parted.id) == ("target", 1)
    assert parted.talked > 0
    await scene.silent(scene.caller)
    (dialled,), (answered,), (ended,) = [
        await scene.written(kind, 1) for kind in (Dialled, LegAnswered, LegEnded)
    ]
    assert (dialled.leg, dialled.attempt, dialled.target, dialled.reason) == (1, 1, "801号", "person")
    assert dialled.sip_call_id == header(invite, "Call-ID")
    assert (answered.leg, ended.leg, ended.by) == (1, 1, "target")
    assert answered.at - taken_at > 1  # they do not talk before the summary is over
    assert ended.talked == pytest.approx(ended.at - answered.at, abs=1)  # two looks at the clock
    await scene.end()
    with wave.open(str(scene.recording)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    piece = round(0.3 * RATE)  # a busy machine leaves gaps between some
    pieces = [both[at : at + piece] for at in range(round(taken * RATE), len(both) - piece, piece)]
    talk = next(n for n, one in enumerate(pieces) if level(one[:, 1], AGENT) > LOUD)
    assert any(level(one[:, 0], CALLER) > LOUD < level(one[:, 1], AGENT) for one in pieces[talk:])
    alone = [loudness(one[:, 1]) for one in pieces[: talk - 1]]
    assert max(alone) > 100  # the music went on,
    assert max(alone) < 1500  # and the summary is not in it


async def test_each_target_in_turn_until_one_takes_the_call(scene: Scene) -> None:
    night = Hours(frozenset(range(1, 8)), time(0), time(0, 0, 1))
    closed = scene.target("800", hours=(night,))
    patient = scene.target("802", ring_seconds=0.5)
    personal = scene.target("803", kind="personal")
    scene.agent.busy.add("801")
    scene.agent.answering |= {"803"}
    await scene.begin(closed, scene.target("801"), patient, personal)
    scene.connect(Matter(0))
    target = await scene.rings("803")
    await scene.hears(target, None)  # press one
    assert not any(isinstance(e, Connected) for e in scene.events)
    target.press("5")
    target.press("1")
    await scene.talk("803")
    assert [e.target for e in scene.events if isinstance(e, Calling)] == ["801号", "802号", "803号"]
    first, second = await scene.written(LegEnded)
    assert (first.by, first.cause[:3]) == ("target", "486")
    assert (second.by, second.cause) == ("gateway", "")
    scene.passing.perform(Part(1))
    await until(lambda: target.ended)
    assert [e.by for e in await scene.written(LegEnded, 3)] == ["target", "gateway", "gateway"]
    assert not any(isinstance(e, Parted | Refused) for e in scene.events)
    await scene.silent(scene.caller)


async def test_nobody_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.calls.attempt._ACCEPT_SECONDS", 0.5)
    scene.agent.answering.add("804")  # a voicemail, which presses nothing
    night = Hours(frozenset(range(1, 8)), time(0), time(0, 0, 1))
    await scene.begin()
    for targets, why in [
        ((), "no_target"),
        ((scene.target("800", hours=(night,)),), "closed"),
        ((Target("坏", "sip:805@no host"),), "failed"),
        ((scene.target("804", kind="personal"),), "no_answer"),
    ]:
        scene.events.clear()
        scene.passing._hotline = replace(scene.passing._hotline, targets={"person": targets})
        scene.connect()
        refused = await scene.told(Refused)
        assert refused.why == why
    await scene.silent(scene.caller)


async def test_a_caller_who_hangs_up_leaves_nobody_ringing_and_nobody_alone(scene: Scene) -> None:
    await scene.begin(scene.target("801"))
    scene.connect()
    target = await scene.rings("801")
    scene.caller.hang_up()
    await until(lambda: target.ended)
    assert target.ended is not None
    assert target.ended.status == 487
    await scene.passing.close()
    assert [e.by for e in await scene.written(LegEnded)] == ["caller"]


async def test_a_caller_who_hangs_up_while_they_talk(scene: Scene) -> None:
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801"))
    scene.connect()
    target = await scene.talk("801")
    scene.caller.hang_up()
    await until(lambda: target.ended)
    await scene.passing.close()
    (ended,) = await scene.written(LegEnded)
    assert ended.by == "caller"
    assert ended.talked > 0


async def test_who_is_held_hears_music_on_either_side(scene: Scene) -> None:
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801"))
    scene.connect()
    target = await scene.talk("801")
    for holder, other, voice in ((target, scene.caller, AGENT), (scene.caller, target, CALLER)):
        stack_call(holder).setHold(pj.CallOpParam())
        await scene.hears(other, None)
        resume(holder)
        await scene.hears(other, voice)
    await scene.hears(scene.caller, AGENT)


async def test_who_is_held_since_before_the_talk_hears_music(scene: Scene) -> None:
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801"))
    scene.connect()
    target = await scene.rings("801")
    await scene.hears(target, None)  # the summary
    stack_call(target).setHold(pj.CallOpParam())
    await scene.told(Connected)
    await scene.written(LegAnswered, 1)
    await scene.hears(scene.caller, None)
    target.play(tone(AGENT), loop=True)
    resume(target)
    await scene.hears(scene.caller, AGENT)
    await scene.hears(target, CALLER)


async def test_a_caller_who_holds_since_before_the_talk_leaves_nobody_in_silence(scene: Scene) -> None:
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801", whisper=False))
    stack_call(scene.caller).setHold(pj.CallOpParam())
    await until(lambda: scene.leg.is_held)
    scene.connect()
    target = await scene.rings("801")
    await scene.written(LegAnswered, 1)
    await scene.hears(target, None)
    resume(scene.caller)
    await scene.hears(target, CALLER)


async def test_what_a_side_sends_before_it_answers_is_heard_by_the_caller_who_is_not_heard_there(
    scene: Scene,
) -> None:
    await scene.begin(scene.target("801", early_media=True), scene.target("802", early_media=True))
    scene.connect()
    announcing = await scene.rings("801")
    await scene.hears(scene.caller, None)  # the music, as long as nothing comes
    announcing.channel.respond(183, {})
    announcing.play(tone(AGENT), loop=True)
    await scene.hears(scene.caller, AGENT)
    await scene.silent(announcing)
    announced_at = scene.leg.media_seconds
    announcing.refuse(486)
    target = await scene.rings("802")
    await scene.hears(scene.caller, None)
    target.channel.respond(183, {})
    target.play(tone(AGENT), loop=True)
    await scene.hears(scene.caller, AGENT)
    target.answer(None)
    await scene.hears(target, None)  # the summary
    await scene.told(Connected)
    await scene.hears(scene.caller, AGENT)
    await scene.hears(target, CALLER)
    await scene.end()
    with wave.open(str(scene.recording)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    announced = both[round((announced_at - 0.4) * RATE) : round(announced_at * RATE), 1]
    assert level(announced, AGENT) > LOUD


async def test_a_summary_is_left_out_where_it_is_not_wanted_and_cut_where_it_is_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: dict[str, float] = {}
    render = scene.prompts.render

    async def note(prompt: Prompt) -> Any:
        rendered = await render(prompt)
        made[prompt.name] = rendered.sound.seconds
        return rendered

    monkeypatch.setattr(scene.prompts, "render", note)
    monkeypatch.setattr("gateway.calls.attempt._WHISPER_LONGEST", 0.5)
    scene.agent.answering |= {"801", "802"}
    await scene.begin(scene.target("801", whisper=False))
    scene.connect()
    target = await scene.rings("801")
    await scene.told(Connected)
    await scene.hears(target, CALLER)
    assert "whisper" not in made
    target.hang_up()
    await scene.told(Parted)
    scene.events.clear()
    scene.passing._hotline = replace(scene.passing._hotline, targets={"person": (scene.target("802"),)})
    scene.connect(Matter(0, place_name="颍州区清河街道", brief="路灯不亮三个月没有人来修理"), number=2)
    await scene.rings("802")
    begun = asyncio.get_running_loop().time()
    await scene.told(Connected)
    assert asyncio.get_running_loop().time() - begun < made["whisper"]


async def test_the_id_that_the_call_has_in_the_targets_own_system_is_kept(scene: Scene) -> None:
    known = scene.target("801", call_id_header="x-pbx-call")
    await scene.begin(known)
    for number, (answer, bye, kept) in enumerate([("PBX-1", "", "PBX-1"), ("", "PBX-2\u0007", "PBX-2")]):
        scene.events.clear()
        scene.agent.targets.clear()
        scene.connect(number=number + 1)
        target = await scene.rings("801")
        target.channel.respond(200, {"X-PBX-Call": answer} if answer else {})
        await scene.told(Connected)
        assert (await scene.written(LegAnswered, number + 1))[-1].their_id == answer
        prm = pj.CallOpParam()
        prm.txOption.headers = header_vector({"X-PBX-Call": bye} if bye else {})
        stack_call(target).hangup(prm)
        await scene.told(Parted)
        assert (await scene.written(LegAnswered))[-1].their_id == answer
        assert (await scene.written(LegEnded, number + 1))[-1].their_id == kept


@pytest.mark.parametrize("broken", ["dialling", "talking"])
async def test_what_fails_here_is_told_to_the_dialogue_and_the_caller_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(broken)

    if broken == "dialling":
        monkeypatch.setattr("gateway.calls.errand.Errand.headers", fail)
    else:
        monkeypatch.setattr("gateway.calls.target_line.TargetLine.talks", fail)
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801"))
    scene.connect()
    if broken == "dialling":
        assert (await scene.told(Refused)).why == "failed"
    else:
        assert (await scene.told(Parted)).by == "lost"
        assert (await scene.rings("801")).ended or await until(lambda: scene.agent.targets["801"].ended)
    await scene.silent(scene.caller)
    assert scene.leg.ended is None
    assert [r.exc_info[0] for r in caplog.records if r.exc_info] == [ValueError]


async def test_an_anonymous_line_tells_the_target_nothing(scene: Scene) -> None:
    scene.agent.answering.add("801")
    await scene.begin(scene.target("801"), anonymous=True)
    scene.connect()
    target = await scene.talk("801")
    invite = scene.agent.invites["801"]
    assert CALLING not in invite
    assert "anonymous" in header(invite, "From")
    assert "X-Hotline" not in invite
    assert "User-to-User" not in invite
    assert scene.scribe.call_id not in invite
    assert await scene.written(Number) == []
    assert [e.sip_call_id for e in await scene.written(Dialled)] == [""]
    target.hang_up()
    await scene.told(Parted)


async def test_danger_rings_within_a_second_though_disks_hang_and_the_lines_are_taken(scene: Scene) -> None:
    await scene.begin(scene.target("801"))
    others = [
        scene.outgoing.call(scene.target(f"9{n}"), caller="", headers={}, danger=False) for n in range(10)
    ]
    with stuck_threads():
        begun = asyncio.get_running_loop().time()
        scene.connect(Matter(0, danger=True))
        await scene.rings("801")
        assert asyncio.get_running_loop().time() - begun < 1
    scene.events.clear()
    scene.connect(Matter(0), number=2)
    assert (await scene.told(Refused)).why == "failed"
    for leg in others:
        leg.hang_up()
    await asyncio.gather(*(leg.closed for leg in others))


def stack_call(leg: Leg) -> pj.Call:
    assert isinstance(leg.channel, pj.Call)
    return leg.channel


def resume(leg: Leg) -> None:
    """Offer anew, with audio both ways."""
    prm = pj.CallOpParam(True)  # noqa: FBT003 - pjsua2: with the default call setting
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    prm.opt.flag = 1  # PJSUA_CALL_UNHOLD, which the bindings leave out
    stack_call(leg).reinvite(prm)


async def bring_in(scene: Scene, **more: Any) -> tuple[Leg, Leg]:
    """A talk into which the agent has brought a third, who sounds his own tone."""
    scene.agent.answering |= {"801", "802"}
    target = scene.target("801", three_way=True, whisper=False, **more)
    await scene.begin(target, third=(scene.target("802", whisper=False),))
    scene.connect()
    agent = await scene.talk("801")
    agent.press("*3")
    third = await scene.rings("802")
    third.play(tone(THIRD), loop=True)
    await scene.hears(scene.caller, THIRD)
    return agent, third


async def test_three_hear_each_other_and_who_leaves_first_leaves_two(scene: Scene) -> None:
    agent, third = await bring_in(scene, ticket="theirs")
    for leg, others in ((scene.caller, (AGENT, THIRD)), (agent, (CALLER, THIRD)), (third, (CALLER, AGENT))):
        for hertz in others:
            await scene.hears(leg, hertz)
    three_at = scene.leg.media_seconds
    agent.hang_up()
    assert [e.by for e in await scene.written(LegEnded, 1)] == ["target"]
    await scene.hears(third, CALLER)
    await scene.hears(scene.caller, THIRD)
    assert level(await scene.next_heard(scene.caller), AGENT) < QUIET
    keys: list[str] = []
    third.on_digit = keys.append
    assert scene.passing.press("5")
    await until(lambda: keys == ["5"])
    for holder, other, voice in ((third, scene.caller, THIRD), (scene.caller, third, CALLER)):
        stack_call(holder).setHold(pj.CallOpParam())
        await scene.hears(other, None)
        resume(holder)
        await scene.hears(other, voice)
    third.hang_up()
    parted = await scene.told(Parted)
    assert parted.by == "target"
    dialled, answered, ended = [await scene.written(kind, 2) for kind in (Dialled, LegAnswered, LegEnded)]
    assert [(d.leg, d.reason, d.target) for d in dialled] == [(1, "person", "801号"), (2, "third", "802号")]
    assert [a.leg for a in answered] == [1, 2]
    assert [(e.leg, e.by) for e in ended] == [(1, "target"), (2, "target")]
    assert parted.talked > ended[0].talked
    await scene.end()
    with wave.open(str(scene.recording)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    talk = both[round((three_at - 0.4) * RATE) : round(three_at * RATE)]
    assert min(level(talk[:, 0], CALLER), level(talk[:, 1], AGENT), level(talk[:, 1], THIRD)) > LOUD


async def test_a_third_who_does_not_come_is_told_of_and_one_who_came_is_let_go_by_the_same_keys(
    scene: Scene,
) -> None:
    scene.agent.answering |= {"801"}
    scene.agent.busy |= {"802"}
    target = scene.target("801", three_way=True, whisper=False)
    await scene.begin(target, third=(scene.target("802", whisper=False),))
    scene.connect()
    agent = await scene.talk("801")
    scene.caller.stop_playing()
    agent.press("*3")
    await scene.hears(agent, None)  # that nobody has come
    await scene.written(LegEnded, 1)
    scene.caller.play(tone(CALLER), loop=True)
    await scene.hears(agent, CALLER)
    scene.agent.busy.clear()
    scene.agent.answering |= {"802"}
    agent.press("3*3")
    third = await scene.rings("802")
    third.play(tone(THIRD), loop=True)
    await scene.hears(scene.caller, THIRD)
    stack_call(scene.caller).setHold(pj.CallOpParam())
    await until(lambda: scene.leg.is_held)
    await scene.hears(agent, THIRD)  # and no music over it
    agent.press("*3")
    await until(lambda: third.ended)
    await scene.hears(agent, None)
    resume(scene.caller)
    await scene.hears(agent, CALLER)
    await scene.hears(scene.caller, AGENT)
    assert not [e for e in scene.events if isinstance(e, Parted)]


@pytest.mark.parametrize("held", [False, True])
async def test_all_three_lines_end_with_the_caller_s(scene: Scene, held: bool) -> None:
    agent, third = await bring_in(scene)
    if held:
        stack_call(agent).setHold(pj.CallOpParam())
        await until(lambda: scene.passing._connecting and scene.passing._connecting._attempt.line.leg.is_held)
        await scene.hears(scene.caller, THIRD)  # and no music over it
    scene.caller.hang_up()
    await until(lambda: agent.ended and third.ended)
    assert [e.by for e in await scene.written(LegEnded, 2)] == ["caller", "caller"]


def came_by_a_trunk(scene: Scene) -> None:
    """As if the caller's exchange had been said to take REFER; it declines (603)."""
    assert scene.leg.incoming
    scene.leg.incoming = replace(scene.leg.incoming, trunk="pbx")
    scene.leg.transfers = frozenset({"refer"})


async def test_a_target_whom_the_caller_s_exchange_does_not_pass_him_to_is_called(scene: Scene) -> None:
    await scene.begin(scene.target("801", transfer="cold", trunk="pbx"))
    came_by_a_trunk(scene)
    scene.connect()
    (await scene.rings("801")).answer(None)
    await scene.talk("801")
    referred, dialled = await scene.written(Dialled)
    assert referred.sip_call_id == scene.leg.sip_call_id != dialled.sip_call_id
    (ended,) = await scene.written(LegEnded)
    assert (ended.leg, ended.cause) == (1, "603 to REFER")


async def test_in_danger_nobody_is_handed_over_who_can_be_called(scene: Scene) -> None:
    await scene.begin(scene.target("801", transfer="cold", trunk="pbx"))
    came_by_a_trunk(scene)
    scene.connect(Matter(0, danger=True))
    (await scene.rings("801")).answer(None)
    await scene.talk("801")
    (dialled,) = await scene.written(Dialled)
    assert dialled.sip_call_id != scene.leg.sip_call_id


class Refusals:
    """The 491s on this machine's loopback interface, as the kernel carries them; for root alone."""

    def __enter__(self) -> Self:
        self._wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._wire.settimeout(0)
        self._wire.bind(("127.0.0.1", 0))
        self._found: set[str] = set()
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.close()

    def look(self) -> set[str]:
        """The transactions that were refused so, by now."""
        with contextlib.suppress(BlockingIOError):
            while packet := self._wire.recv(65535):
                told = packet[_HEADERS:].decode(errors="replace")
                if told.startswith("SIP/2.0 491"):
                    self._found.add(header(told, "Via"))
        return self._found


def offer_both(one: Leg, other: Leg) -> bool:
    """Both offer anew in the same moment; whether they could: an offer of the other's may have been there already."""
    try:
        resume(one)
        resume(other)
    except pj.Error:
        return False
    return True


async def test_both_sides_offering_anew_at_once_costs_nobody_the_talk_and_the_ticket_says_who_took_it(
    agent: Exchange, prompts: PromptBook, hotline: Hotline, tmp_path: Path
) -> None:
    """Glare on either leg: two re-INVITEs cross, and each side refuses the other's with 491 (RFC 3261, 14.1)."""
    scene = Scene(agent, prompts, hotline, tmp_path)
    journals = Journals(spool(tmp_path))
    closed: list[Path] = []
    calling: list[Leg] = []
    agent.answering |= {"801"}
    house = House(
        AsrClient(f"unix:{tmp_path / 'nobody.sock'}"),
        lambda: None,
        MediaPump(),
        Board(),
        NumberBook(tmp_path / "numbers", 1),
        lambda _folder: None,
        Outgoing(lambda target, caller, _headers: dial(target.uri, caller), 30, 20),
    )

    def dial(uri: str, caller: str) -> Leg:
        calling.append(agent.dial(uri, caller=caller))
        return calling[-1]

    line = replace(scene.hotline, targets={"person": (scene.target("801", whisper=False),)})
    dialogue = Dialogue(read_dialogue(DialogueSettings()), scene.prompts, 600, datetime.now(UTC))
    switchboard = Switchboard(Settings(), journals, house, dialogue, Duty, closed.append)
    switchboard.lead = lambda found, _caller: replace(found, hotline=line)
    pumping = asyncio.create_task(house.pump.run())
    caller = agent.dial(f"sip:12345@{agent.address}", caller=CALLING)
    leg = await until(lambda: agent.incoming)
    assert switchboard.admit(leg.incoming) is None
    switchboard.take(leg)
    caller.play(tone(CALLER), loop=True)
    await until(lambda: caller.media_seconds > 1)
    caller.press("0")
    target = await until(lambda: agent.targets.get("801"), 30)
    target.play(tone(AGENT), loop=True)
    await scene.hears(caller, AGENT)
    for own, other in ((leg, caller), (calling[0], target)):
        with Refusals() as refusals:
            async with asyncio.timeout(30):
                while len(refusals.look()) < 2:
                    await until(lambda: offer_both(own, other))  # noqa: B023
                    await scene.hears(caller, AGENT)
                    await scene.hears(target, CALLER)
    await until(
        lambda: target.media_seconds > TALKED_SECONDS + 1, 30
    )  # of less, the ticket would be another's
    target.hang_up()
    await until(lambda: target.ended)
    caller.hang_up()
    await until(lambda: closed and not switchboard.unfinished)
    pumping.cancel()
    await house.asr.close()
    await until(lambda: pj.liveObjects().stackCalls == 0 and len(agent._legs) == 0)
    (drafted,) = draft(await read_record(closed[0]))
    passed = json.loads(drafted.issue("261820700014", 1))["passed"]
    assert (passed["handled_by"], passed["target"]) == ("人工", "801号")
    assert not passed.get("cut_off")
    (ended,) = (w.entry for w in journal.read(closed[0]).entries if isinstance(w.entry, LegEnded))
    assert ended.by == "target"
    assert ended.talked > TALKED_SECONDS
