from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.categories import CatalogueEntry, read_catalogue
from tickets.categories import Categorizer, open_categorizer, suggest
from tickets.categories.corrections import forget_numbers
from tickets.categories.grams import cut, list_spans, plain
from tickets.categories.model import Belief, Classifier
from tickets.categories.rules import Rules
from tickets.categories.samples import Sample, SamplesError, deal, read_samples, read_turns
from tickets.categories.storage import ModelError, load
from tickets.categories.suggestion import SHIPPED_MODEL
from tickets.meaning.files import MODEL as FILE

STARTER = SHIPPED_MODEL.parent / "starter.csv"


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("喂你好俺庄上停电两天了供电所电话没人接", ("城乡建设", "城市建设和市政管理", "电力供应")),
        ("那个包工头欠我们十几个农民工的工钱跑了", ("劳动和社会保障", "劳动关系", "农民工权益")),
        ("夜里工地打桩吵得睡不着觉", ("环境保护", "环境污染", "噪音污染")),
        ("快递员不送货上门全扔驿站", ("交通运输", "邮政管理", "快递市场管理")),
        ("想问一下农村低保咋申请", ("民政", "社会救助", "农村低保")),
        ("旅行社导游强制我们购物", ("商贸旅游", "旅游管理", "旅游市场管理")),
        ("有人在河里偷采砂石", ("国土资源", "矿产资源管理", "矿产开采")),
    ],
)
def test_what_callers_say_finds_its_category_with_its_reasons(text: str, path: tuple[str, str, str]) -> None:
    found = suggest(text)
    assert found.shown == path
    assert found.decided
    assert found.confidence > 0.6
    assert all(word in plain(text) for word in found.words)
    assert found.reasons
    assert found.words


def test_the_recognisers_mistakes_are_heard_through() -> None:
    assert suggest("饭店卖过其食品吃了拉度子").category_1 == "卫生计生"
    assert suggest("老板托欠公资三个月").category_1 == "劳动和社会保障"


def test_words_that_say_nothing_are_left_to_the_agent() -> None:
    for text in ("", "喂", "你好我有个事想反映一下", "嗯那个就是说"):
        found = suggest(text)
        assert (found.decided, found.shown) == (False, ("", "", "")), text
        assert found.category_1, text
        assert found.reasons


def test_the_line_decides_what_the_words_leave_open_and_no_more() -> None:
    for text in ("", "你好我有个事想反映一下"):
        found = suggest(text, ("环境保护",))
        assert found.shown == ("环境保护", "", "")
        assert "热线预设环境保护" in found.reasons
    found = suggest("", ("商贸旅游", "市场监管", "物价监督"))
    assert found.shown == ("商贸旅游", "市场监管", "物价监督")
    assert suggest("老板拖欠工资三个月不给", ("环境保护",)).category_1 == "劳动和社会保障"
    assert suggest("", ("没有这一类",)).decided is False


def test_another_citys_catalogue_is_suggested_by_its_words() -> None:
    shipped = load(SHIPPED_MODEL)
    city = Categorizer(
        shipped,
        [
            CatalogueEntry(("市政", "", "")),
            CatalogueEntry(("市政", "照明", ""), "0102", ("路灯", "黑灯瞎火")),
            CatalogueEntry(("环境保护", "", "")),
            CatalogueEntry(("环境保护", "噪音", ""), "0301", ("扰民",)),
        ],
    )
    found = city.suggest("我们这里路灯坏了黑灯瞎火的")
    assert (found.category_1, found.category_2, found.category_3, found.code) == ("市政", "照明", "", "0102")
    assert city.suggest("烟囱冒黑烟呛人").category_1 == "环境保护"  # which the classifier knows
    assert city.version != open_categorizer().version


@given(st.text(max_size=200), st.sampled_from([(), ("民政",), ("政法", "诉讼"), ("无",)]))
def test_whatever_is_said_there_is_a_guess_within_the_catalogue(text: str, preset: tuple[str, ...]) -> None:
    found = suggest(text, preset)
    assert (found.category_1, found.category_2, found.category_3) in CATALOGUE
    assert 0 <= found.confidence <= 1
    assert 0 <= found.depth <= 3
    assert found.reasons
    assert found == suggest(text, preset)


CATALOGUE = {entry.path for entry in read_catalogue()}


def test_grams_stand_where_they_were_said() -> None:
    said = plain("路灯,不 亮了!13855812345 KTV")
    assert said == "路灯不亮了0ktv"
    grams = list(zip(cut(said), list_spans(said), strict=True))
    for key, (start, end) in grams:
        assert key.startswith("~") or said[start:end] == key
    assert ("~lu den", (0, 2)) in grams


def test_of_words_that_overlap_the_longer_counts() -> None:
    rules = Rules([("电动车", "甲"), ("电动车充电", "乙"), ("充电", "丙"), ("充电", "丁")])
    assert [(hit.word, hit.labels) for hit in rules.find("电动车充电又充电充电")] == [
        ("电动车充电", ("乙",)),
        ("充电", ("丙", "丁")),
    ]


def test_the_starter_set_is_large_and_of_the_catalogue() -> None:
    samples = read_samples(STARTER)
    by_first: dict[str, set[str]] = {}
    for text, label in samples:
        first, second, third = label.split("_")
        assert (first, second, third) in CATALOGUE
        by_first.setdefault(first, set()).add(text)
    assert len(by_first) == 15
    assert min(map(len, by_first.values())) >= 40
    assert len({text for text, _ in samples}) == len(samples)


def test_every_turn_of_speech_is_of_the_catalogue() -> None:
    turns = read_turns()
    assert {label.partition("_")[0] for _, label in turns} == {first for first, _, _ in CATALOGUE}
    assert {label for _, label in turns} <= {label for _, label in read_samples(STARTER)}
    assert len(set(turns)) == len(turns)


def test_a_level_is_never_surer_than_the_one_above_it() -> None:
    shipped = load(SHIPPED_MODEL)
    bent = Classifier(
        shipped.vocabulary,
        shipped.first,
        shipped.below,
        "",
        (Belief(0.5, 0.0), Belief(1.0, 0.5), Belief(1.0, 3.0)),
    )
    one, two, three = bent.believe(0.9, 0.5, 0.4)
    assert one == pytest.approx(0.75)
    assert two == pytest.approx(0.622, abs=0.001)
    assert three == two  # it alone would be 0.93
    assert bent.believe(1.0, 1.0, 0.0)[2] < 0.001
    for probability in (0.0, 0.2, 0.7, 1.0):
        assert Belief(1.0, 0.0).of(probability) == pytest.approx(probability, abs=1e-5)


def test_folds_spread_each_label_the_same_way_at_every_run() -> None:
    samples = [Sample(f"{label}{i}", label) for label in "甲乙丙" for i in range(10)]
    dealt = deal(samples, 5)
    assert dealt == deal(samples, 5)
    for first in range(0, 30, 10):
        assert sorted(dealt[first : first + 10]) == sorted([*range(5), *range(5)])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("text,label\n路灯坏了,\n", ":2: text 或 label 为空"),
        ("内容,分类\n路灯坏了,城乡建设\n", ":1: 缺少 text、label 两列"),
        ("", ":1: 缺少 text、label 两列"),
    ],
)
def test_a_file_of_samples_that_cannot_be_used_says_where(
    content: str, complaint: str, tmp_path: Path
) -> None:
    file = tmp_path / "samples.csv"
    file.write_text(content)
    with pytest.raises(SamplesError, match=complaint):
        read_samples(file)


def test_a_folder_without_a_classifier_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="hotline classify train"):
        load(tmp_path)
    whole = (SHIPPED_MODEL / FILE).read_bytes()
    for broken in (b"", b"PK", whole[: len(whole) // 2], whole[:-200]):
        (tmp_path / FILE).write_bytes(broken)
        with pytest.raises(ModelError, match="train it anew"):
            load(tmp_path)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("打138 5581 2345找我", "打0找我"),
        ("打幺三八后面是五五八幺然后二三四五找我", "打0找我"),
        ("身份证34120219900101103X", "身份证0"),
        ("路灯在3号楼2单元2026年11月坏的", "路灯在3号楼2单元2026年11月坏的"),
    ],
)
def test_nobodys_number_is_learnt_from(text: str, kept: str) -> None:
    assert forget_numbers(text) == kept


def test_a_suggestion_loads_nothing_that_only_trains() -> None:
    program = (
        "import sys; from tickets.categories import suggest; suggest('路灯坏了');"
        "sys.exit(any(m.split('.')[0] in {'sklearn', 'scipy', 'jionlp'} for m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)
    assert done.returncode == 0


def test_the_shipped_model_is_small() -> None:
    assert (SHIPPED_MODEL / FILE).stat().st_size < 14_500_000
