"""A pack of rules of every form, and what it may become: for tests of the order of readings."""

from __future__ import annotations

from cunmai_rules.thresholds.loader import build_rules

PACK = """\
pack: several
version: 1
title: {zh: test, en: test}
rules:
  - id: low
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 93, for_s: 60, gap_s: 300}
    clear: {at_or_above: 95, for_s: 60}
    quality: {doubt_after_s: 60}
    lane: page
    stale_after_s: 400
    source: a test
  - id: two-of-three
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", below: 95, at_least: 2, of_last: 3}
    clear: {at_or_above: 96}
    lane: review
    source: a test
  - id: falls-while-hot
    title: {zh: test, en: test}
    grade: yellow
    when:
      all:
        - {reads: oximetry.spo2_pct, unit: "%", falls_by: 4, within_s: 600}
        - {reads: temperature.temperature_c, unit: Cel, at_or_above: 38}
    clear: {for_s: 0}
    lane: review
    source: a test
  - id: no-temperature
    title: {zh: test, en: test}
    grade: yellow
    when: {nothing_heard: temperature, after: oximetry, for_s: 300}
    lane: review
    source: a test
"""
SEVERAL = build_rules([("several.yaml", PACK.encode())])

MORE = """\
  - id: deep
    title: {zh: test, en: test}
    grade: red
    when: {reads: oximetry.spo2_pct, unit: "%", below: 90}
    clear: {at_or_above: 92, for_s: 60}
    quality: {doubt_after_s: 60}
    lane: page
    stale_after_s: 400
    source: a test
  - id: high
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", above: 96, for_s: 60}
    clear: {at_or_below: 96}
    lane: review
    stale_after_s: 400
    source: a test
  - id: low-even-if-flagged
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: oximetry.spo2_pct, unit: "%", at_or_below: 94}
    clear: {above: 94}
    quality: {accept: [low_perfusion]}
    lane: review
    source: a test
  - id: fever
    title: {zh: test, en: test}
    grade: yellow
    when: {reads: temperature.temperature_c, unit: Cel, at_or_above: 38}
    clear: {below: 38}
    lane: page
    stale_after_s: 600
    source: a test
"""
WIDE_PACK = PACK + MORE
WIDE = build_rules([("several.yaml", WIDE_PACK.encode())])
IN_OTHER_WORDS = build_rules(
    [("several.yaml", WIDE_PACK.replace("source: a test", "source: signed").encode())]
)
CHANGED = build_rules(
    [
        (
            "several.yaml",
            WIDE_PACK.replace("at_or_below: 93", "at_or_below: 92")
            .replace("below: 90}", "below: 89}")
            .encode(),
        )
    ]
)
