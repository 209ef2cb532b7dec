"""The pages, in two languages. Rendered here, moved by a little script."""

from __future__ import annotations

import json
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from cunmai_gateway.kiosk import words
from cunmai_gateway.kiosk.kiosk import Kiosk
from cunmai_gateway.kiosk.words import Lang, Pair, say
from cunmai_wire.codes import CODES


class Pages:
    """Four pages in two languages."""

    def __init__(self, kiosk: Kiosk, templates: Path) -> None:
        self._kiosk = kiosk
        self._templates = Environment(
            loader=FileSystemLoader(templates), autoescape=True, undefined=StrictUndefined
        )
        self._words = {lang: script_words(lang) for lang in ("zh", "en")}

    def add_to(self, app: FastAPI) -> None:
        """Register the paths."""

        @app.get("/")
        async def measure(request: Request) -> HTMLResponse:
            return self._render("measure", _language(request))

        @app.get("/readings")
        async def readings(request: Request) -> HTMLResponse:
            return self._render("readings", _language(request))

        @app.get("/observe")
        async def observe(request: Request) -> HTMLResponse:
            return self._render("observe", _language(request))

        @app.get("/site")
        async def site(request: Request) -> HTMLResponse:
            return self._render("site", _language(request))

    def _render(self, page: str, lang: Lang) -> HTMLResponse:
        html = self._templates.get_template(f"{page}.html").render(
            page=page,
            lang=lang,
            suffix="?lang=en" if lang == "en" else "",
            text={name: say(pair, lang) for name, pair in (words.PAGE | words.OBSERVE).items()},
            choices=_choices(lang),
            words=self._words[lang],
            medicines=self._kiosk.settings.medicines,
        )
        return HTMLResponse(html)


def _language(request: Request) -> Lang:
    return "en" if request.query_params.get("lang") == "en" else "zh"


def script_words(lang: Lang) -> str:
    """What the script says, as JSON that may stand inside a script element."""

    def side(pairs: dict[str, Pair]) -> dict[str, str]:
        return {str(name): say(pair, lang) for name, pair in pairs.items()}

    values = {
        name: {
            "label": code.display_zh if lang == "zh" else _SHORT.get(name, code.display),
            "unit": words.UNITS.get(code.ucum, code.ucum).split(" ")[0 if lang == "zh" else -1],
        }
        for (kind, name), code in CODES.items()
        if kind in words.KINDS
    }
    everything = {
        "page": side(words.PAGE | words.OBSERVE),
        "hint": side(words.HINTS),
        "advice": side(words.ADVICE),
        "next": side(words.NEXT),
        "mark": words.ADVICE_MARKS,
        "ended": side(words.ENDED),
        "delivery": side(words.DELIVERY),
        "answer": side(words.ANSWERS),
        "kind": side(words.KINDS),
        "value": values,
        "choice": _choices(lang),
    }
    return json.dumps(everything, ensure_ascii=False).replace("<", "\\u003c")


def _choices(lang: Lang) -> dict[str, dict[str, str]]:
    return {
        name: {value: say(pair, lang) for value, pair in pairs.items()}
        for name, pairs in words.CHOICES.items()
    }


_SHORT = {
    "spo2_pct": "Oxygen saturation",
    "pulse_bpm": "Pulse",
    "perfusion_index_pct": "Perfusion",
    "systolic_mmhg": "Systolic",
    "diastolic_mmhg": "Diastolic",
    "mean_arterial_mmhg": "Mean",
    "glucose_mmol_l": "Glucose",
    "respiratory_rate_per_min": "Breaths",
    "oxygen_flow_l_min": "Oxygen flow",
}
