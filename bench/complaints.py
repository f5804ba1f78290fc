"""Made-up complaints, as long and as varied as what callers dictate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tickets.gazetteer import open_gazetteer

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_ROADS = (
    "人民西路",
    "颍州中路",
    "双清路",
    "颍淮大道",
    "清河路",
    "阜王路",
    "临沂路",
    "淮河路",
    "中南大道",
    "一道河路",
)
_ESTATES = (
    "阳光",
    "翡翠",
    "金种",
    "碧桂",
    "书香",
    "御景",
    "东方",
    "锦绣",
    "和谐",
    "滨河",
    "华府",
    "学府",
    "丽景",
)
_PROBLEMS = (
    "家里水管漏水一直滴到楼下邻居家",
    "楼上装修噪音扰民到半夜",
    "下水道堵了污水流到路面上",
    "路灯坏了晚上什么都看不见",
    "垃圾没有人清理味道很大",
    "工地夜间施工扬尘很严重",
    "已经停水三天了家里有老人和孩子",
    "小区停电没有通知",
    "物业不作为电梯坏了半个月",
    "老板拖欠工资八个月不给",
    "超市卖的牛奶过期了不给退",
    "出租车不打表乱收费",
    "公交车等了一个小时没有来",
    "学校门口乱停车接孩子很危险",
    "医保卡刷不了说没有参保",
    "公积金提取材料交了没有回音",
    "燃气有味道打电话没有人来",
    "房子漏雨墙皮都掉了",
    "村里的路坑坑洼洼下雨不能走",
    "有人占用消防通道停车",
    "养鸡场的臭味飘到村里",
    "低保申请交上去半年没有结果",
    "残疾证办理要跑好几个地方",
    "广场舞音响声音太大",
    "井盖丢了差点摔着人",
    "树倒了压在电线上",
    "收了钱不开发票",
    "快递丢了没有人赔",
    "网络断了三天报修不来",
    "路口红绿灯不亮",
)
_SINCE = (
    "已经三天了",
    "快一个月了",
    "从上周开始",
    "有半年了",
    "昨天晚上开始的",
    "好几年了",
    "前天下的雨以后",
    "每天都这样",
)
_TRIED = (
    "找过社区好几次都说不归他们管",
    "打过物业电话没有人接",
    "之前也反映过一次没有结果",
    "我们几户邻居都去找过",
    "他们说让等通知",
    "去窗口问了说系统升级",
    "派出所也来看过",
    "现在一直没有人来管",
)
_WISH = (
    "希望尽快解决一下",
    "麻烦你们给处理一下",
    "请给我一个答复",
    "希望有关部门来看看",
    "不然我们没法住了",
    "谢谢你们了",
)
_KINDS = ("投诉", "求助", "举报", "咨询", "建议", None)


@dataclass(frozen=True, slots=True)
class Complaint:
    """What a caller said, and what a ticket makes of it."""

    text: str
    title: str
    kind: str | None
    county: str
    township: str
    urgency: str


def make_complaint(dice: random.Random, counties: Sequence[str]) -> Complaint:
    """One complaint; the dice decide."""
    county = dice.choice(counties)
    township = dice.choice([t for t, c in open_gazetteer().township_counties.items() if c == county] or [""])
    estate = f"{dice.choice(_ESTATES)}{dice.choice(('花园', '小区', '家园', '新村', '苑'))}"
    where = f"{dice.choice(_ROADS)}{dice.randint(1, 300)}号{estate}{dice.randint(1, 40)}号楼"
    problem = dice.choice(_PROBLEMS)
    text = f"你好我是{county}{township}{where}的{problem}{dice.choice(_SINCE)}{dice.choice(_TRIED)}{dice.choice(_WISH)}"
    known = dice.random() < 0.9  # noqa: PLR2004 - some places are not understood
    return Complaint(
        text=text,
        title=problem,
        kind=dice.choice(_KINDS),
        county=county if known else "",
        township=township if known else "",
        urgency=dice.choices(("一般", "紧急", "特急"), (97, 2, 1))[0],
    )
