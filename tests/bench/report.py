"""Ratios, and whether they are where we want them."""

from attrs import frozen
from rich.console import Console
from rich.table import Table


@frozen(kw_only=True)
class Ratio:
    """`ours` against `floor`, in the same unit. `target` is the least ratio, or the most where `at_most` says so."""

    name: str
    unit: str
    ours: float
    floor: float
    target: str
    met: bool
    note: str = ""

    @property
    def value(self) -> float:
        return self.ours / self.floor


def at_least(name: str, *, ours: float, floor: float, target: float, unit: str, note: str = "") -> Ratio:
    """Throughputs: more is better."""
    met = ours >= target * floor
    return Ratio(name=name, unit=unit, ours=ours, floor=floor, target=f"≥ {target:g}", met=met, note=note)


def at_most(name: str, *, ours: float, floor: float, target: float, unit: str, note: str = "") -> Ratio:
    """Latencies: less is better."""
    met = ours <= target * floor
    return Ratio(name=name, unit=unit, ours=ours, floor=floor, target=f"≤ {target:g}", met=met, note=note)


def show(ratios: list[Ratio]) -> None:
    table = Table(title="plexsphere against its floors, measured in this run")
    for heading, justify in (("what", "left"), ("ours", "right"), ("floor", "right"), ("ratio", "right")):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    table.add_column("target", justify="right")
    table.add_column("")
    for ratio in ratios:
        table.add_row(
            ratio.name,
            f"{ratio.ours:,.1f} {ratio.unit}",
            f"{ratio.floor:,.1f} {ratio.unit}",
            f"{ratio.value:.2f}",
            ratio.target,
            ("✓ " if ratio.met else "✗ ") + ratio.note,
        )
    Console(width=140).print(table)
