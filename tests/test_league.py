"""The league of 05: equal trials, settings that change the game, and a record that is replayed."""

import math
from dataclasses import asdict

import pytest
import torch
from seeds import seeded

from coursekit import nets
from coursekit.errors import CourseError
from coursekit.zoo import league
from coursekit.zoo.runs import REPLAY_TOLERANCE

STORED = [(t, name) for t in league.TARGETS for name in league.ENTRANTS[t] if league.read(t)]
STORED = [(t, name) for t, name in STORED if name in league.read(t).games]
of_each = pytest.mark.parametrize(("target", "name"), STORED, ids=lambda value: value)


def test_every_remedy_has_equally_many_trials_and_one_at_the_collapsing_rates():
    for trials in league.REMEDIES.values():
        assert len(trials) == len({str(asdict(how)) for how in trials}) == 6
        assert trials[0].rates == league.SLOW
        assert {how.rates for how in trials} >= set(league.THREE)


def test_both_penalties_of_the_grid_are_taken():
    D = nets.MLPDiscriminator((2,), ())
    real, fake = torch.zeros(3, 2), torch.ones(3, 2)
    squared = sum(float(p.detach().square().sum()) for p in D.parameters() if p.dim() == 2)
    found = float(league._r1_r2(0.5)(D, real, fake, None).detach())
    assert found == pytest.approx(0.5 * squared, rel=1e-5)


@pytest.mark.parametrize("name", league.REMEDIES)
def test_settings_are_plain_values_and_change_the_game(name):
    for how in league.REMEDIES[name]:
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(how).items()}
        assert league.Settings.from_plain(plain) == how
    how = league.REMEDIES[name][0]
    G, history = league.play("ring", how, seeds=2, steps=2)
    _, as_it_is = league.play("ring", league.Settings(), seeds=2, steps=2)
    same = torch.equal(history.losses["D"], as_it_is.losses["D"])
    same = same and torch.equal(history.losses["G"], as_it_is.losses["G"])
    assert same == (name == "plain GAN")
    assert league.draw(G, "ring", 5, torch.Generator()).shape == (2, 5, 2)


def test_the_best_trial_has_the_largest_modes_times_quality():
    low, high = league.Settings(), league.Settings(pack=2)
    rows = [
        {"settings": asdict(low), "modes": 8.0, "quality": 0.1},
        {"settings": asdict(high), "modes": 4.0, "quality": 0.9},
    ]
    assert league.chosen(rows) == high


def test_a_league_is_tuned_stored_and_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(league, "zoo_root", lambda: tmp_path)
    monkeypatch.setattr(league, "STEPS", {"ring": 4, "grid": 4})
    monkeypatch.setattr(league, "SEEDS", 2)
    trials = {"a": [league.Settings(), league.Settings(pack=2)], "b": [league.Settings(group=8)]}
    monkeypatch.setitem(league.ENTRANTS, "ring", trials)
    said = []
    assert league.read("ring") is None
    league.build("ring", log=said.append)
    league.build("ring", log=said.append)
    assert len(said) == 2, "what is stored is not played again"
    found = league.read("ring")
    assert list(found.games) == ["a", "b"] and len(found.games["a"].trials) == 2
    x = league.draw(found.generators("b"), "ring", 50, seeded(0))
    assert x.shape == (2, 50, 2) and x.isfinite().all()
    monkeypatch.setenv("COURSEKIT_ZOO", "off")
    assert league.read("ring") is None
    with pytest.raises(CourseError, match="target was 'star'"):
        league.read("star")


@of_each
def test_a_stored_game_is_that_of_its_best_trial_and_scores_what_is_written(target, name):
    stored = league.read(target)
    game = stored.games[name]
    tried = [league.Settings.from_plain(trial["settings"]) for trial in game.trials]
    assert (tried or [game.settings]) == league.ENTRANTS[target][name]
    assert not tried or league.chosen(game.trials) == game.settings
    found = league.scores(stored.generators(name), target, seeded(5))
    quality = sum(c.quality for c in found) / len(found)
    assert quality == pytest.approx(sum(game.quality) / len(game.quality), abs=0.01)
    assert len(game.modes) == league.SEEDS


@of_each
def test_a_stored_game_is_replayed(target, name):
    game = league.read(target).games[name]
    found = league.replayed(target, game.settings)
    assert found.keys() == game.replay.keys()
    for key, value in game.replay.items():
        assert found[key] == pytest.approx(value, rel=REPLAY_TOLERANCE, abs=1e-4)
    assert all(math.isfinite(value) for value in found.values())
