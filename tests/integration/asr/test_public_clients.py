"""What the public clients of vosk-server do, written from its protocol's documentation, against ours, unchanged."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
import socket
import struct
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.sync.client import connect as connect_and_block

from asr.server import SpeechServer

WORDS = "路灯 不亮"

NODE = """
const net = require('net'), crypto = require('crypto'), fs = require('fs');
const pcm = fs.readFileSync(process.argv[3]);
const socket = net.connect(Number(process.argv[2]), '127.0.0.1');
function frame(opcode, payload) {
  const mask = crypto.randomBytes(4), size = payload.length;
  const head = size < 126 ? Buffer.from([0x80 | opcode, 0x80 | size])
    : Buffer.from([0x80 | opcode, 0x80 | 126, size >> 8, size & 255]);
  const body = Buffer.from(payload.map((byte, at) => byte ^ mask[at % 4]));
  socket.write(Buffer.concat([head, mask, body]));
}
socket.write('GET / HTTP/1.1\\r\\nHost: x\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
  'Sec-WebSocket-Version: 13\\r\\nSec-WebSocket-Key: ' + crypto.randomBytes(16).toString('base64') + '\\r\\n\\r\\n');
let data = Buffer.alloc(0), open = false;
socket.on('data', (more) => {
  data = Buffer.concat([data, more]);
  if (!open) {
    const end = data.indexOf('\\r\\n\\r\\n');
    if (end < 0) return;
    open = true; data = data.subarray(end + 4);
    const config = {sample_rate: '8000', max_alternatives: 1, words: 1, partial: true};
    frame(1, Buffer.from(JSON.stringify({config})));
    for (let at = 0; at < pcm.length; at += 4000) frame(2, pcm.subarray(at, at + 4000));
    frame(1, Buffer.from('{"eof" : 1}'));
  }
  while (data.length >= 2) {
    const short = data[1] & 127, from = short === 126 ? 4 : 2;
    if (short === 126 && data.length < 4) return;
    const size = short === 126 ? data.readUInt16BE(2) : short;
    if (data.length < from + size) return;
    if ((data[0] & 15) === 1) console.log(JSON.stringify(JSON.parse(data.subarray(from, from + size).toString())));
    if ((data[0] & 15) === 8) { socket.end(); return; }
    data = data.subarray(from + size);
  }
});
"""


@pytest.fixture
async def port(engine):
    server = SpeechServer(engine)
    await server.start("tcp:127.0.0.1:0")
    yield server.port
    await server.stop()


@pytest.fixture
async def pcm(spoken, silence):
    return silence(0.3) + await spoken("路灯不亮") + silence(0.3)


def text_of(replies: list[dict]) -> str:
    return " ".join(r["text"] for r in replies if r.get("text"))


async def test_the_asyncio_client(port, pcm):
    """One frame, one reply, and the same again."""
    async with connect(f"ws://127.0.0.1:{port}") as ws:
        await ws.send('{ "config" : { "sample_rate" : 8000 } }')
        replies = []
        for at in range(0, len(pcm), 3200):
            await ws.send(pcm[at : at + 3200])
            replies.append(json.loads(await ws.recv()))
        await ws.send('{"eof" : 1}')
        replies.append(json.loads(await ws.recv()))
    assert text_of(replies) == WORDS
    assert all(set(r) in ({"partial"}, {"text"}, {"text", "result"}) for r in replies)


async def test_the_threaded_client(port, pcm):
    """It blocks, and several do so at once; its numbers are fractions, its end comes in binary."""
    heard = []

    def talk() -> None:
        with connect_and_block(f"ws://127.0.0.1:{port}") as ws:
            ws.send(json.dumps({"config": {"sample_rate": 8000.0, "phrase_list": None}}))
            ws.send(pcm)
            replies = [json.loads(ws.recv())]
            ws.send(b'{"eof" : 1}')
            heard.append(text_of([*replies, json.loads(ws.recv())]))

    threads = [threading.Thread(target=talk) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):  # noqa: ASYNC110 - threads tell the loop nothing
        await asyncio.sleep(0.02)
    assert heard == [WORDS] * 4


async def test_the_client_that_asks_for_alternatives(port, pcm):
    async with connect(f"ws://127.0.0.1:{port}") as ws:
        await ws.send('{"config": {"sample_rate": 8000}}')
        await ws.send('{"config": {"max_alternatives": 20, "words": 1}}')  # adds to the one before
        await ws.send(pcm)
        await ws.recv()
        await ws.send('{"eof" : 1}')
        told = json.loads(await ws.recv())
    assert told["alternatives"][0]["text"].strip() == WORDS
    assert {"confidence", "text", "result"} == set(told["alternatives"][0])


async def test_the_microphone(port, pcm):
    """It sends whenever a block is full, and reads beside that; keys that only its own server knows among the rest."""
    async with connect(f"ws://127.0.0.1:{port}") as ws:
        await ws.send('{"config": {"sample_rate": 8000, "lang": "cn", "user": {"id": 1}}}')

        async def hear() -> list[dict]:
            return [json.loads(message) async for message in ws]

        hearing = asyncio.create_task(hear())
        for at in range(0, len(pcm), 2047):  # a block is not always a whole number of samples
            await ws.send(pcm[at : at + 2047])
            await asyncio.sleep(0)
        await ws.send('{"eof":1}')
        replies = await hearing
    assert text_of(replies) == WORDS
    assert len(replies) == -(-len(pcm) // 2047) + 1, "exactly one reply a binary frame"


async def test_the_node_client(port, pcm, tmp_path):
    node = shutil.which("node")
    assert node, "the page is built with it"
    (tmp_path / "client.js").write_text(NODE)
    (tmp_path / "speech.raw").write_bytes(pcm)
    process = await asyncio.create_subprocess_exec(
        *(node, tmp_path / "client.js", str(port), tmp_path / "speech.raw"), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(60):
        told, _ = await process.communicate()
    replies = [json.loads(line) for line in told.decode().splitlines()]
    assert replies[-1]["alternatives"][0]["text"].strip() == WORDS
    assert len(replies) == -(-len(pcm) // 4000) + 1


def talk_in_raw_frames(port: int, pcm: bytes) -> list[dict]:
    """A message in several fragments, a ping between them, an empty message, and no word after the end."""

    def frame(opcode: int, payload: bytes, *, last: bool = True) -> bytes:
        size = (
            struct.pack("!B", 0x80 | len(payload))
            if len(payload) < 126
            else struct.pack("!BH", 0xFE, len(payload))
        )
        return bytes([(0x80 if last else 0) | opcode]) + size + bytes(4) + payload

    def read(stream) -> tuple[int, bytes]:
        first, second = stream.read(2)
        size = struct.unpack("!H", stream.read(2))[0] if second == 126 else second
        return first & 15, stream.read(size)

    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        key = base64.b64encode(bytes(16)).decode()
        connection.sendall(
            "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        stream = connection.makefile("rb")
        while stream.readline().strip():
            pass
        half = len(pcm) // 4 * 2
        connection.sendall(frame(2, b"") + frame(2, pcm[:half], last=False) + frame(9, b"there?"))
        connection.sendall(frame(0, pcm[half:]) + frame(1, b'{ "eof" : 1 }'))
        replies = []
        while True:
            opcode, payload = read(stream)
            if opcode == 8:
                return replies
            if opcode == 1:
                replies.append(json.loads(payload))


async def test_the_client_of_raw_frames(port, pcm):
    replies = await asyncio.get_running_loop().run_in_executor(None, talk_in_raw_frames, port, pcm)
    assert [set(reply) for reply in replies][:2] == [{"partial"}, {"partial"}]
    assert text_of(replies) == WORDS
    assert len(replies) == 3
