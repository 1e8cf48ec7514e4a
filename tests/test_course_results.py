"""What executed notebooks say: their opening line, claims and figures; the report and JUnit."""

import base64
import json
import re
from xml.etree import ElementTree

import nbformat
import pytest
import torch
from nbformat.v4 import new_output
from tiny import notebook

from coursekit import lab
from coursekit.course.results import (
    RUN,
    broken,
    claims,
    collect,
    glance,
    opened,
    unmeasured,
    write_junit,
    write_report,
)
from coursekit.errors import CourseError
from coursekit.lab import Lab
from coursekit.teaching import MIME, check, checks, finding


def test_the_opening_line_is_the_one_that_lab_prints():
    line = str(Lab("smoke", "/my data/cats, dogs.npz", 3, torch.device("cpu")))
    made = notebook()
    made.cells[1].outputs = [new_output("stream", name="stdout", text=line + "\n")]
    read = opened(made)
    assert (read["profile"], read["dataset"], read["seed"]) == (
        "smoke",
        "/my data/cats, dogs.npz",
        "3",
    )
    assert read["device"].startswith("cpu (")


def test_claims_are_read_as_they_are_printed_whatever_the_profile(capsys, monkeypatch):
    monkeypatch.setattr(checks, "_seen", {})
    monkeypatch.setattr(checks, "_findings", set())
    monkeypatch.setattr(lab, "opened", lab.Lab("smoke", "garments", 0, torch.device("cpu")))
    check("two is even", True)
    check("x in [0, 1) is three", False, measured=[3, 4])
    finding("A is larger", True, [1.0, 2.0])
    finding("B is larger", False, 0.5)
    finding("C is larger", None)
    made = notebook()
    text = capsys.readouterr().out + "– an item of a list\n"
    made.cells[1].outputs = [new_output("stream", name="stdout", text=text)]
    assert claims(made) == {
        "two is even": True,
        "x in [0, 1) is three": False,
        "A is larger": True,
        "B is larger": False,
    }
    assert broken(made) == ["x in [0, 1) is three"]
    assert unmeasured(made) == ["C is larger"]


def test_what_was_not_measured_is_listed_in_the_report_and_skipped_in_junit(tmp_path):
    made = of_seed(0, 1.0, True)
    made.cells[1].outputs[0].text += "– B is larger [not measured here]\n"
    made.cells[1].outputs[0].text += "– C \x1b\x00 too [not measured here]\n"
    nbformat.write(made, tmp_path / "02_x.ipynb")
    write_report(tmp_path)
    (told,) = json.loads((tmp_path / "report.json").read_text())["runs"]
    assert told["unmeasured"] == ["B is larger", "C \x1b\x00 too"]
    write_junit(tmp_path, ["02_x"], tmp_path / "junit.xml")
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    cases = [(case.get("name"), [part.tag for part in case]) for case in suite]
    assert cases == [("02_x", []), ("B is larger", ["skipped"]), ("C �� too", ["skipped"])]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "0", "2")


def of_seed(seed, ours, held, profile="smoke"):
    """An executed notebook that recorded `ours`, and whose claim held or not."""
    made = notebook()
    row = {"claim": "FID", "ours": ours, "spread": 0.1, "n": 3, "paper": "—"}
    data = {MIME: {**row, "source": "", "unit": "non-EMA"}, "text/plain": ""}
    line = f"profile {profile}, data digits, seed {seed}, cpu\n{'✓' if held else '✗'} a claim\n"
    made.cells[1].outputs = [
        new_output("stream", name="stdout", text=line),
        new_output("display_data", data=data),
    ]
    told = {"profile": profile, "dataset": "digits", "seed": seed, "status": "done"}
    made.metadata[RUN] = {**told, "seconds": 10.0 + seed, "finished": f"2026-01-0{seed + 1}"}
    return made


def test_the_report_gives_the_spread_over_seeds(tmp_path):
    for seed, ours, held in ((0, 10.0, True), (1, 12.0, True), (2, 14.0, False)):
        nbformat.write(of_seed(seed, ours, held), tmp_path / f"02_x-seed{seed}.ipynb")
    nbformat.write(of_seed(0, -5.0, True, "course"), tmp_path / "02_x.ipynb")
    write_report(tmp_path)
    data = json.loads((tmp_path / "report.json").read_text())
    course, check, smoke, checks = data["table"]
    assert (course["ours"], course["n"], course["profile"]) == ("−5 ± 0.1 non-EMA", 3, "course")
    assert check["ours"] == "✓ holds"
    assert smoke["ours"] == "12 ± 1.2 non-EMA"  # standard error of 10, 12, 14: 2 / √3
    assert (smoke["n"], smoke["seeds"], smoke["values"]) == (9, 3, [10.0, 12.0, 14.0])
    assert smoke["seconds"] == 11.0
    assert (checks["ours"], checks["held"], checks["n"]) == ("✗ holds in 2 of 3", 2, 3)
    assert len(data["runs"]) == 4
    page = (tmp_path / "report.html").read_text()
    assert "3 of 4 checks passed." in page
    assert "4 of 4 runs done, 1 lecture," in page
    assert re.search(r"<td[^>]*>0 to 2</td>", page)
    assert page.count("<details open>") == 1, "claims that failed stand open, others fold"
    assert re.search(r'class="bad">✗ [^<]+: holds in 2 of 3', page)


def test_a_record_or_picture_that_is_not_whole_is_named_and_nothing_written(tmp_path):
    made = of_seed(0, 1.0, True)
    del made.cells[1].outputs[1].data[MIME]["ours"]
    nbformat.write(made, tmp_path / "02_x.ipynb")
    with pytest.raises(CourseError, match="02_x.ipynb holds a recorded figure without ours"):
        write_report(tmp_path)
    made = of_seed(0, 1.0, True)
    broken = new_output("display_data", data={"image/png": base64.b64encode(b"no").decode()})
    broken.metadata = {"image/png": {"alt": "Two curves"}}
    made.cells[1].outputs.append(broken)
    nbformat.write(made, tmp_path / "02_x.ipynb")
    with pytest.raises(CourseError, match="The figure 'Two curves' is no picture"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["02_x.ipynb"]


@pytest.mark.parametrize(("held", "status"), [(True, "done"), (True, "failed"), (False, "done")])
def test_all_is_good_only_if_every_run_ended_well_and_every_claim_held(tmp_path, held, status):
    made = of_seed(0, 1.0, held)
    made.metadata[RUN]["status"] = status
    nbformat.write(made, tmp_path / "02_x.ipynb")
    good = glance(collect(tmp_path))["good"]
    assert good == (held and status == "done")


def test_the_same_seed_twice_counts_once_the_newest(tmp_path):
    nbformat.write(of_seed(0, 1.0, True), tmp_path / "02_x.ipynb")
    later = of_seed(0, 2.0, True)
    later.metadata[RUN]["finished"] = "2026-02-01"
    nbformat.write(later, tmp_path / "02_x-seed0.ipynb")
    write_report(tmp_path)
    rows = json.loads((tmp_path / "report.json").read_text())["table"]
    assert [row["value"] for row in rows if row["kind"] == "figure"] == [2.0]
