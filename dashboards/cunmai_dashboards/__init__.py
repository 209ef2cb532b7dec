"""Grafana dashboards as code: `resident.py` builds one, `build.py` writes it, `push.py` publishes it."""
