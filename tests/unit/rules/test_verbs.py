"""`cunmai rules`: what its help says, what it loads for that, and where answers and logs go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cunmai_rules.cli import VERBS, app
from cunmai_rules.shipped import packs_dir
from cunmai_runtime.verbs import LazyVerb, function_of

EVERY = {name: verb for those in VERBS.values() for name, verb in those.items()}
HEAVY = ("fastapi", "httpx", "uvicorn", "jinja2", "paho", "sqlite3", "prometheus_client", "structlog")
"""What the service needs, and no help and no check does."""


@pytest.mark.parametrize("name", EVERY)
def test_the_list_says_of_a_verb_what_the_verb_says_of_itself(name: str) -> None:
    verb: LazyVerb = EVERY[name]
    said = (function_of(verb).__doc__ or "").splitlines()[0]
    assert said == f"{verb.zh} / {verb.en}"


def test_the_help_is_in_groups_of_who_uses_them_and_is_not_cut() -> None:
    told = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"}).stdout
    places = [told.index(heading) for heading in VERBS]
    assert places == sorted(places)
    assert "…" not in told
    for name, verb in EVERY.items():
        line = next(line for line in told.splitlines() if f" {name} " in line and verb.zh[:6] in line)
        assert line.startswith("│")


def test_a_slip_is_told_what_was_meant() -> None:
    assert "'check'" in CliRunner().invoke(app, ["chek"]).output


@pytest.mark.parametrize("arguments", [["--help"], ["check"], ["check", "--help"]])
def test_quick_verbs_load_nothing_of_the_service(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        "from cunmai.main import main\n"
        f"sys.argv = ['cunmai', 'rules', *{arguments}]\n"
        "try:\n    main()\n"
        "except SystemExit as done:\n    assert not done.code\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


NOISY = """
import sys
import cunmai_runtime.verbs as verbs
from cunmai.main import main

load = verbs.function_of

def noisy(verb):
    import structlog
    answer = load(verb)
    def told():
        structlog.get_logger("rules").info("rules.noise")
        answer()
    return told

verbs.function_of = noisy
sys.argv = ["cunmai", "rules", "packs"]
main()
"""


def test_the_answer_stands_on_standard_output_and_the_log_beside_it() -> None:
    done = subprocess.run([sys.executable, "-c", NOISY], capture_output=True, text=True, check=True)
    assert done.stdout == f"{packs_dir()}\n"
    assert '"event": "rules.noise"' in done.stderr


def test_so_do_those_of_a_verb_that_is_loaded_whole(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(
        "import structlog, typer\n"
        "app = typer.Typer()\n"
        "@app.command()\n"
        "def noisy() -> None:\n"
        "    structlog.get_logger('rules').info('rules.noise')\n"
        "    typer.echo('answer')\n"
    )
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv = ['cunmai', 'noisy']\n"
        "from cunmai.main import VERBS, Verb, main\n"
        "VERBS['noisy'] = Verb('noisy', 'app', 'all', '', '')\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "answer\n"
    assert '"event": "rules.noise"' in done.stderr
