"""A speech server as vosk-server's own is: one recogniser a connection, one reply a message, nothing else.

Written from its protocol's documentation. `python -m bench.stockserver PORT MODEL [--alternatives] [--whole]` serves
until it is killed: with alternatives whatever is asked, or with whole numbers printed without a point, as old ones did.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor

import vosk
from websockets.asyncio.server import ServerConnection, serve


async def main(arguments: argparse.Namespace) -> None:
    vosk.SetLogLevel(-1)
    model, threads = vosk.Model(arguments.model), ThreadPoolExecutor(2)

    def chunk(recognizer: vosk.KaldiRecognizer, message: str | bytes) -> tuple[str, bool]:
        if message == '{"eof" : 1}':
            return recognizer.FinalResult(), True
        if message == '{"reset" : 1}':
            return recognizer.FinalResult(), False
        return recognizer.Result() if recognizer.AcceptWaveform(
            message
        ) else recognizer.PartialResult(), False

    async def talk(socket: ServerConnection) -> None:
        recognizer, rate, phrases, words, alternatives = None, 8000.0, None, True, 0
        async for message in socket:
            if isinstance(message, str) and "config" in message:
                told = json.loads(message)["config"]
                phrases = told.get("phrase_list", phrases)
                rate = float(told.get("sample_rate", rate))
                words = bool(told.get("words", words))
                alternatives = int(told.get("max_alternatives", alternatives))
                continue
            if recognizer is None:
                grammar = [json.dumps(phrases, ensure_ascii=False)] if phrases else []
                recognizer = vosk.KaldiRecognizer(model, rate, *grammar)
                recognizer.SetWords(words)
                recognizer.SetMaxAlternatives(3 if arguments.alternatives else alternatives)
            reply, over = await asyncio.get_running_loop().run_in_executor(
                threads, chunk, recognizer, message
            )
            await socket.send(re.sub(r"\b(\d+)\.0+\b", r"\1", reply) if arguments.whole else reply)
            if over:
                return

    async with serve(talk, "127.0.0.1", arguments.port, max_size=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("model")
    parser.add_argument("--alternatives", action="store_true")
    parser.add_argument("--whole", action="store_true")
    asyncio.run(main(parser.parse_args()))
