"""The registry's tables as spreadsheets show them: columns, their headers in both languages, and keys. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from cunmai_rules.moments import CHINA_MINUTES
from cunmai_rules.registry import cells, cells_phone, cells_time
from cunmai_rules.registry.cells import Cell, Lang, Stored

Record = dict[str, Stored]
"""One row: column name to what is stored. Names and numbers are sealed where they rest, open in an import."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is the column in the database and the English header."""

    name: str
    zh: str
    cell: Cell
    also: tuple[str, ...] = ()
    """Other headers that are taken for this one."""
    required: bool = False
    refers: str | None = None
    """The table whose id it holds."""
    sealed: bool = False
    """Kept encrypted, shown only for a purpose, every look written down."""


@dataclass(frozen=True)
class Table:
    """`key` names the columns that tell rows apart."""

    name: str
    zh: str
    columns: tuple[Column, ...]
    key: tuple[str, ...] = ("id",)
    also: tuple[str, ...] = ()
    """Other file names that are taken for this table."""

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)

    @cached_property
    def sealed(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.sealed)

    @cached_property
    def stored(self) -> tuple[str, ...]:
        """The columns in the database: those of the file, and what is worked out from them."""
        derived = ("phone_kind",) if "phone" in self.sealed else ()
        return tuple(column.name for column in self.columns) + derived

    def key_of(self, record: Record) -> tuple[Stored, ...]:
        return tuple([record.get(name) for name in self.key])

    def title(self, lang: Lang) -> str:
        return self.zh if lang == "zh" else self.name


def _id(zh: str, cell: Cell, *also: str) -> Column:
    return Column("id", zh, cell, also, required=True)


def _ref(name: str, zh: str, table: str, cell: Cell, *also: str, required: bool = True) -> Column:
    return Column(name, zh, cell, also, required=required, refers=table)


def _sealed(zh_name: str, zh_phone: str) -> tuple[Column, ...]:
    return (
        Column("name", zh_name, cells.NAME, sealed=True),
        Column(
            "phone",
            zh_phone,
            cells_phone.PHONE,
            ("电话", "手机", "手机号", "联系电话", "电话号码"),
            sealed=True,
        ),
    )


_FROM = Column("from_day", "开始日期", cells_time.DAY, ("from", "开始", "起始日期"))
_UNTIL = Column("until_day", "截止日期", cells_time.DAY, ("until", "截止", "结束日期"))
_SIGNED = Column("from_day", "签约日期", cells_time.DAY, ("from", "开始日期"), required=True)
_SITE = ("机构", "机构代码", "所属机构")


@lru_cache(maxsize=8)
def tables(utc_offset_minutes: int = CHINA_MINUTES) -> tuple[Table, ...]:
    """Every table, those that others refer to first. Rosters are read and shown in local time."""
    moment = cells_time.moment(utc_offset_minutes)
    site, staff, team = cells.SITE_ID, cells.STAFF_ID, cells.SITE_ID
    return (
        Table("districts", "片区", (
            _id("片区编号", cells.SITE_ID, "编号"),
            Column("name", "片区名称", cells.words(40), ("名称",), required=True),
        ), also=("医联体",)),
        Table("sites", "机构", (
            _id("机构编号", site, "编号", *_SITE),
            Column("name", "机构名称", cells.words(40), ("名称",), required=True),
            Column("tier", "级别", cells.TIER, ("机构级别",), required=True),
            _ref("parent", "上级机构", "sites", site, required=False),
            _ref("district", "片区", "districts", cells.SITE_ID, "片区编号", "医联体", required=False),
            Column("altitude_m", "海拔(米)", cells.whole(-200, 6000), ("海拔", "海拔m", "altitude")),
            Column("latitude", "纬度", cells.decimal(-90, 90)),
            Column("longitude", "经度", cells.decimal(-180, 180)),
        ), also=("卫生机构",)),
        Table("gateways", "网关", (
            Column("gateway", "网关编号", cells.GATEWAY_ID, ("网关", "一体机"), required=True),
            _ref("site", "机构编号", "sites", site, *_SITE),
        ), key=("gateway",), also=("一体机",)),
        Table("referrals", "转诊医院", (
            _ref("district", "片区编号", "districts", cells.SITE_ID, "片区"),
            Column("specialty", "专科", cells.words(20), required=True),
            _ref("hospital", "接收医院", "sites", site, "医院"),
        ), key=("district", "specialty"), also=("转诊",)),
        Table("staff", "人员", (
            _id("人员编号", staff, "编号", "工号"),
            Column("role", "岗位", cells.words(20), ("职务", "角色"), required=True),
            _ref("site", "机构编号", "sites", site, *_SITE),
            *_sealed("姓名", "手机号码"),
            _UNTIL,
        ), also=("医务人员", "工作人员")),
        Table("teams", "团队", (
            _id("团队编号", team, "编号"),
            Column("name", "团队名称", cells.words(40), ("名称",), required=True),
            _ref("site", "机构编号", "sites", site, *_SITE),
        ), also=("家庭医生团队",)),
        Table("team_members", "团队成员", (
            _ref("team", "团队编号", "teams", team, "团队"),
            _ref("staff", "人员编号", "staff", staff, "人员", "成员"),
            Column("level", "层级", cells.LEVEL, required=True),
            _FROM, _UNTIL,
        ), key=("team", "staff")),
        Table("grids", "网格", (
            _id("网格编号", cells.SITE_ID, "编号"),
            Column("name", "网格名称", cells.words(40), ("名称",)),
            _ref("site", "机构编号", "sites", site, *_SITE),
            _ref("volunteer", "网格员", "staff", staff, "网格员编号", required=False),
            _ref("doctor", "村医", "staff", staff, "村医编号", required=False),
        )),
        Table("residents", "居民", (
            _id("居民编号", cells.RESIDENT_ID, "编号"),
            _ref("site", "机构编号", "sites", site, *_SITE, required=False),
            _ref("grid", "网格编号", "grids", cells.SITE_ID, "网格", required=False),
            Column("birth", "出生年月", cells_time.MONTH, ("出生日期", "birth_month")),
            Column("age_band", "年龄段", cells.AGE_BAND),
            Column("sex", "性别", cells.SEX),
            Column("conditions", "病种", cells.CONDITIONS, ("慢病", "基础病", "疾病")),
            Column("pregnant", "怀孕", cells.YES_NO, ("孕妇", "是否怀孕")),
            Column("pregnant_until", "预产期", cells_time.DAY),
            Column("risk_colour", "风险分级", cells.COLOUR, ("风险颜色", "risk_color")),
            Column("lives_alone", "独居", cells.YES_NO, ("是否独居",)),
            Column("consent", "知情同意", cells.YES_NO, ("同意",)),
            *_sealed("姓名", "手机号码"),
        )),
        Table("signings", "签约", (
            _ref("resident", "居民编号", "residents", cells.RESIDENT_ID, "居民"),
            _ref("team", "团队编号", "teams", team, "团队"),
            _SIGNED, _UNTIL,
        ), key=("resident", "team", "from_day")),
        Table("limits", "个人阈值", (
            _ref("resident", "居民编号", "residents", cells.RESIDENT_ID, "居民"),
            Column("rule", "规则编号", cells.RULE_ID, ("规则",), required=True),
            Column("raises", "报警值", cells.decimal(-1000, 100_000), required=True),
            Column("clears", "解除值", cells.decimal(-1000, 100_000), required=True),
            _ref("set_by", "设定人", "staff", staff, "设定医生"),
            Column("from_day", "开始日期", cells_time.DAY, ("from", "设定日期"), required=True),
            Column("until_day", "截止日期", cells_time.DAY, ("until", "截止"), required=True),
        ), key=("resident", "rule")),
        Table("rosters", "值班表", (
            _id("值班表编号", cells.SITE_ID, "编号"),
            Column("name", "值班表名称", cells.words(40), ("名称",), required=True),
            _ref("site", "机构编号", "sites", site, *_SITE),
            Column("level", "层级", cells.LEVEL, required=True),
        )),
        Table("shifts", "班次", (
            _ref("roster", "值班表编号", "rosters", cells.SITE_ID, "值班表"),
            _ref("staff", "人员编号", "staff", staff, "人员", "值班人"),
            Column("starts_ms", "上班时间", moment, ("starts", "开始时间", "start"), required=True),
            Column("ends_ms", "下班时间", moment, ("ends", "结束时间", "end"), required=True),
        ), key=("roster", "staff", "starts_ms"), also=("排班",)),
    )  # fmt: skip


def table_called(name: str, utc_offset_minutes: int = CHINA_MINUTES) -> Table | None:
    """The table of this name, in either language."""
    folded = name.casefold()
    for table in tables(utc_offset_minutes):
        if folded in (table.name, table.zh, *table.also):
            return table
    return None
