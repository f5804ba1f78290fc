"""The vocabulary holds what the product says and hears."""

from pathlib import Path

import pytest
import yaml

from asr.demo_model.vocabulary import (
    LEXICON,
    VocabularyError,
    list_phones,
    load_lexicon,
    load_vocabulary,
)
from asr.grammar import segment
from config.document import load
from config.prompts import PromptTexts
from ivr import asking, collecting
from ivr.compile import compile_flow
from ivr.flow import Ask, Digits

CONFIG = Path(__file__).parents[3] / "config"

RISK = (
    "不想活 自杀 想死 轻生 跳楼 割腕 上吊 烧炭 安眠药 遗书 活不下去 同归于尽 报复社会 砍人 放火 火灾 着火 起火 爆炸 "
    "燃气泄漏 煤气味 触电 溺水 落水 晕倒 流血 打架 持刀 讨薪 群体聚集 塌方 坍塌 救命"
)
NOT_RISK = "烦死了 累死了 气死了 热死了 急死 笑死 没有自杀 不是火灾"
SAID_TO_THE_FLOW = (
    "投诉 举报 咨询 求助 建议 表扬 人工 转人工 找人 接线员 重复 再说一遍 没有了 说完了 没说完 还有 等一下 不知道 "
    "听不清 大声 您好 喂 谢谢 再见 查进度 催办 回电 这个号码 换一个 尾号 是 是的 对 对的 行 可以 好 好的 没错 不是 "
    "不对 不行 不要 没有 有 嗯 错了"
)
NUMBERS = "零 一 二 三 四 五 六 七 八 九 幺 十 百 千 万 亿 两 点 半 元 块 毛 万元 年 月 日 号 皖"
HOTLINES = (
    "旅游投诉 知识产权 食药监督 自然资源 民政服务 价格举报 火灾隐患 三农 扶贫监督 文化市场 城管 住建 公共卫生 "
    "交通运输 住房公积金 人力资源 社会保障 法律服务 安全生产 环保举报 残疾人维权 医保 邮政 烟草 海关 税务 移民管理 "
    "电信 防震减灾 质检 心理援助"
)
EVERYDAY = (
    "noise water power heat roads waste property traffic market labor medical school animals pollution demolition "
    "rural telecom government"
)


@pytest.mark.parametrize("words", [RISK, NOT_RISK, SAID_TO_THE_FLOW, NUMBERS, HOTLINES])
def test_required_words_are_there(words: str) -> None:
    missing = set(words.split()) - set(load_vocabulary().words)
    assert not missing


def test_is_large_enough() -> None:
    vocabulary = load_vocabulary()
    everyday = {w for name in vocabulary.groups for w in vocabulary.groups[name] if name in EVERYDAY.split()}
    assert len(vocabulary.words) >= 1400
    assert len(everyday) >= 400


def test_every_place_of_the_gazetteer_is_a_word() -> None:
    gazetteer = yaml.safe_load((CONFIG / "gazetteer.yaml").read_text(encoding="utf-8"))
    named = set(gazetteer["roads"])
    for county in gazetteer["counties"]:
        named |= {county["name"], *county.get("also", ()), *county["townships"]}
    assert not named - set(load_vocabulary().words)


# Whoever rates in these words: 还可以 and 还行, 不太满意 and 不满意, which mean the same, are heard.
BEYOND = {"基本满意", "基本上满意", "一般", "不够满意", "谈不上满意", "说不上满意"}


@pytest.mark.parametrize("file", sorted((CONFIG / "flows").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_answer_that_a_flow_listens_for_is_made_of_words(file: Path) -> None:
    known = set(load_vocabulary().words)
    flow = compile_flow(file, load(PromptTexts, CONFIG / "prompts.yaml"))
    grammars = [asking.ear(flow, node)[0] for node in flow.nodes.values() if isinstance(node, Ask)]
    grammars += [collecting.grammar(flow, node) for node in flow.nodes.values() if isinstance(node, Digits)]
    answers = {phrase for grammar in grammars for phrase in grammar or ()}
    assert len(answers) > 20
    beyond = {phrase for phrase in answers if segment(phrase, known.__contains__) is None}
    assert beyond <= BEYOND


def test_the_lexicon_reads_every_word_syllable_by_syllable() -> None:
    vocabulary = load_vocabulary()
    lexicon = load_lexicon(vocabulary)
    for word, entry in lexicon.items():
        assert entry.phones, word
        assert word.isascii() or len(entry.pinyin) == len(word), word
        assert all(syllable[-1] in "12345" for syllable in entry.pinyin), word
    assert lexicon["转人工"].pinyin == ("zhuan3", "ren2", "gong1")
    assert len(list_phones(lexicon)) == len(set(list_phones(lexicon)))


def test_longer_words_never_sound_alike() -> None:
    # tones are not modelled: two words of two syllables with the same sounds could never be told apart
    heard: dict[tuple[str, ...], str] = {}
    for word, entry in load_lexicon(load_vocabulary()).items():
        if len(entry.pinyin) > 1:
            assert entry.phones not in heard, (word, heard.get(entry.phones))
            heard[entry.phones] = word


def test_a_lexicon_of_another_vocabulary_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "lexicon.tsv"
    other.write_text(
        "".join(LEXICON.read_text(encoding="utf-8").splitlines(keepends=True)[1:]), encoding="utf-8"
    )
    with pytest.raises(
        VocabularyError, match=r"lexicon\.tsv does not fit .* run `python -m asr\.demo_model lexicon`"
    ):
        load_lexicon(load_vocabulary(), other)


def test_a_reading_of_no_word_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vocabulary.yaml"
    path.write_text("groups: {a: 好}\nsyllables: ba\npinyin: {坏: huai4}\n", encoding="utf-8")
    with pytest.raises(VocabularyError, match="pinyin for words in no group: 坏"):
        load_vocabulary(path)
