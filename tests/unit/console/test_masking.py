"""A number that is said over several phrases."""

from __future__ import annotations

import pytest

from console.masking import hide_numbers, mask_lines, mask_phrases, mask_text


@pytest.mark.parametrize(
    ("phrases", "masked"),
    [
        (["我的电话是138", "5581", "2345"], ["我的电话是****", "****", "****"]),
        (["幺三八,", "嗯,五五八幺。", "二三四五谢谢"], ["****,", "嗯,****。", "****谢谢"]),
        (["幺三八", "", "五五八幺二三四五"], ["****", "", "****"]),
        (["幺三八是吧", "后面是五五八幺", "再二三四五"], ["****是吧", "后面是****", "再****"]),
        (["一三八", "对", "五五八幺", "对", "二三四五"], ["****", "对", "****", "对", "****"]),
        (["幺三八 嗯 五五八幺", "呃 二三四五"], ["****", "呃 ****"]),
        (["13855812345", "就这个"], ["138****2345", "就这个"]),
        (["身份证号34120219900101103X"], ["身份证号341****1103X"]),
        (["住在3号楼", "5单元301", "2楼"], ["住在3号楼", "5单元301", "2楼"]),
        (["我在12345", "打过"], ["我在12345", "打过"]),
        (["前面是幺三八后面是五五八幺然后二三四五"], ["前面是幺三八****二三四五"]),
        (["打138.5581.2345或(138)55812345"], ["打138****2345或(138****2345"]),
        (["打１３８５５８１２３４５"], ["打１３８****２３４５"]),
        (["8:30-11:30开门", "1.5升"], ["8:30-11:30开门", "1.5升"]),
        ([], []),
    ],
)
def test_no_part_of_it_is_left_in_any_of_them(phrases, masked):
    assert mask_phrases(phrases) == masked
    assert mask_text("\n".join(phrases)) == "\n".join(masked)


def test_what_the_system_says_between_does_not_part_it():
    told = [("caller", "电话幺三八五五"), ("prompt", "请继续"), ("key", "1"), ("caller", "八幺二三四五")]
    assert mask_lines(told) == ["电话****", "请继续", "1", "****"]


def test_as_long_as_it_grows_none_of_it_is_shown():
    assert hide_numbers(["我的电话是13", "8"]) == ["我的电话是****", "****"]
    assert hide_numbers(["住在12楼"]) == ["住在12楼"]
