"""Write the published JSON Schema anew: ./dev run python wire/publish.py"""

from pathlib import Path

from cunmai_wire.schema import schemas

for name, text in schemas().items():
    (Path(__file__).parent / "schema" / name).write_text(text)
