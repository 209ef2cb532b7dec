"""What axe-core objects to on a page. Its script comes with a package of the tests; nothing is fetched."""

from __future__ import annotations

import json
from typing import Any

from selenium_axe_python.axe import Axe

from support.browser import Browser

FAILING = ("serious", "critical")
"""What fails a test. Axe's `moderate` and `minor` are advice."""
_OPTIONS = json.dumps({"resultTypes": ["violations"]})


def objections(browser: Browser) -> list[str]:
    """One line for each element and rule: impact, rule, where, and what is wrong there."""
    axe = Axe(browser.driver)
    if not browser.driver.execute_script("return 'axe' in window"):
        axe.inject()  # type: ignore[no-untyped-call]
    found = axe.run(options=_OPTIONS)  # type: ignore[arg-type]  # it is put into the script as it is
    return [
        f"axe {violation['impact']}: {violation['id']} at {' '.join(map(str, node['target']))}: {_why(node)}"
        for violation in found["violations"]
        if violation["impact"] in FAILING
        for node in violation["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(str(check["message"]) for check in checks) or str(node["html"])[:120]
