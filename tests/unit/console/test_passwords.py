from __future__ import annotations

import pytest

from console.pages.login import _local
from console.passwords import check_password, find_fault, hash_password, is_outdated
from console.policy import Right, Role, rights_of
from console.rendering import show_length
from console.users import is_name
from gateway.cli.page_users import UserError, read_roles


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("短", "密码须有 10 至 200 个字符。"),
        ("x" * 201, "密码须有 10 至 200 个字符。"),
        ("xx-王芳王芳-yyyyy", "密码不能包含用户名。"),
        ("aaaaaaaaaaaa", "密码太简单,请少用重复的字符。"),
        ("correct horse battery", ""),
        ("春眠不觉晓处处闻啼鸟", ""),
    ],
)
def test_a_weak_password_is_told_why(password, fault):
    assert find_fault(password, "王芳") == fault


async def test_passwords_are_kept_as_argon2id():
    kept = await hash_password("correct horse battery")
    assert kept.startswith("$argon2id$")
    assert await check_password("correct horse battery", kept)
    assert not await check_password("correct horse batterz", kept)
    assert not await check_password("correct horse battery", None)
    assert not await check_password("correct horse battery", "damaged")
    assert not is_outdated(kept)
    assert is_outdated("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNoaGFzaA")


@pytest.mark.parametrize(
    ("wanted", "goes"),
    [
        ("/calls/x?a=b", "/calls/x?a=b"),
        ("", "/"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/login?next=/login", "/"),
    ],
)
def test_a_login_leads_to_pages_of_ours_only(wanted, goes):
    assert _local(wanted) == goes


def test_no_role_both_makes_users_and_reads_what_they_did():
    held = [rights_of([role]) for role in Role]
    assert not any({Right.AUDIT, other} <= rights for rights in held for other in (Right.USERS, Right.GRANT))
    assert not any({Right.USERS, Right.GRANT} <= rights for rights in held)
    assert frozenset().union(*held) == set(Right)
    assert rights_of([Role.AGENT], alone=True) == set(Right)


def test_a_role_of_before_is_explained_to_who_names_it():
    assert read_roles(["班长", "系统管理员"]) == [Role.LEAD, Role.SYSTEM]
    with pytest.raises(UserError, match="--role 系统管理员 --role 班长"):
        read_roles(["管理员"])
    with pytest.raises(UserError, match="the roles are 坐席、班长、质检"):
        read_roles(["皇帝"])
    with pytest.raises(UserError, match="须由不同的人担任"):
        read_roles(["系统管理员", "审计员"])


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("王芳", True),
        ("agent.01@fy", True),
        ("x", False),
        ("a b", False),
        ("<b>", False),
        ("..", False),
        ("x" * 41, False),
    ],
)
def test_names_are_of_letters_and_digits(name, good):
    assert is_name(name) is good


@pytest.mark.parametrize(("seconds", "shown"), [(None, "—"), (0.4, "0:00"), (59.6, "1:00"), (2400, "40:00")])
def test_lengths_are_minutes_and_seconds(seconds, shown):
    assert show_length(seconds) == shown
