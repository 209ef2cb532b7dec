"""Who is told of an alarm for the first time is not "reminded" of it, whoever was told before."""

from __future__ import annotations

from support.rules_bench import Bench


def test_only_who_has_got_a_message_about_it_is_reminded(bench: Bench) -> None:
    bench.desaturate()
    bench.passes(2)
    for _ in range(2):
        bench.passes(301)
    assert bench.told == ["V", "T", "V"]
    assert ["再次" in text for text in bench.sink.texts] == [False, False, True]


def test_who_was_to_be_told_and_never_was_is_not_reminded(bench: Bench) -> None:
    bench.sink.statuses.append(400)
    bench.desaturate()
    bench.passes(2)
    bench.passes(2)
    assert bench.told == ["T"], "the village doctor's was refused"
    bench.passes(301)
    assert bench.told == ["T", "V"]
    assert not any("再次" in text for text in bench.sink.texts)
