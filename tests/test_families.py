"""The closing table of lecture 14: what is written is what the stored runs give."""

import pytest
import torch

from coursekit.data import load
from coursekit.errors import CourseError
from coursekit.metrics import FIDScorer
from coursekit.zoo import RECIPES, families
from coursekit.zoo.store import absent, read_networks, zoo_root


def _judge(data_id, n):
    reader = RECIPES[f"features-{data_id}"]
    network = read_networks(reader, zoo_root() / reader.id)["network"]
    return FIDScorer(network, load(data_id).test.x[:n])


def test_real_images_are_at_no_distance_from_themselves_and_cover_all():
    judge = _judge("digits", 200)
    row = families.compare(judge.real, judge)
    assert row["frechet_distance"] == pytest.approx(0, abs=1e-3)
    assert row["coverage"] == 1
    far = families.compare(torch.rand(judge.real.shape, generator=torch.Generator()), judge)
    assert far["frechet_distance"] > 100
    assert far["coverage"] < 0.1


def test_a_table_is_built_of_the_digits_and_read_back(tmp_path, monkeypatch):
    folder = tmp_path / "families"
    folder.mkdir()
    monkeypatch.setattr(families, "_path", lambda data_id: folder / f"{data_id}.json")
    assert families.read("digits") is None
    rows = families.build("digits", n=40)
    assert families.read("digits") == (40, rows)
    assert [*rows] == [*families.FAMILIES, *families.REAL]
    assert [rows[name]["learnt_from"] for name in families.FAMILIES] == [1198, 599, 599, 599]
    for name in families.FAMILIES:
        assert rows[name]["seconds_per_image"] > 0
        assert rows[name]["seconds_training"] > 10
    monkeypatch.setattr(families, "_ids", lambda data_id: {})
    assert families.read("digits") is None, "of other runs than the recipes"


def test_samples_are_those_of_the_stored_networks_beside_real_images():
    rows = families.samples("digits", 3)
    assert [*rows] == [*families.FAMILIES, *families.REAL]
    assert all(x.shape == (3, 1, 28, 28) for x in rows.values())
    assert torch.equal(rows["real (training)"], load("digits").train.x[:3])
    assert set(rows["the same, binarised"].unique().tolist()) <= {0.0, 1.0}


def test_no_samples_are_drawn_where_no_weights_are_stored(monkeypatch):
    monkeypatch.setattr(families, "stored", lambda recipe, device: None)
    assert families.samples("digits", 3) == {}


def test_a_table_of_runs_that_are_not_stored_is_refused(monkeypatch):
    monkeypatch.setattr(families, "record", lambda recipe: None)
    with pytest.raises(CourseError, match="nothing is stored of nade-digits"):
        families.build("digits", n=10)


@pytest.mark.skipif(absent(RECIPES["dcgan-mnist"]), reason="MNIST is not on this machine")
@pytest.mark.parametrize("name", ["VAE (11)", "GAN (03)"])
def test_the_distance_on_record_is_that_of_the_stored_weights(name):
    n, rows = families.read("mnist")
    recipe = RECIPES[f"{families.FAMILIES[name]}-mnist"]
    (G,) = read_networks(recipe, zoo_root() / recipe.id).values()
    found = _judge("mnist", n).fid(families.draw(G, n))
    assert found == pytest.approx(rows[name]["frechet_distance"], rel=0.02)


def test_the_table_that_closes_the_course_is_of_ten_thousand_samples():
    n, rows = families.read("mnist")
    assert n == 10_000
    assert [*rows] == [*families.FAMILIES, *families.REAL]
    best = rows["real (training)"]
    for name in families.FAMILIES:
        assert rows[name]["frechet_distance"] > best["frechet_distance"]
