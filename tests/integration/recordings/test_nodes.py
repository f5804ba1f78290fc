"""A node's ticket numbers come from one data folder alone."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

import pytest
from hotlinecommand import run_hotline

from recordings.database import open_database
from recordings.nodes import NodeTaken, _identify, claim_node, take_node
from tickets.number import CITY_TIME, NumberBook, is_valid

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = (tmp_path / "a", tmp_path / "b")
    for folder in made:
        folder.mkdir()
    return made


async def test_a_node_belongs_to_the_folder_that_came_first(database, folders):
    first, second = folders
    await claim_node(database, 1, first)
    await claim_node(database, 1, first)
    with pytest.raises(NodeTaken, match=rf"node 1 belongs to .*{first}.*`hotline take-node 1`"):
        await claim_node(database, 1, second)
    await claim_node(database, 2, first)  # several gateways on one folder
    await claim_node(database, 0, second)
    await claim_node(database, 1, first)


async def test_a_folder_that_moved_keeps_its_nodes(database, folders, tmp_path):
    await claim_node(database, 1, folders[0])
    moved = folders[0].rename(tmp_path / "elsewhere")
    await claim_node(database, 1, moved)
    folders[0].mkdir()  # a lost folder is another one, whatever its name
    with pytest.raises(NodeTaken):
        await claim_node(database, 1, folders[0])


async def test_a_node_that_was_taken_over_is_refused_to_the_one_before(database, folders):
    first, second = folders
    await claim_node(database, 1, first)
    await take_node(database, 1, second)
    await claim_node(database, 1, second)
    with pytest.raises(NodeTaken, match=str(second)):
        await claim_node(database, 1, first)


async def test_of_many_who_claim_at_once_one_wins(database_url, tmp_path):
    async def claim(number: int) -> bool:
        data = tmp_path / f"host{number}"
        data.mkdir()
        db = open_database(database_url)
        try:
            await claim_node(db, 1, data)
        except NodeTaken:
            return False
        finally:
            await db.close()
        return True

    assert sorted(await asyncio.gather(*map(claim, range(8)))) == [False] * 7 + [True]


def test_all_who_ask_for_a_folders_id_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(_identify, [tmp_path] * 50))
    assert len(found) == 1
    assert len(found.pop()) == 32
    assert [file.name for file in tmp_path.iterdir()] == ["folder.id"]


def hotline(data: Path, *arguments: str) -> tuple[int, str]:
    done = run_hotline("--data", str(data), "--config", str(data / "s.yaml"), *arguments)
    return done.returncode, done.stdout + done.stderr


async def test_the_worker_of_another_folder_is_refused_until_it_takes_the_node_over(
    database, database_url, folders
):
    lost, new = folders
    today = datetime.now(CITY_TIME).date()
    told = [NumberBook(lost / "numbers", 7).next(today) for _ in range(3)]
    await claim_node(database, 7, lost)
    (new / "s.yaml").write_text(f"node: 7\ndatabase: {{url: '{database_url}'}}\n")
    code, said = await asyncio.to_thread(hotline, new, "worker")
    assert code == 78
    assert "node 7 belongs to another data folder" in said
    assert "Traceback" not in said
    code, said = await asyncio.to_thread(hotline, new, "take-node")
    assert (code, "taken over: node 7" in said) == (0, True), said
    await claim_node(database, 7, new)
    after = [NumberBook(new / "numbers", 7).next(today) for _ in range(3)]
    assert not set(after) & set(told)
    assert all(is_valid(number) for number in after)


async def test_the_gateway_of_another_folder_is_refused(database, database_url, folders):
    first, second = folders
    await claim_node(database, 1, first)
    (second / "s.yaml").write_text(
        f"database: {{url: '{database_url}'}}\nsip: {{host: 127.0.0.1, port: 0}}\n"
    )
    code, said = await asyncio.to_thread(hotline, second, "gateway")
    assert code == 78
    assert "node 1 belongs to another data folder" in said
