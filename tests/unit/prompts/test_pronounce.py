import pytest

from gateway.prompts.pronounce import is_sayable, pronounce


@pytest.mark.parametrize(
    ("text", "pinyin"),
    [
        ("转人工", "zhuan3 ren2 gong1"),
        ("银行行长", "yin2 hang2 hang2 zhang3"),
        ("女孩绿色旅游", "nü3 hai2 lü4 se4 lü3 you2"),
        ("好吗", "hao3 ma5"),
        ("阜阳12345", "fu4 yang2 yao1 er4 san1 si4 wu3"),
        ("按1", "an4 yi1"),
        ("尾号1101", "wei3 hao4 yao1 yao1 ling2 yao1"),
        ("12", "yao1 er4"),
        ("3.5", "san1 dian3 wu3"),
        ("按#号键", "an4 jing3 hao4 jian4"),
        ("*", "xing1 hao4"),
        ("皖K", "wan3 kei4"),
        ("嗯,好", "en4, hao3"),
        ("您好,您说。", "nin2 hao3, nin2 shuo1"),
        ("“人工”!!再见……", "ren2 gong1. zai4 jian4"),
        (",。好", "hao3"),
        ("二〇二六", "er4 ling2 er4 liu4"),
        ("🙂<>", ""),
        ("", ""),
    ],
)
def test_reading(text, pinyin):
    assert pronounce(text) == pinyin


def test_every_letter_and_digit_has_a_reading():
    for sign in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789":
        assert pronounce(sign), sign


def test_what_can_be_said_is_told_as_it_is_pronounced():
    every = [
        *map(chr, range(0x20, 0x250)),
        *map(chr, range(0x3000, 0xA000)),
        *map(chr, range(0xFE00, 0xFFF0)),
    ]
    assert [sign for sign in every if is_sayable(sign) != bool(pronounce(sign))] == []
