"""Numbers of a lecture: written down for the report, and set beside a reader's guess."""

from collections.abc import Sequence
from statistics import mean, stdev

from IPython.display import display

MIME = "application/vnd.coursekit.record+json"


def record(
    claim: str,
    ours: float | Sequence[float],
    paper: str = "—",
    source: str = "",
    unit: str = "",
    n: int | None = None,
) -> None:
    """Write one measured figure down, with the paper's beside it; `coursekit report` collects them.

    Args:
        claim: what was measured, including the sample count and the feature network if it has any.
        ours: one number, or one number per seed; then mean ± standard error is shown.
        paper: the figure the paper reports, as text, with "reported" where it was not reproduced.
        source: paper, section, table.
        unit: for example "%" or "FID".
        n: how many measurements; by default the length of `ours`.
    """
    values = [float(v) for v in (ours if isinstance(ours, Sequence) else [ours])]
    spread = stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
    row = {
        "claim": claim,
        "ours": mean(values),
        "spread": spread,
        "n": n if n is not None else len(values),
        "paper": paper,
        "source": source,
        "unit": unit,
    }
    text = f"{claim}: {row['ours']:.4g}" + (f" ± {spread:.2g}" if spread is not None else "")
    text += f" {unit}".rstrip() + f" (n = {row['n']}); paper: {paper}"
    display({"text/plain": text + (f" [{source}]" if source else ""), MIME: row}, raw=True)


def reveal(what: str, guess: float, measured: float, unit: str = "") -> None:
    """Print a reader's guess beside the measurement, without judging it."""
    ends = f" {unit}" if unit else ""
    print(f"{what}: you guessed {guess:.4g}{ends}, measured {measured:.4g}{ends}.")
