import asyncio
import gc
import subprocess
import weakref

import numpy as np
import pytest
from stuck import stuck_threads

from config import document
from config.prompts import PromptTexts
from gateway.prompts.book import PromptBook
from gateway.prompts.sounds import SoundError, read_wav
from gateway.prompts.wording import PromptError
from ivr.actions import Prompt

OPENING = "您好,阜阳12345,我是语音助手。"
TEXTS = f"""
prompts:
  opening: {OPENING}
  number: 您的工单编号是,{{number}},请记好。
  place: 我记的是:{{place}},{{brief}},对吗?
  tail: 就打您这个尾号{{tail}}的电话,行吗?
  beep: {{tone: 1000, seconds: 0.4}}
"""


def open_book(folder, texts=TEXTS, replacements=None):
    file = folder / "prompts.yaml"
    file.write_text(texts)
    return PromptBook(file, replacements, folder / "cache")


def make_sound(file, *options, seconds=1.5, hertz=440):
    source = f"sine=frequency={hertz}:duration={seconds}"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, *options, file], check=True)


def loudest_hertz(sound):
    samples = np.frombuffer(sound.pcm, "<i2").astype(float)
    return np.argmax(np.abs(np.fft.rfft(samples))) * 8000 / len(samples)


def at_once(work):
    """What the coroutine gives without ever waiting: for a thread, a disk, or anything else."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    pytest.fail("it waits")


async def test_what_is_prepared_is_given_at_once_and_is_one_sound_for_all(tmp_path):
    openings = [Prompt("place", {"place": name, "brief": "热线"}) for name in ("税务", "医保")]
    book = open_book(tmp_path)
    await book.prepare(openings)
    for file in tmp_path.rglob("*.wav"):
        file.unlink()  # the disk is not looked at
    for prompt in (Prompt("opening"), Prompt("beep"), *openings):
        first, second = at_once(book.render(prompt)), at_once(book.render(prompt))
        assert first.sound is second.sound
        assert len({at_once(book.render(other)).sound for other in openings}) == 2
    rendered = at_once(book.render(Prompt("opening")))
    assert rendered.text == OPENING
    assert rendered.sound.seconds == len(rendered.sound.pcm) / 16000 > 2


async def test_a_slot_is_filled_though_every_thread_for_disks_is_stuck(tmp_path):
    book = open_book(tmp_path)
    await book.prepare()
    with stuck_threads():
        rendered = await asyncio.wait_for(book.render(Prompt("tail", {"tail": "0356"})), 10)
    assert rendered.sound.seconds > 2


async def test_prepare_tells_its_progress_and_is_done_once(tmp_path):
    told = []
    await open_book(tmp_path).prepare((), lambda made, wanted: told.append((made, wanted)))
    # opening 1, number 2, place 2 (":" and "," between slots is a pause), tail 2, beep 1
    assert told == [(n, 8) for n in range(1, 9)]
    again = []
    await open_book(tmp_path).prepare((), lambda made, wanted: again.append((made, wanted)))
    assert again == []


async def test_openings_are_made_beforehand_and_stay(tmp_path, monkeypatch):
    openings = [Prompt("place", {"place": name, "brief": "热线"}) for name in ("税务", "医保", "税务")]
    told = []
    await open_book(tmp_path).prepare(
        [*openings, Prompt("opening")], lambda made, wanted: told.append((made, wanted))
    )
    assert told == [(n, 10) for n in range(1, 11)]  # 8 fixed parts, and two different openings with slots
    made = {read_wav(file) for file in (tmp_path / "cache/openings").iterdir()}
    assert len(made) == 2
    monkeypatch.setattr("gateway.prompts.book.speak", None)  # nobody may have to wait for the voice
    book = open_book(tmp_path)
    await book.prepare(openings)
    assert {(await book.render(opening)).sound.pcm for opening in openings} == made
    assert (await book.render(openings[0])).text == "我记的是:税务,热线,对吗?"


async def test_an_opening_that_is_no_prompt_is_refused(tmp_path):
    with pytest.raises(PromptError, match="nothing"):
        await open_book(tmp_path).prepare([Prompt("nothing", {"hotline": "税务"})])


async def test_changed_text_is_spoken_anew(tmp_path):
    old = await open_book(tmp_path, "prompts:\n  opening: 您好。").render(Prompt("opening"))
    new = await open_book(tmp_path, "prompts:\n  opening: 您好,请讲。").render(Prompt("opening"))
    assert new.sound.seconds > old.sound.seconds + 0.3


async def test_slots_are_joined_into_one_sound(tmp_path):
    book = open_book(tmp_path)
    short = await book.render(Prompt("number", {"number": "幺二三"}))
    long = await book.render(Prompt("number", {"number": "幺二三,四五六,七八九,零零幺"}))
    assert short.text == "您的工单编号是,幺二三,请记好。"
    assert long.sound.seconds > short.sound.seconds + 1.5
    fixed = sum(len(read_wav(file)) / 16000 for file in (tmp_path / "cache/fixed").glob("*.wav"))
    assert short.sound.seconds > fixed + 0.6


async def test_values_stand_where_their_slots_are(tmp_path):
    book = open_book(tmp_path)
    one = await book.render(Prompt("place", {"place": "颍上县慎城镇", "brief": "房子漏雨"}))
    other = await book.render(Prompt("place", {"place": "房子漏雨", "brief": "颍上县慎城镇"}))
    assert one.sound.pcm != other.sound.pcm


async def test_fifty_calls_at_once_get_their_own_numbers(tmp_path):
    book = open_book(tmp_path)
    rendered = await asyncio.gather(*(book.render(Prompt("tail", {"tail": f"{n:04}"})) for n in range(50)))
    assert len({r.sound.pcm for r in rendered}) == 50


async def test_what_is_said_to_one_caller_is_on_no_disk_and_nobody_keeps_it(tmp_path):
    book = open_book(tmp_path)
    await book.prepare()
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    rendered = await book.render(Prompt("tail", {"tail": "0356"}))
    assert rendered.sound.seconds > 2
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before
    told = weakref.ref(rendered.sound)
    del rendered
    gc.collect()
    assert told() is None


async def test_what_an_earlier_version_left_of_callers_is_removed_at_the_start(tmp_path):
    joined = tmp_path / "cache/joined"
    joined.mkdir(parents=True)
    for name in ("0123456789abcdef.wav", ".scratch.wav"):
        (joined / name).write_bytes(b"RIFF")
    await open_book(tmp_path).prepare()
    assert list(joined.iterdir()) == []


async def test_value_of_signs_only_is_left_out(tmp_path):
    book = open_book(tmp_path)
    rendered = await book.render(Prompt("place", {"place": "…", "brief": "路灯不亮"}))
    assert rendered.sound.seconds > 1


async def test_tone(tmp_path):
    rendered = await open_book(tmp_path).render(Prompt("beep"))
    assert (rendered.sound.seconds, rendered.text) == (0.4, "")
    assert abs(loudest_hertz(rendered.sound) - 1000) < 5


async def test_operators_recordings_replace_the_voice(tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    make_sound(own / "opening.wav", "-ar", "44100", "-ac", "2", seconds=1.5, hertz=440)
    make_sound(own / "number.2.mp3", seconds=2.0, hertz=700)
    make_sound(own / "beep.flac", seconds=0.5, hertz=600)
    (own / "notes.txt").write_text("who spoke what")
    book = open_book(tmp_path, replacements=own)
    await book.prepare()
    opening = await book.render(Prompt("opening"))
    assert abs(opening.sound.seconds - 1.5) < 0.01
    assert abs(loudest_hertz(opening.sound) - 440) < 5
    assert opening.text == OPENING
    number = await book.render(Prompt("number", {"number": "三"}))
    assert abs(loudest_hertz(number.sound) - 700) < 5
    beep = await book.render(Prompt("beep"))
    assert abs(loudest_hertz(beep.sound) - 600) < 5


async def test_prompts_are_copied_by_the_names_that_replace_them(tmp_path):
    copies = tmp_path / "copies"
    assert await open_book(tmp_path).export(copies) == 8
    names = {file.name for file in copies.iterdir()}
    assert {"opening.wav", "number.1.wav", "number.2.wav", "place.2.wav", "beep.wav"} <= names
    assert open_book(tmp_path).recordings == 0
    book = open_book(tmp_path, replacements=copies)
    assert book.recordings == 8
    opening = await book.render(Prompt("opening"))
    assert opening.sound.pcm == read_wav(copies / "opening.wav")


async def test_new_recording_is_taken_at_the_next_start(tmp_path):
    make_sound(tmp_path / "opening.wav", seconds=1)
    old = await open_book(tmp_path, replacements=tmp_path).render(Prompt("opening"))
    make_sound(tmp_path / "opening.wav", "-y", seconds=2)
    new = await open_book(tmp_path, replacements=tmp_path).render(Prompt("opening"))
    assert (round(old.sound.seconds), round(new.sound.seconds)) == (1, 2)


async def test_what_a_power_failure_cut_short_is_made_again(tmp_path):
    openings = [Prompt("place", {"place": "税务", "brief": "热线"})]
    await open_book(tmp_path).prepare(openings)
    kept = {file: file.read_bytes() for file in tmp_path.rglob("*.wav")}
    for number, (file, whole) in enumerate(kept.items()):
        file.write_bytes((b"", bytes(len(whole)), whole[:-2])[number % 3])
    told = []
    await open_book(tmp_path).prepare(openings, lambda made, wanted: told.append((made, wanted)))
    assert told[-1] == (len(kept), len(kept))
    assert {file: file.read_bytes() for file in kept} == kept


async def test_unreadable_recording_is_named(tmp_path):
    (tmp_path / "opening.wav").write_bytes(b"no sound at all")
    book = open_book(tmp_path, replacements=tmp_path)
    with pytest.raises(SoundError, match=r"opening\.wav"):
        await book.prepare()


def test_recording_of_no_prompt_is_named(tmp_path):
    (tmp_path / "openning.wav").touch()
    with pytest.raises(PromptError, match=r"openning\.wav"):
        open_book(tmp_path, replacements=tmp_path)


def test_two_recordings_of_one_prompt_are_named(tmp_path):
    (tmp_path / "opening.wav").touch()
    (tmp_path / "opening.mp3").touch()
    with pytest.raises(PromptError, match=r"opening\.wav and .*opening\.mp3"):
        open_book(tmp_path, replacements=tmp_path)


def test_missing_folder_of_recordings_is_named(tmp_path):
    with pytest.raises(PromptError, match="nowhere"):
        open_book(tmp_path, replacements=tmp_path / "nowhere")


async def test_unknown_prompt_and_missing_slot(tmp_path):
    book = open_book(tmp_path)
    with pytest.raises(PromptError, match="'farewell'"):
        await book.render(Prompt("farewell"))
    with pytest.raises(PromptError, match=r"\{brief\}"):
        await book.render(Prompt("place", {"place": "颍上县"}))


def test_text_of_signs_only_is_refused(tmp_path):
    with pytest.raises(PromptError, match="'greeting'"):
        open_book(tmp_path, "prompts: {greeting: …}")


async def test_embedded_prompts_can_all_be_said(tmp_path):
    embedded = document.load(PromptTexts, document.embedded("prompts.yaml"))
    book = PromptBook(document.embedded("prompts.yaml"), None, tmp_path)
    await book.prepare()
    for name in embedded.prompts:
        rendered = await book.render(Prompt(name, dict.fromkeys(embedded.slots(name), "一二三")))
        assert 0.3 < rendered.sound.seconds < 30, name
