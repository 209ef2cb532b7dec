"""Pages that open offline: one file, no script, no fonts; Chinese, with an English switch. Pure."""

from __future__ import annotations

from collections.abc import Sequence

_STYLE = """
:root { --ink: #1b1f24; --quiet: #57606a; --paper: #f4f5f7; --card: #fff; --line: #d0d7de;
        --red: #b42318; --yellow: #b07400; --green: #1a7f37; --blue: #0a58ca; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
       font: 1rem/1.5 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: .75rem; }
h1 { font-size: 1.4rem; margin: .25rem 0; } h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
section, table { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; }
section { padding: .75rem 1rem; margin: .75rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
th, td { padding: .3rem .6rem; border-top: 1px solid var(--line); text-align: left; vertical-align: top; }
label.switch { float: right; padding: .6rem .4rem; color: var(--blue); cursor: pointer; }
#en { position: absolute; opacity: 0; } #en:focus-visible ~ main label.switch { outline: 3px solid var(--yellow); }
.en { display: none; } #en:checked ~ main .zh { display: none; }
#en:checked ~ main :is(span, text).en { display: inline; }
#en:checked ~ main :is(p, li, div, h1, h2, h3).en { display: block; }
.hint, small { color: var(--quiet); }
svg { width: 100%; height: auto; }
svg text { font-size: 12px; fill: var(--ink); }
svg .plot { fill: #fbfbfc; stroke: var(--line); } svg .axis { fill: var(--quiet); }
svg .value { fill: none; stroke: var(--blue); stroke-width: 1.5; } svg .dot { fill: var(--blue); }
svg .level { stroke-width: 1.2; } svg .level.raise { stroke: var(--red); }
svg .level.clear { stroke: var(--green); stroke-dasharray: 6 4; }
svg .mark.raise { fill: var(--red); } svg .mark.clear { fill: var(--green); }
svg .base { stroke: var(--line); } svg .raised.red { fill: #f0b4ae; } svg .raised.yellow { fill: #f2d48f; }
svg .alarm { stroke: var(--red); stroke-width: 2.5; }
svg .zone.red { fill: #f0b4ae; } svg .zone.yellow { fill: #f2d48f; } svg .zone.clear { fill: #bfe3c8; }
svg .zone.between { fill: #e7eaee; } svg .tick { stroke: var(--ink); }
@media print { label.switch { display: none; } section { break-inside: avoid; } }
"""


def both(tag: str, zh: str, en: str) -> str:
    """The same in both languages, as markup; the switch shows one of them."""
    return f'<{tag} class="zh">{zh}</{tag}><{tag} class="en" lang="en">{en}</{tag}>'


def page(zh: str, en: str, body: str, *, english: bool = False) -> str:
    """A whole page with this heading and body (markup)."""
    checked = " checked" if english else ""
    return (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{zh} / {en}</title><style>{_STYLE}</style></head><body>"
        f'<input type="checkbox" id="en"{checked} aria-label="English"><main>'
        f'<label class="switch" for="en">{both("span", "English", "中文")}</label>'
        f"{both('h1', zh, en)}{body}</main></body></html>\n"
    )


def table(heads: Sequence[tuple[str, str]], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells are markup."""
    head = "".join(f"<th>{both('span', *one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
