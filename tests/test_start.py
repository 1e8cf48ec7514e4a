"""The first page: its map, its notation and glossary, and the models that it joins by Bayes."""

import re
from pathlib import Path

import nbformat
import pytest
import torch
from matplotlib.figure import Figure
from scipy.stats import multivariate_normal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch.distributions import Normal

from coursekit.course import lectures
from coursekit.course.lectures import all_lectures
from coursekit.errors import CourseError
from coursekit.plots import start as draw
from coursekit.theory import bayes

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
PAGE = nbformat.read(FOLDER / "00_start_here.ipynb", 4)
NOTATION = (FOLDER / "notation.md").read_text(encoding="utf-8")
GLOSSARY = (FOLDER / "glossary.md").read_text(encoding="utf-8")


def rows(source):
    """The rows of the Markdown tables in a text, without their heads."""
    lines = [line for line in source.splitlines() if line.startswith("|")]
    heads = {i for i, line in enumerate(lines) if re.match(r"\|( ?-+ ?\|)+$", line)}
    kept = [line for i, line in enumerate(lines) if i not in heads and i + 1 not in heads]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]


# The map


def test_the_map_takes_titles_from_the_lectures_and_names_the_planned_ones():
    entries = all_lectures(FOLDER)
    stops = {stop.number: stop for stop in lectures.stops(entries)}
    assert list(stops) == [f"{i:02}" for i in range(1, 15)]
    for entry in entries[1:]:
        assert (stops[entry.number].title, stops[entry.number].there) == (entry.title, True)
    assert not any(stop.there for stop in lectures.stops([]))


def test_what_was_planned_is_what_the_lectures_say():
    """So that the list of the planned ones cannot grow stale beside the catalogue."""
    for entry in all_lectures(FOLDER)[1:]:
        assert lectures.PLANNED[entry.number] == (entry.title, entry.question)


def test_every_lecture_is_reached_or_begins_a_strand():
    ends = {end for _, end in lectures.FLOWS}
    assert set(lectures.PLANNED) - ends == {"01", "02"}
    assert set(lectures.PLANNED) == set(draw.PLACES)


def test_nothing_on_the_map_overlaps():
    figure = draw.lecture_map(lectures.stops([]), lectures.FLOWS)
    figure.draw_without_rendering()
    (ax,) = figure.axes
    texts = [text for text in ax.texts if text.get_text()]
    frames = [p.get_window_extent() for p in ax.patches if hasattr(p, "get_boxstyle")]
    for i, text in enumerate(texts):
        here = text.get_window_extent()
        hit = [t.get_text() for t in texts[i + 1 :] if here.overlaps(t.get_window_extent())]
        assert not hit, f"{text.get_text()!r} on {hit}"
        if text.get_color() == draw.GREEN:  # beside an arrow, and in no box
            assert not any(here.overlaps(frame) for frame in frames), text.get_text()


# Notation and glossary


def symbols(source):
    return set(re.findall(r"\$([^$]+)\$", source.replace(r"\mid ", "|").replace(r"\mid", "|")))


@pytest.mark.parametrize("entry", all_lectures(FOLDER)[1:], ids=lambda entry: entry.number)
def test_every_letter_of_a_lectures_own_table_is_in_the_table_of_the_course(entry):
    letters = re.compile(r"\\(?:mathrm|bar|lVert|pi|sigma|theta|eta|varphi|psi|gamma)|[A-Za-z]")
    known = set(letters.findall(" ".join(symbols(NOTATION))))
    notebook = nbformat.read(entry.path, 4)
    tables = [c.source for c in notebook.cells if "| notation |" in c.source]
    for table in tables:
        first = " ".join(f"${s}$" for row in rows(table) for s in symbols(row[0]))
        missing = set(letters.findall(" ".join(symbols(first)))) - known - set("dotsl")
        assert not missing, (
            f"{entry.number} uses {sorted(missing)}, which notation.md does not explain"
        )


GREEK = re.compile(
    r"\\(?:var)?(?:alpha|beta|gamma|delta|epsilon|zeta|eta|theta|kappa|lambda|mu|nu|xi|pi|rho|sigma"
    r"|tau|phi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega)(?![A-Za-z])"
)


def test_every_greek_letter_of_the_lectures_is_in_the_table_of_the_course():
    known, unknown = set(GREEK.findall(NOTATION)), {}
    for entry in all_lectures(FOLDER):
        prose = [c.source for c in nbformat.read(entry.path, 4).cells if c.cell_type == "markdown"]
        maths = re.findall(r"\$\$.*?\$\$|\$[^$]+\$", "\n".join(prose), re.DOTALL)
        used = set(GREEK.findall(" ".join(maths)))
        unknown |= dict.fromkeys(used - known, entry.number)
    assert not unknown, f"{unknown} are not in notation.md"


def test_the_glossary_has_both_languages_and_no_term_twice():
    terms = rows(GLOSSARY)
    assert len(terms) >= 50
    for english, chinese in terms:
        assert english.isascii() or "–" in english or "é" in english
        assert re.search(r"[\u4e00-\u9fff]", chinese), english
    assert len({english for english, _ in terms}) == len({c for _, c in terms}) == len(terms)


# What needs no entry: data sets, where papers appeared, file formats, machines.
NAMES = {
    *("MNIST", "CIFAR", "SVHN", "MAP", "NASA", "VEEGAN"),
    *("ICLR", "ICML", "CVPR", "ICCV", "ECCV", "AAAI", "ASIA", "CCS", "IEEE", "JMLR", "USENIX"),
    *("AISTATS", "EMNLP"),
    *("FFHQ", "COCO", "CUB", "CLS", "INT", "PCM"),
    *("README", "URL", "PNG", "GIF", "PDF", "HTML", "JSON", "GPU", "CPU"),
}
NO_PROSE = re.compile(r"```.*?```|`[^`]*`|\$[^$]*\$|\]\([^)]*\)", re.DOTALL)


def test_every_abbreviation_of_the_lectures_is_in_the_glossary():
    known, unknown = set(re.findall(r"[A-Z]{3,}", GLOSSARY)), {}
    for entry in all_lectures(FOLDER):
        prose = [c.source for c in nbformat.read(entry.path, 4).cells if c.cell_type == "markdown"]
        words = set(re.findall(r"\b[A-Z]{3,}\b", NO_PROSE.sub(" ", "\n".join(prose))))
        unknown |= dict.fromkeys(words - known - NAMES, entry.number)
    assert not unknown


# Three kinds of model


def test_bayes_agrees_with_scipy_and_discriminant_analysis(rng):
    prior = torch.tensor([0.3, 0.7], dtype=torch.float64)
    centres = torch.tensor([[-1.0, 0.0], [1.0, 0.5]], dtype=torch.float64)
    points = torch.randn(50, 2, generator=rng, dtype=torch.float64) * 3
    likelihood = Normal(centres[:, None], 1).log_prob(points).sum(-1)
    joint = bayes.log_joint(likelihood, prior)
    whole = sum(
        float(w) * multivariate_normal(c.numpy()).pdf(points.numpy())
        for w, c in zip(prior, centres, strict=True)
    )
    torch.testing.assert_close(bayes.log_evidence(joint).exp(), torch.from_numpy(whole))
    judge = LinearDiscriminantAnalysis(priors=prior.numpy(), store_covariance=True)
    judge.fit([[-2, 0], [0, 0], [-1, 1], [-1, -1], [0, 0.5], [2, 0.5], [1, 1.5], [1, -0.5]],
              [0] * 4 + [1] * 4)  # fmt: skip
    odds = torch.from_numpy(judge.decision_function(points.numpy()))
    scale = float(judge.covariance_[0, 0])  # its common covariance is scale·I
    steep = (joint[1] - joint[0] - (prior[1] / prior[0]).log()) / scale
    torch.testing.assert_close(steep + (prior[1] / prior[0]).log(), odds)


def test_the_classes_share_out_one_even_where_every_density_is_zero():
    joint = torch.tensor([[-1e6], [-1e6 - 1]], dtype=torch.float64)
    assert joint.exp().sum() == 0
    torch.testing.assert_close(bayes.classify(joint).sum(0), torch.ones(1, dtype=torch.float64))


def test_a_prior_sums_to_one():
    with pytest.raises(CourseError, match="prior sums to 1.1, not 1"):
        bayes.log_joint(torch.zeros(2, 3), torch.tensor([0.5, 0.6]))


def test_its_figures_name_their_axes():
    x = torch.linspace(-1, 1, 5)
    halves = torch.full((2, 5), 0.5)
    figure = draw.three_models(x, halves, halves, halves, at=0.0)
    assert isinstance(figure, Figure)
    assert [ax.get_ylabel() for ax in figure.axes] == ["density", "density", "probability"]
