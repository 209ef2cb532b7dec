"""`cunmai rules run`: the service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cunmai_rules.service import RulesService
from cunmai_rules.settings import RulesSettings
from cunmai_runtime.logs import configure_logging
from cunmai_runtime.service import sole_service, stop_on_signals
from cunmai_runtime.yamlfile import load_model


def run(config: Annotated[Path, typer.Option(help="rules.yaml")]) -> None:
    """判断测量值, 通知家庭医生团队 / judge readings and notify the family-doctor team."""
    with stop_on_signals() as stop:
        settings = load_model(config, RulesSettings)
        configure_logging()
        with sole_service("rules", settings.data_dir):
            RulesService(settings, config=config).run(stop)
