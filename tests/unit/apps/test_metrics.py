import pytest

from plexsphere_adapters.metrics import counter, declared, gauge


def test_metrics_are_named_by_the_convention() -> None:
    for metric in declared():
        assert metric.name.startswith("plexsphere_")
        assert (metric.type == "counter") == metric.name.endswith("_total")
        assert metric.type != "histogram" or metric.name.endswith(("_seconds", "_bytes"))
        assert metric.help.endswith(".")
        assert not any(label.endswith("_id") for label in metric.labels)


def test_what_breaks_the_convention_is_not_declared() -> None:
    with pytest.raises(ValueError, match="_total"):
        counter("plexsphere_things", "Things.")
    with pytest.raises(ValueError, match="plexsphere_"):
        gauge("things", "Things.")
    with pytest.raises(ValueError, match="says nothing"):
        gauge("plexsphere_things", "")
