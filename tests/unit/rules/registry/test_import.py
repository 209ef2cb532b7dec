"""Spreadsheets as counties have them: encodings, headers, faults with their place, and twice is once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cunmai_rules.registry.importer import Refused
from cunmai_rules.registry.store import version
from cunmai_runtime.errors import UserError
from support.registry import Registry

SITES = "机构编号,机构名称,级别,上级机构,海拔\nzhen,示例镇卫生院,乡镇,,50\ncun,示例村卫生室,村,zhen,40\n"


def counts(
    registry: Registry, tables: dict[str, str], *, check_only: bool = False
) -> list[tuple[str, int, int, int]]:
    told = registry.take(tables, check_only=check_only)
    return [(one.table.name, one.rows, one.added, one.changed) for one in told]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_every_encoding_that_spreadsheets_write_is_read(registry: Registry, encoding: str) -> None:
    registry.take({"机构": SITES}, encoding)
    assert registry.rows("SELECT id, name, tier, parent, altitude_m FROM sites ORDER BY id") == [
        ("cun", "示例村卫生室", "village", "zhen", 40),
        ("zhen", "示例镇卫生院", "township", None, 50),
    ]


@pytest.mark.parametrize("delimiter", ["\t", ";"])
def test_other_delimiters(registry: Registry, delimiter: str) -> None:
    registry.take({"sites": SITES.replace(",", delimiter)})
    assert registry.rows("SELECT count(*) FROM sites") == [(2,)]


def test_the_same_files_twice_change_nothing(registry: Registry) -> None:
    residents = "id,site,birth,conditions,name,phone\nR-1,cun,1948-03,高血压、慢阻肺,张三,13812345678\n"
    tables = {"sites": SITES, "residents": residents}
    assert counts(registry, tables) == [("sites", 2, 2, 0), ("residents", 1, 1, 0)]
    before, at = registry.rows("SELECT * FROM residents"), version(registry.db)
    assert counts(registry, tables) == [("sites", 2, 0, 0), ("residents", 1, 0, 0)]
    assert registry.rows("SELECT * FROM residents") == before
    assert version(registry.db) == at
    changed = {"residents": residents.replace("1948", "1949")}
    assert counts(registry, changed) == [("residents", 1, 0, 1)]
    assert registry.rows("SELECT birth FROM residents") == [("1949-03",)]


def test_a_column_that_is_not_in_the_file_stays_and_an_empty_cell_clears(registry: Registry) -> None:
    registry.take({"residents": "id,birth,name,risk_colour\nR-1,1948-03,张三,红\n"})
    (sealed,) = registry.rows("SELECT name FROM residents")
    registry.take({"residents": "id,birth,risk_colour\nR-1,1948-04,\n"})
    assert registry.rows("SELECT birth, name, risk_colour FROM residents") == [("1948-04", *sealed, None)]


def test_what_is_not_in_the_file_stays_unless_asked_for(registry: Registry) -> None:
    registry.take({"residents": "id\nR-1\nR-2\nR-3\n"})
    (told,) = registry.take({"residents": "id\nR-2\n"})
    assert (told.not_in_file, told.missing, told.removed) == (2, ("R-1", "R-3"), 0)
    assert registry.rows("SELECT count(*) FROM residents") == [(3,)]
    (told,) = registry.take({"residents": "id\nR-2\n"}, remove_missing=True)
    assert told.removed == 2
    assert registry.rows("SELECT id FROM residents") == [("R-2",)]
    noted = registry.rows("SELECT id FROM registry_audit WHERE what = 'remove' ORDER BY id")
    assert noted == [("R-1",), ("R-3",)]


def test_what_others_name_is_not_removed(registry: Registry) -> None:
    registry.take({"sites": SITES, "residents": "id,site\nR-1,cun\n"})
    with pytest.raises(UserError, match="还有别的行引用"):
        registry.take({"sites": SITES.replace("cun,", "cun2,")}, remove_missing=True)
    assert registry.rows("SELECT id FROM sites ORDER BY id") == [("cun",), ("zhen",)]


def test_check_writes_nothing(registry: Registry) -> None:
    assert counts(registry, {"sites": SITES}, check_only=True) == [("sites", 2, 2, 0)]
    assert registry.rows("SELECT count(*) FROM sites") == [(0,)]
    assert registry.rows("SELECT count(*) FROM registry_audit") == [(0,)]


FAULTS = {
    "value": ("residents", "id,birth\nR-1,1948-13\n", "residents.csv:2 [出生年月]: 应为出生年月"),
    "required": ("sites", "id,name,tier\na,,村\n", "sites.csv:2 [机构名称]: 不能为空"),
    "choice": ("sites", "id,name,tier\na,甲,院\n", "sites.csv:2 [级别]: 应为其中之一: 村、乡镇、县、市"),
    "missing column": ("sites", "id,name\na,甲\n", "sites.csv:1 [tier]: 缺少“级别”列"),
    "unknown column": ("sites", "id,name,tier,foo\na,甲,村,1\n", "sites.csv:1 [第4列 column 4]: 不认识这个表头"),
    "twice": ("residents", "id\nR-1\n\nR-1\n", "residents.csv:4 [居民编号]: 与第 2 行重复"),
    "column twice": ("residents", "id,birth,出生年月\nR-1,1948-01,\n",
                     "residents.csv:1 [birth]: 这一列出现了两次"),
    "reference": ("residents", "id,site\nR-1,nowhere\n", "residents.csv:2 [机构编号]: 没有这个编号"),
    "too long": ("residents", "id,birth\nR-1,1948-01,x\n", "residents.csv:2: 这一行的列数多于表头"),
    "quotes": ("residents", 'id,birth\n"R-1,1948-01\n', "residents.csv:2: 引号不成对"),
    "empty": ("residents", "\n", "residents.csv:1: 第一行应为表头"),
    "number as id": ("residents", "id\n13812345678\n", "residents.csv:2 [居民编号]: 不能用电话或身份证号作编号"),
    "rounded": ("residents", "id,phone\nR-1,1.38E+10\n", "residents.csv:2 [手机号码]: 号码被表格软件改成了科学计数"),
    "two ages": ("residents", "id,birth,age_band\nR-1,1948-01,65-79\n",
                 "residents.csv:2 [年龄段]: 出生年月和年龄段只填一个"),
    "no condition": ("residents", "id,conditions\nR-1,心脏不太好\n", "residents.csv:2 [病种]: 应为用分号隔开的病种"),
    "shift backwards": ("shifts", "roster,staff,starts,ends\na,b,2026-01-02 08:00,2026-01-02 07:00\n",
                        "shifts.csv:2 [下班时间]: 应晚于上班时间"),
    "one coordinate": ("sites", "id,name,tier,latitude,longitude\na,甲,村,33.5,\n",
                       "sites.csv:2 [经度]: 经度和纬度须一起填"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_with_its_place_and_nothing_is_taken(here: Registry, fault: str) -> None:
    table, text, told = FAULTS[fault]
    with pytest.raises(Refused) as refused:
        here.take({table: text, "districts": "id,name\neast,东部\n"})
    assert told in str(refused.value)
    assert here.rows("SELECT count(*) FROM districts") == [(0,)]
    assert version(here.db) == 0


def test_every_fault_of_a_file_is_told_at_once_and_bounded(registry: Registry) -> None:
    text = "id,birth,sex\n" + "".join(f"R-{n},x,y\n" for n in range(150))
    with pytest.raises(Refused) as refused:
        registry.take({"residents": text})
    assert "300 处有误" in str(refused.value)
    assert "另有 100 处" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 202


def test_what_stands_in_a_cell_is_never_repeated(registry: Registry) -> None:
    with pytest.raises(Refused) as refused:
        registry.take({"residents": "id,birth,name,phone\n张三丰,李四光,王五,赵六妹\n"})
    with pytest.raises(Refused) as no_header:
        registry.take({"residents": "张三丰,李四光\n"})
    for name in ("张三丰", "李四光", "王五", "赵六妹"):
        assert name not in str(refused.value) + str(no_header.value)


def test_a_file_of_no_table_or_two_of_one(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"不认识文件 foo\.csv"):
        registry.take({"foo": "id\n"})
    with pytest.raises(UserError, match="有两个文件"):
        registry.take({"residents": "id\nR-1\n", "居民": "id\nR-2\n"})
    with pytest.raises(UserError, match="没有找到 CSV"):
        registry.take(tmp_path)


def test_neither_utf8_nor_gb18030(registry: Registry) -> None:
    folder = registry.files({"residents": "id\n"})
    (folder / "residents.csv").write_bytes(b"id,name\nR-1,\xff\xff\xff\n")
    with pytest.raises(Refused, match="UTF-8 或 GB18030"):
        registry.take(folder)


def test_somebody_else_changed_the_registry_meanwhile(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cunmai_rules.registry.store.version", lambda _db: 41)
    with pytest.raises(UserError, match="刚被别人修改"):
        registry.take({"residents": "id\nR-1\n"})
    assert registry.rows("SELECT count(*) FROM residents") == [(0,)]


CONDITIONS = st.lists(st.sampled_from(["慢阻肺", "高血压", "糖尿病", "copd", "stroke"]), max_size=4)
RESIDENT = st.fixed_dictionaries(
    {
        "birth": st.one_of(
            st.just(""), st.builds("{}-{:02}".format, st.integers(1900, 2026), st.integers(1, 12))
        ),
        "conditions": st.one_of(st.sampled_from(["", "无"]), CONDITIONS.map(";".join)),
        "sex": st.sampled_from(["", "男", "女", "male"]),
        "risk_colour": st.sampled_from(["", "红", "黄", "绿"]),
        "lives_alone": st.sampled_from(["", "是", "否"]),
        "name": st.text(st.characters(categories=["Lu", "Lo", "Nd"]), max_size=20),
        "phone": st.one_of(st.just(""), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(RESIDENT, min_size=1, max_size=20), st.sampled_from(["utf-8-sig", "gb18030"]))
def test_whatever_was_imported_imports_again_without_a_change(
    tmp_path_factory: pytest.TempPathFactory, residents: list[dict[str, str]], encoding: str
) -> None:
    registry = Registry(tmp_path_factory.mktemp("any"))
    columns = sorted(residents[0])
    header = ["id", *columns]
    lines = [[f"R-{n}", *(resident[name] for name in columns)] for n, resident in enumerate(residents)]
    text = "\n".join(",".join(f'"{cell}"' for cell in line) for line in [header, *lines]) + "\n"
    try:
        (first,) = registry.take({"residents": text}, encoding)
        assert (first.added, first.changed) == (len(residents), 0)
        (second,) = registry.take({"residents": text}, encoding)
        assert (second.added, second.changed, second.not_in_file) == (0, 0, 0)
    finally:
        registry.close()
