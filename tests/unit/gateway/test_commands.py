"""`cunmai gateway config show` and `run`: what is in force, who said so, no secret, and no traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from pydantic import JsonValue

from cunmai_gateway.configuration import Configuration
from cunmai_gateway.settings import GatewaySettings
from cunmai_runtime.yamlfile import load_model
from cunmai_wire.commands import Configure


def test_it_shows_the_local_file_then_what_the_server_sent(tmp_path: Path) -> None:
    config = tmp_path / "gateway.yaml"
    config.write_text(f"gateway: cz-01\ndata_dir: {tmp_path}\nmqtt: {{username: cz-01, password: hunter2}}\n")

    def shown() -> dict[str, object]:
        command = [sys.executable, "-m", "cunmai", "gateway", "config", "show", "--config", str(config)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert "hunter2" not in result.stdout + result.stderr
        document: dict[str, object] = json.loads(result.stdout)
        return document

    before = shown()
    assert (before["source"], before["version"]) == ("local file", None)
    device: dict[str, JsonValue] = {"id": "oxi-1", "driver": "plx", "name": "OXI"}
    taken = Configuration(load_model(config, GatewaySettings)).take(
        Configure(v=1, id="c", at=1, command="configure", version=7, configuration={"devices": [device]})
    )
    assert taken
    after = shown()
    assert (after["source"], after["version"]) == ("server", 7)
    settings = after["settings"]
    assert isinstance(settings, dict)
    assert settings["devices"] == [device]


def test_a_data_directory_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file is in the way")
    config = tmp_path / "gateway.yaml"
    config.write_text(f"gateway: cz-01\ndata_dir: {tmp_path}/data\n")
    command = [sys.executable, "-m", "cunmai", "gateway", "run", "--config", str(config)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "不可用(File exists), 请检查权限或改 data_dir" in result.stderr
    assert "Traceback" not in result.stderr
