"""``hotline classify``, as who keeps the catalogue runs it."""

from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from hotlinecommand import run_hotline

from recordings.database import migrate
from tickets.categories.samples import read_samples
from tickets.categories.suggestion import SHIPPED_MODEL

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

STARTER = SHIPPED_MODEL.parent / "starter.csv"


def hotline(data: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return run_hotline("--data", str(data), "classify", *words)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Every seventh text of the starter set under labels that no catalogue has."""
    file = tmp_path / "small.csv"
    names = {"环境保护": "甲", "政法": "乙", "教育文体": "丙_一"}
    with file.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["id", "label", "text"])
        for i, (text, label) in enumerate(read_samples(STARTER)):
            if (first := label.partition("_")[0]) in names and i % 3 == 0:
                rows.writerow([i, names[first], text])
    return file


def test_a_model_of_labels_outside_the_catalogue_is_trained_and_measured(small: Path, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        done = hotline(tmp_path, "train", str(small), "--out", str(tmp_path / folder))
        assert done.returncode == 0, done.stderr
        assert "3 个标签" in done.stdout
    assert (tmp_path / "one/model.npz").read_bytes() == (tmp_path / "two/model.npz").read_bytes()
    done = hotline(tmp_path, "eval", str(small), "--model", str(tmp_path / "one"), "--json")
    found = json.loads(done.stdout)
    assert found["texts"] == sum(map(sum, (row.values() for row in found["confusion"].values())))
    assert set(found["per_class"]) == {"甲", "乙", "丙_一"}
    assert found["macro_f1"] > 0.95
    assert done.stderr == ""


def test_cross_validation_stands_beside_the_plainest_classifier(small: Path, tmp_path: Path) -> None:
    done = hotline(tmp_path, "eval", str(small), "--folds", "2", "--json")
    found = json.loads(done.stdout)
    assert found["folds"] == 2
    assert found["macro_f1"] >= found["baseline"]["macro_f1"]
    assert 0.5 < found["accuracy"] <= 1
    assert 0 <= found["calibration_error"] <= 1
    told = hotline(tmp_path, "eval", str(small), "--folds", "2").stdout
    assert f"macro-F1 {found['macro_f1']:.3f}" in told
    assert "线性 SVM" in told


def test_the_embedded_model_knows_the_starter_set_and_says_what_it_never_learnt(
    small: Path, tmp_path: Path
) -> None:
    done = hotline(tmp_path, "eval", str(STARTER), "--json")
    found = json.loads(done.stdout)
    assert found["levels"]["1"]["macro_f1"] > 0.95
    assert found["texts_per_second"] > 200  # on a machine busy with other tests
    assert "3 个标签" in hotline(tmp_path, "eval", str(small), "--json").stderr


def test_what_cannot_be_used_is_one_clear_message(tmp_path: Path) -> None:
    file = tmp_path / "one.csv"
    file.write_text("text,label\n路灯坏了,甲\n")
    done = hotline(tmp_path, "train", str(file), "--out", str(tmp_path / "model"))
    assert (done.returncode, "至少要有两种标签" in done.stderr) == (78, True)
    file.write_text("text,label\n")
    assert "没有一条样本" in hotline(tmp_path, "eval", str(file)).stderr
    assert (
        "hotline classify train" in hotline(tmp_path, "eval", str(STARTER), "--model", str(tmp_path)).stderr
    )
    assert "at least 2" in hotline(tmp_path, "eval", str(STARTER), "--folds", "1").stderr


REVIEWS = (  # ticket, review, decision, category, content, confidential
    ("1", 1, "accepted", "环境保护", "工厂半夜排黑烟,电话13855812345", False),
    ("1", 2, "accepted", "政法", "工厂半夜排黑烟,电话13855812345,幺三八五五八幺二三四五", False),
    ("2", 1, "accepted", "环境保护", "楼下吵得睡不着", True),
    ("3", 1, "returned", "民政", "听不清", False),
    ("4", 1, "accepted", "", "没有分类", False),
    ("5", 1, "accepted", "民政", "来电人未说明诉求", False),
    ("6", 1, "accepted", "政法", "来电人未说明诉求", False),
)


def test_what_agents_decided_becomes_examples(tmp_path: Path) -> None:
    file = tmp_path / "hotline.db"
    asyncio.run(migrate(f"sqlite+aiosqlite:///{file}"))
    with sqlite3.connect(file) as connection:
        for number, review, decision, category, content, confidential in REVIEWS:
            fields = {
                "type": None,
                "title": "标题",
                "content": content,
                "urgency": "一般",
                "contact": "",
                "category_1": category,
                "category_2": "",
                "category_3": "",
                "confidential": confidential,
                "county": "",
                "township": "",
                "village": "",
                "address": "",
            }
            connection.execute(
                "INSERT INTO reviews (number, review, call_id, revision, agent, decision, document, words_sha256,"
                " created_at) VALUES (?, ?, 'c', 2, 'a', ?, ?, '', '2026-11-01 00:00:00.000000')",
                (number, review, decision, json.dumps({"fields": fields})),
            )
    settings = tmp_path / "gateway.yaml"
    settings.write_text(f"database: {{url: 'sqlite+aiosqlite:///{file}'}}\n")
    command = ("--config", str(settings), "--data", str(tmp_path / "var"), "classify", "export")
    done = run_hotline(*command)
    assert done.returncode == 0, done.stderr
    said = REVIEWS[1][4].replace("13855812345", "0").replace("幺三八五五八幺二三四五", "0")
    assert list(csv.reader(done.stdout.splitlines())) == [["text", "label"], [said, "政法"]]
    to = tmp_path / "out.csv"
    assert run_hotline(*command, "--out", str(to)).returncode == 0
    assert to.read_text() == done.stdout
