import asyncio
import base64
import inspect
import io
import re

import ipywidgets
import numpy as np
import PIL.Image
import pytest
import torch
from matplotlib.figure import Figure

from coursekit import lab, teaching
from coursekit import plots as base
from coursekit.errors import CourseError
from coursekit.plots import dreams
from coursekit.teaching import checks, exercise

ALT = "A line that rises from left to right."


@pytest.fixture
def outputs(monkeypatch):
    """What would appear on the page: (bundle, metadata) for each display."""
    page = []

    def collect(thing, raw=False, metadata=None):
        page.append((thing, metadata) if raw else thing._repr_mimebundle_())

    for room in ("display",):
        monkeypatch.setattr(f"coursekit.teaching.{room}.display", collect)
    return page


@pytest.fixture(autouse=True)
def _fresh_claims(monkeypatch):
    monkeypatch.setattr(checks, "_seen", {})
    monkeypatch.setattr(checks, "_findings", set())
    monkeypatch.setattr(lab, "opened", None)


def line(slope=1.0):
    figure, (axes,) = base.canvas(title="A line")
    axes.plot([0, 1], [0, slope])
    return figure


def test_a_claim_that_holds_prints_no_number(capsys):
    assert teaching.check("one is less than two", 1 < 2, measured=1)
    assert capsys.readouterr().out == "✓ one is less than two\n"


@pytest.mark.parametrize("holds", [False, float("nan"), torch.tensor(False), 0, np.bool_(False)])
def test_a_claim_that_fails_says_what_was_measured_and_fails_the_run(holds, capsys):
    assert not teaching.check("it holds", holds, measured="3.5 against 2")
    assert capsys.readouterr().out == "✗ it holds [3.5 against 2]\n"
    with pytest.raises(checks.ClaimFailed, match="1 of 1 claims failed: it holds"):
        teaching.all_checks_hold()


def test_a_lecture_without_claims_fails_and_one_with_claims_closes(capsys):
    with pytest.raises(checks.ClaimFailed, match="No claim"):
        teaching.all_checks_hold()
    teaching.check("a", True)
    teaching.check("b", torch.tensor([True]))
    teaching.all_checks_hold()
    assert capsys.readouterr().out.endswith("All 2 claims hold.\n")


def test_a_claim_must_be_one_line():
    for claim in ("", "two\nlines", "pixels lie in [0, 1]"):
        with pytest.raises(CourseError):
            teaching.check(claim, True)


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        ([0.5, 0.75, 1.0], "0.75 ± 0.14, n = 3"),  # standard error: s.d. 0.25 over √3
        (2 / 3, "0.6667"),
        ([2.0], "2"),
        (7, "7"),
        ("from the record: [1, 2]\n3", "from the record: (1, 2) 3"),
    ],
)
def test_a_finding_prints_mark_sentence_and_figure(measured, shown, capsys):
    assert teaching.finding("A is larger", True, measured)
    assert capsys.readouterr().out == f"✓ A is larger [{shown}]\n"


def test_a_finding_without_a_figure_is_refused():
    with pytest.raises(CourseError, match="measured was empty for the finding 'A is larger'"):
        teaching.finding("A is larger", True)


@pytest.mark.parametrize(("profile", "dataset"), [("course", "mnist"), ("smoke", "digits")])
def test_a_finding_that_does_not_hold_where_it_binds_fails_the_run(profile, dataset, capsys):
    lab.start(profile, dataset, device="cpu")
    assert not teaching.finding("A is larger", False, 3)
    assert capsys.readouterr().out.endswith("✗ A is larger [3]\n")
    with pytest.raises(checks.ClaimFailed, match="1 of 1 claims failed: A is larger"):
        teaching.all_checks_hold()


@pytest.mark.parametrize("where", [("course", "digits"), ("smoke", "mnist"), ("full", "mnist")])
def test_elsewhere_findings_are_reported_and_a_check_still_fails_the_run(where, capsys):
    lab.start(*where, device="cpu")
    assert not teaching.finding("A is larger", False, [1.0, 2.0])
    assert not teaching.finding("B is larger", None)
    assert teaching.finding("C is larger", True, 3)
    teaching.all_checks_hold()
    assert capsys.readouterr().out.splitlines()[1:] == [
        "✗ A is larger [1.5 ± 0.5, n = 2; did not hold here]",
        "– B is larger [not measured here]",
        "✓ C is larger [3]",
        "None of the 3 claims failed. [1 held, 1 did not hold here, 1 not measured here]",
    ]
    teaching.check("two is even", False)
    with pytest.raises(checks.ClaimFailed, match="1 of 4 claims failed: two is even"):
        teaching.all_checks_hold()


def test_show_puts_a_png_with_alt_text_on_the_page(outputs):
    teaching.show(line(), ALT)
    data, metadata = outputs[0]
    assert metadata["image/png"]["alt"] == ALT
    assert "image/png" in data
    with pytest.raises(CourseError, match="alt"):
        teaching.show(line(), "figure")


def test_a_picture_in_fewer_colours_is_smaller_and_looks_the_same():
    from coursekit.teaching.display import png

    rng = torch.Generator().manual_seed(0)
    figure = base.gallery(torch.rand(20, 3, 16, 16, generator=rng))
    full, few = png(figure), png(figure, colours=128)
    assert len(few) < 0.6 * len(full)
    pixels = [np.array(PIL.Image.open(io.BytesIO(b)).convert("RGB"), float) for b in (full, few)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 16  # of 255; white noise is the hardest case


def test_a_photograph_is_stored_as_jpeg_with_alt_text(outputs):
    teaching.show(line(), ALT, quality=90)
    data, metadata = outputs[0]
    assert metadata["image/jpeg"]["alt"] == ALT
    stored = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/jpeg"])))
    assert stored.format == "JPEG"


def test_a_dithered_film_shows_more_shades_than_its_palette_has(outputs):
    """Of a smooth ramp of colours, averaged over 4 × 4 pixels, the flat film loses more."""
    down, across = np.meshgrid(np.linspace(0, 1, 64), np.linspace(0, 1, 64), indexing="ij")
    pixels = np.stack([down, across, down * across])
    ramp = dreams.frame(torch.tensor(pixels[None]).float())
    lost = []
    for dither in (False, True):
        teaching.film([dreams.frame(torch.zeros(1, 3, 64, 64)), ramp], ALT, dither=dither)
        gif = PIL.Image.open(io.BytesIO(base64.b64decode(outputs[-1][0]["image/gif"])))
        gif.seek(1)
        found = np.asarray(gif.convert("RGB"), float).transpose(2, 0, 1) / 255
        means = [v.reshape(3, 16, 4, 16, 4).mean((2, 4)) for v in (found, pixels)]
        lost.append(np.abs(means[0] - means[1]).mean())
    assert lost[1] < 0.7 * lost[0]


def test_a_film_has_all_its_frames(outputs):
    teaching.film([line(s) for s in (0.2, 0.6, 1.0)], ALT)
    data, metadata = outputs[0]
    assert metadata["image/gif"]["alt"] == ALT
    gif = PIL.Image.open(io.BytesIO(base64.b64decode(data["image/gif"])))
    assert gif.n_frames == 3
    with pytest.raises(CourseError, match="frames"):
        teaching.film([], ALT)


def test_record_shows_mean_and_standard_error(outputs):
    teaching.record("FID", [10.0, 12.0, 14.0], paper="34.3 reported", source="x, Table 1")
    (bundle, _) = outputs[0]
    row = bundle[teaching.MIME]
    assert (row["ours"], row["n"], row["paper"]) == (12.0, 3, "34.3 reported")
    assert row["spread"] == pytest.approx(2 / 3**0.5)  # s.d. 2 over three seeds
    assert bundle["text/plain"].startswith("FID: 12 ± 1.2 (mean of 3); paper: 34.3 reported")
    teaching.record("FID", 5.0, unit="%")
    row = outputs[1][0][teaching.MIME]
    assert (row["spread"], row["n"], row["unit"]) == (None, 1, "%")
    assert outputs[1][0]["text/plain"] == "FID: 5 %; paper: —"


def test_reveal_sets_the_guess_beside_the_measurement(capsys):
    teaching.reveal("accuracy", 0.5, 0.031)
    assert capsys.readouterr().out == "accuracy: you guessed 0.5, measured 0.031.\n"


def test_a_widget_redraws_and_leaves_a_still_picture(outputs):
    slider = ipywidgets.FloatSlider(1.0, min=0.0, max=2.0)
    box = teaching.interact(line, {"slope": slider}, ALT)
    bundle, metadata = outputs[0]
    assert metadata["image/png"]["alt"] == ALT
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == box.model_id
    image = box.children[-1]
    before = image.value
    assert before == bundle["image/png"]
    assert box.children[0].description == "slope"  # a control without a name is given one
    slider.value = 2.0
    assert image.value != before


def test_a_dropdown_is_shown_as_a_slider_that_stays_in_step_with_it(outputs):
    drawn = []

    def draw(slope):
        drawn.append(slope)
        return line(slope)

    dropdown = ipywidgets.Dropdown(
        options={"flat": 0.0, "steep": 9.0}, value=9.0, description="slope"
    )
    slider = teaching.interact(draw, {"slope": dropdown}, ALT).children[0]
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert (slider.label, slider.description) == ("steep", "slope")
    slider.label = "flat"
    assert dropdown.value == 0.0
    dropdown.value = 9.0
    assert slider.label == "steep"
    assert drawn == [9.0, 0.0, 9.0]


def test_of_a_burst_of_moves_only_the_newest_is_drawn(outputs):
    drawn = []

    def draw(slope):
        drawn.append(slope)
        return line(slope)

    async def burst(slider, said):
        for step in range(20):
            slider.value = step / 10
            await asyncio.sleep(0)
        assert said.value == "drawing …"
        await asyncio.sleep(0.3)

    slider = ipywidgets.FloatSlider(1.0, min=0.0, max=2.0)
    box = teaching.interact(draw, {"slope": slider}, ALT)
    asyncio.run(burst(slider, box.children[-2]))
    assert drawn == [1.0, 1.9]
    assert box.children[-2].value == ""


def test_an_error_of_a_redraw_is_said_below_the_controls(outputs):
    def draw(slope):
        return line(1 / slope)

    slider = ipywidgets.FloatSlider(1.0, min=0.0, max=2.0)
    box = teaching.interact(draw, {"slope": slider}, ALT)
    still = box.children[-1].value
    slider.value = 0.0
    assert box.children[-2].value == "ZeroDivisionError: float division by zero"
    assert box.children[-1].value == still


def test_show_source_prints_the_function(capsys):
    from coursekit.gradients import input_gradient

    teaching.show_source(input_gradient)
    assert capsys.readouterr().out.startswith("def input_gradient(")


def worked_sign(x):
    return (x > 0) - (x < 0)


def sign_exercise():
    def positive(attempt, fresh):
        x = fresh.number(2, 3)
        return None if attempt(x) == 1 else f"the sign of {x} should be 1."

    def odd(attempt, fresh):
        x = fresh.integer(1, 5)
        return None if attempt(-x) == -attempt(x) else "your function is not odd."

    hints = ("Think of x / |x|.", "What is x > 0 as a number?")
    return teaching.Exercise("The sign", (positive, odd), hints, worked_sign)


def raises(_):
    raise ZeroDivisionError("by zero")


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (worked_sign, "correct"),
        (lambda x: 1, "not odd"),
        (lambda x: x, "should be 1"),
        (lambda x: ..., "not attempted yet"),
        (lambda x: None, "returns nothing; is a `return` missing?"),
        (raises, "with ZeroDivisionError: by zero."),
        (
            lambda x: 1 if type(x) is float else {},
            "your answer cannot be used: TypeError: bad operand",
        ),
    ],
)
def test_an_attempt_is_graded_in_a_sentence(attempt, said, capsys):
    assert sign_exercise().grade(attempt) == (said == "correct")
    assert said in capsys.readouterr().out


def test_inputs_are_drawn_anew_and_can_be_had_again(capsys):
    for _ in range(2):
        sign_exercise().grade(lambda x: x)
    first, second = re.findall(r"the sign of (\S+) .*\n.*seed=(\d+)", capsys.readouterr().out)
    assert first != second
    sign_exercise().grade(lambda x: x, seed=int(first[1]))
    assert first[0] in capsys.readouterr().out


def test_an_error_is_told_with_its_line():
    _, first = inspect.getsourcelines(raises)
    verdict = sign_exercise().verdict(raises, 0)
    assert verdict.startswith(f"your code stopped in line {first + 1} with")


def test_an_attempt_that_overwrites_its_input_is_told_so():
    exercise = teaching.Exercise("x", (lambda f, fresh: f(fresh.normal(3)) and None,), (), abs)
    assert "overwrites its argument 1" in exercise.verdict(lambda x: bool(x.zero_().sum() == 0), 0)


def test_hints_are_given_one_at_a_time(capsys):
    for number in (1, 3):
        sign_exercise().hint(number)
    assert capsys.readouterr().out == (
        "Hint 1 of 2: Think of x / |x|.\nThere are 2 hints; ask for 1 to 2.\n"
    )


def test_the_solution_is_source_that_can_be_pasted(capsys):
    sign_exercise().solution()
    assert capsys.readouterr().out == "def worked_sign(x):\n    return (x > 0) - (x < 0)\n"


def test_fresh_inputs_are_what_they_are_called():
    fresh = exercise.RandomInputs(3)
    assert fresh.normal(4, 2).shape == (4, 2)
    assert fresh.uniform(2, 3, 100).min() >= 2
    assert {fresh.integer(1, 3) for _ in range(50)} == {1, 2, 3}
    assert fresh.labels(7, 3).bincount().tolist() == [3, 2, 2]
    assert fresh.masses(5).sum().item() == pytest.approx(1)
    assert torch.equal(exercise.RandomInputs(3).normal(9), exercise.RandomInputs(3).normal(9))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (torch.zeros(2, 3), None),
        (torch.tensor([[0, 0, 0], [0, 0.25, -0.5]]), "at row 1, column 2 it is -0.5, not 0"),
        (torch.tensor([[0, torch.nan, 0], [0, 9, 0]]), "at row 0, column 1 it is nan, not 0"),
    ],
)
def test_a_miss_is_told_where_it_is_largest(answer, said):
    assert exercise.describe_mismatch(answer, torch.zeros(2, 3)) == said


def test_numbers_that_look_alike_are_told_with_more_digits():
    said = exercise.describe_mismatch(torch.tensor([1.00001], dtype=torch.float64), torch.ones(1))
    assert said == "at entry 0 it is 1.00001, not 1"


@pytest.mark.parametrize("answer", ["three", [1, 2], torch.zeros(2), torch.zeros(3, 2)])
def test_an_answer_of_another_kind_is_told_so(answer):
    with pytest.raises(exercise.Wrong, match="the answer should be one number"):
        exercise.number(answer)
    with pytest.raises(exercise.Wrong, match="the answer should be a tensor of shape"):
        exercise.tensor_like(answer, torch.zeros(2, 3))


def test_tile_puts_images_in_reading_order():
    images = torch.arange(5.0).view(5, 1, 1, 1).expand(5, 1, 2, 2) / 4
    sheet = base.tile(images, 3)
    assert sheet.shape == (4, 6)
    assert sheet[0, ::2].tolist() == [0.0, 0.25, 0.5]
    assert sheet[2, ::2].tolist() == [0.75, 1.0, 1.0]  # the last place is left white
    assert base.tile(torch.rand(4, 3, 2, 2), 2).shape == (4, 4, 3)


def test_a_canvas_is_a_figure_without_pyplot():
    figure, axes = base.canvas(2, 3, title="x")
    assert isinstance(figure, Figure)
    assert len(axes) == 6
