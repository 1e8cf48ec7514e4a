"""Recipes, what is stored of them, and how it is recalled, checked and replayed."""

import json
from dataclasses import asdict, fields, replace
from functools import partial
from math import log

import pytest
import torch
from safetensors.torch import load, save
from torch import nn
from typer.testing import CliRunner

from coursekit import zoo
from coursekit.cli import app
from coursekit.data import Dataset, Split, binarise
from coursekit.errors import CourseError
from coursekit.gan_losses import auxiliary
from coursekit.io import json_lines
from coursekit.lipschitz import r1_penalty
from coursekit.nets import Generator
from coursekit.training import trainer
from coursekit.zoo import RECIPES, Recipe, Run, measures, recipes, runs, store, tasks
from coursekit.zoo.table import RUNS

STORED = [r for r in RECIPES.values() if store.read_run(store.zoo_root() / r.id) is not None]


def ingredients(recipe: Recipe) -> tuple:
    """Which parts a run has, without their numbers, its data, length and seed."""

    def kind(part):
        if part is None:
            return None
        words = {k: v if isinstance(v, bool | str) else "a number" for k, v in part[1].items()}
        return part[0], *sorted(words.items())

    switches = (recipe.task, recipe.reuse_fakes, recipe.channels_last, recipe.n_critic > 1)
    states = map(bool, (recipe.ema, recipe.pool, recipe.wrong_labels, recipe.attacked_at))
    return (*(kind(getattr(recipe, name)) for name in recipes.TABLES), *switches, *states)


DISTINCT = {ingredients(recipe): recipe for recipe in reversed(RUNS)}.values()
DEAR = ("stacked-baseline-digits", "pgd-digits", "vae-conv-digits", "ddpm-digits")
SMALL = {"classifier": "classifier-digits", "game": "cgan-projection-digits"}


def tiny(recipe: Recipe) -> Recipe:
    """The same ingredients on networks of a few channels."""
    parts = {}
    for name in ("network", "generator", "discriminator"):
        if (part := getattr(recipe, name)) is not None:
            dense = {"linear": {}, "maxout": {"hidden": 4}}
            dense |= {"fvsbn": {}, "nade": {"hidden": 4}, "made": {"hidden": [4]}}
            dense |= dict.fromkeys(("mlp", "mlp_generator", "mlp_discriminator"), {"hidden": [4]})
            dense |= dict.fromkeys(("autoencoder", "vae", "conv_vae"), {"latent": 2})
            dense["diffusion_unet"] = {"width": 8}  # GroupNorm has eight groups
            parts[name] = (part[0], part[1] | dense.get(part[0], {"width": 4}))
    return replace(recipe, **parts, steps=8, batch=4, looks=2, compare=16)


@pytest.fixture
def tiny_data(monkeypatch):
    """Twenty-four random images in place of every data set."""

    def made_up(recipe, device="cpu"):
        rng = torch.Generator().manual_seed(3)
        shape = (3, 32, 32) if recipe.data.startswith("cifar10") else (1, 28, 28)
        split = Split(torch.rand(24, *shape, generator=rng), torch.arange(24) % 10)
        return Dataset(recipe.data, split, split, tuple("0123456789")), split

    for module in (runs, store):
        monkeypatch.setattr(module, "data_of", made_up)


@pytest.fixture
def own_zoo(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "zoo_root", lambda: tmp_path / "zoo")
    return tmp_path / "zoo"


# Recipes


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=list(RECIPES))
def test_a_recipe_is_rebuilt_from_its_json_alone(recipe):
    again = Recipe.from_plain(json.loads(json.dumps(recipe.plain)))
    assert again == recipe and again.key == recipe.key
    for field in recipes.TABLES:
        if field in ("network", "generator", "discriminator"):
            continue
        if getattr(recipe, field) is not None:
            assert recipes.build(again, field) == recipes.build(recipe, field)


def test_no_two_recipes_have_one_name():
    assert len({recipe.name for recipe in RUNS}) == len(RUNS) == len(RECIPES)


def test_recipes_that_differ_in_any_value_have_different_keys():
    recipe = RECIPES["cgan-colour-cifar10-10k"]
    other = {
        "name": "x", "data": "mnist", "steps": 7, "batch": 7, "split": "gan_train", "seed": 7,
        "looks": 7, "network": ("strided_cnn", {}),
        "objective": ("trades", {"eps": 0.1, "steps": 1}),
        "optimizer": ("adam", {"lr": 0.7}), "schedule": ("triangle", {}),
        "generator": ("sngan_generator", {"width": 7}),
        "discriminator": ("sngan_discriminator", {"width": 7}), "loss": ("wasserstein", {}),
        "penalty_D": ("r1", {"gamma": 7}), "augment": ("diff_augment", {"cutout": False}),
        "optimizer_G": ("adam", {"lr": 0.7}), "optimizer_D": ("adam", {"lr": 0.7}), "n_critic": 7,
        "reuse_fakes": False, "ema": 0.7, "channels_last": False, "compare": 7,
        "penalty_G": ("auxiliary", {"fake": 7}), "wrong_labels": 0.7,
        "constrain": ("clip_weights", {}), "task": "stacked", "attacked_at": 0.7,
        "pool": 7, "constrain_G": ("clip_weights", {}),
    }  # fmt: skip
    assert other.keys() == {f.name for f in fields(Recipe)}
    keys = {replace(recipe, **{name: value}).key for name, value in other.items()}
    assert len(keys | {recipe.key}) == len(other) + 1


def test_keys_stay_when_recipes_get_new_fields():
    """The files of the zoo bear them in their names."""
    assert RECIPES["dcgan-mnist"].id == "dcgan-mnist-919f7c1f"
    assert RECIPES["cgan-projection-digits"].id == "cgan-projection-digits-b750779d"
    assert RECIPES["pgd-mnist"].id == "pgd-mnist-08e229b1"
    assert "penalty_G" not in RECIPES["dcgan-mnist"].plain
    assert RECIPES["acgan-0-mnist"].plain["penalty_G"] == ["auxiliary", {"fake": 1.0}]


def test_acgan_adds_its_class_loss_to_r1(rng):
    recipe, y = RECIPES["acgan-0-digits"], torch.arange(4)
    D = recipes.build_network(tiny(recipe), "discriminator", None, rng)
    x, fake = torch.rand(2, 4, 1, 28, 28, generator=rng)
    terms = r1_penalty(0.2)(D, x, fake, y) + auxiliary(1.0, 1.0)(D, x, fake, y)
    torch.testing.assert_close(recipes.build(recipe, "penalty_D")(D, x, fake, y, rng), terms)
    assert recipes.build(recipe, "penalty_D").double_backward
    assert recipes.build(recipe, "penalty_G") == auxiliary(fake=1.0)


def test_a_recipe_may_ask_for_wrong_labels():
    data, split = recipes.data_of(RECIPES["projection-wrong-50-digits"])
    _, right = recipes.data_of(RECIPES["projection-0-digits"])
    assert torch.equal(split.x, right.x)
    assert float((split.y != right.y).float().mean()) == pytest.approx(0.5, abs=1e-3)
    assert int(split.y.max()) < len(data.classes)


def test_a_task_says_what_a_batch_is(rng):
    _, split = recipes.data_of(RECIPES["inpaint-squared-digits"])
    x, top = next(tasks.batches_of(RECIPES["inpaint-squared-digits"], split, rng))
    assert torch.equal(top, x[:, :, :14]) and x.shape[1:] == (1, 28, 28)
    x, y = next(tasks.batches_of(RECIPES["stacked-r1-digits"], split, rng))
    assert x.shape == (64, 3, 28, 28) and int(y.max()) > 99


class Fixed(Generator):
    """Answers with the images it was given."""

    def __init__(self, x):
        super().__init__()
        self.x = x

    def sample(self, n, rng, y=None):
        return self.x[:n]


def test_an_attacked_classifier_is_watched_on_both_sides():
    recipe = RECIPES["madry-digits"]
    data, _ = recipes.data_of(recipe)
    names = ("classifier-digits", "pgd-digits")
    plain, robust = (zoo.recall(RECIPES[name]).networks["network"] for name in names)
    rows = [measures.attacked(recipe, net, data) for net in (plain, robust)]
    for row in rows:
        assert row["pgd_accuracy"] <= row["fgsm_accuracy"] <= row["accuracy"] > 0.9
        assert row["train_pgd_accuracy"] <= row["train_accuracy"]
    assert rows[0]["pgd_accuracy"] < 0.1 < 0.7 < rows[1]["pgd_accuracy"]
    x = data.test.take(500).x
    row = measures.attacked(replace(recipe, attacked_at=1e-6), plain, data)
    assert (
        row["pgd_accuracy"] == row["accuracy"] == measures.accuracy(plain, x, data.test.take(500).y)
    )


def test_uniform_noise_stays_in_its_box(rng):
    x = torch.full((64, 1, 8, 8), 0.1)
    moved = recipes.build(RECIPES["noise-digits"], "objective").augment(x, rng, 0.0)
    assert 0 <= moved.min() < 1e-3 and 0.35 < moved.max() <= 0.4
    assert float((moved == 0).float().mean()) == pytest.approx(1 / 3, abs=0.03)


def test_perfect_paintings_and_real_stacks_measure_as_real_ones(rng):
    data, _ = recipes.data_of(RECIPES["classifier-digits"])
    reader = zoo.recall(RECIPES["classifier-digits"]).networks["network"]
    found = measures.measure_inpainting(Fixed(data.test.x), data, reader, 300, rng)
    assert found["squared_error"]["value"] == 0 and found["gradient_energy"]["value"] == 1
    assert found["class_accuracy"]["value"] == found["class_accuracy_of_real"]["value"] > 0.9
    grey = torch.full((300, 1, 28, 28), 0.5)
    flat = measures.measure_inpainting(Fixed(grey), data, reader, 300, rng)
    below = data.test.x[:300, :, 14:]
    assert flat["squared_error"]["value"] == pytest.approx(float((below - 0.5).square().mean()))
    assert flat["gradient_energy"]["value"] == 0 and flat["class_accuracy"]["value"] < 0.3

    one = data.test.x[:1].expand(400, 3, -1, -1)
    found = measures.measure_stacked(Fixed(one), data, reader, 400, rng)
    value = {name: row["value"] for name, row in found.items()}
    assert value["modes"] == 1 and value["reverse_kl"] == pytest.approx(log(1000))
    assert 0.7 < value["confident_share_of_real"] <= 1
    assert 250 < value["confident_modes_of_real"] <= value["modes_of_real"] < 400
    with pytest.raises(CourseError, match="measured with the classifier"):
        measures.measure_stacked(Fixed(one), data, None, 400, rng)


def test_the_gap_of_a_critic_is_the_difference_of_its_mean_scores(rng):
    x, fake = torch.rand(2, 30, 1, 4, 4, generator=rng)
    D = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Linear(16, 1), nn.Flatten(0))
    state = {k: v.clone() for k, v in D.state_dict().items()}
    gap = measures.critic_gap(Fixed(fake), D, x)
    expected = D.eval()(x).mean() - D(fake).mean()
    assert gap == pytest.approx(float(expected.detach()))
    D.train()
    measures.critic_gap(Fixed(fake), D, x)
    assert D.training and all(torch.equal(v, state[k]) for k, v in D.state_dict().items())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": ("hing", {})}, "loss was 'hing'; choose one of"),
        ({"data": "mnits"}, "data was 'mnits'; choose one of"),
        ({"task": "stack"}, "task was 'stack'; choose one of"),
        (
            {"penalty_D": ("r1", {"gamma": torch.ones(1)})},
            "it holds numbers, text, lists and dicts",
        ),
        ({"augment": ("diff_augment", {"f": lambda x: x})}, "it holds numbers, text, lists"),
        ({"generator": None}, "give a network, or generator, discriminator and loss"),
    ],
    ids=["loss", "data", "task", "tensor", "function", "missing"],
)
def test_what_is_no_recipe_is_refused_in_a_sentence(change, said):
    with pytest.raises(CourseError, match=said):
        replace(RECIPES["dcgan-digits"], **change)


def test_a_field_that_no_recipe_has_is_refused():
    with pytest.raises(CourseError, match="no field stepz"):
        Recipe.from_plain(RECIPES["dcgan-digits"].plain | {"stepz": 3})


def test_other_data_under_the_same_name_are_refused(monkeypatch):
    monkeypatch.setitem(recipes.DATA, "digits", ("digits", "0" * 16))
    with pytest.raises(CourseError, match="digits is not the data"):
        recipes.data_of(RECIPES["classifier-digits"])


def test_the_embedded_digits_are_those_of_the_recipes():
    data, split = recipes.data_of(RECIPES["features-digits"])
    assert recipes.data_digest("digits", data) == recipes.DATA["digits"][1]
    assert len(split) < len(data.train)


# Killed and continued


class Killed(Exception):
    pass


@pytest.mark.parametrize("recipe", DISTINCT, ids=lambda recipe: recipe.name)
def test_every_recipe_continues_bit_for_bit_after_a_kill(recipe, tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "SAVE_SECONDS", 0.0)
    recipe, looks = tiny(recipe), []

    def stop(networks):
        looks.append(1)
        if len(looks) == 2:  # after half of the steps
            raise Killed
        return {}

    path = tmp_path / "run.pt"
    whole, history = zoo.train(recipe)
    with pytest.raises(Killed):
        zoo.train(recipe, checkpoint=path, look=stop)
    assert torch.load(path, weights_only=True)["done"] in (3, 4)
    continued, again = zoo.train(recipe, checkpoint=path, look=lambda networks: {})
    for name in whole:
        a, b = whole[name].state_dict(), continued[name].state_dict()
        assert all(torch.equal(a[key], b[key]) for key in a)
    assert all(torch.equal(history.losses[k], again.losses[k]) for k in history.losses)


# The store


@pytest.mark.parametrize("kind", SMALL)
def test_a_run_is_written_and_read_by_one_schema(kind, tiny_data, own_zoo, monkeypatch):
    recipe = tiny(RECIPES[SMALL[kind]])
    judge = recipes.build_network(tiny(RECIPES["features-digits"]), "network", None, None)
    monkeypatch.setattr(store, "_features", lambda _: judge)
    run = store.make(recipe)
    again = store.read_run(own_zoo / recipe.id)
    assert again == run and Run.from_plain(json.loads(json.dumps(asdict(run)))) == run
    assert run.recipe == recipe.plain and run.stamp == store.stamp() and run.figures
    assert zoo.check(recipe, remeasure=True) == [] == zoo.replay(recipe)
    assert not list(own_zoo.glob("*.part*"))
    name = "generator" if recipe.game else "network"
    tensors = load((own_zoo / f"{recipe.id}.safetensors").read_bytes())
    assert all(key.startswith(f"{name}.") for key in tensors)
    assert {v.dtype for v in tensors.values()} <= {torch.float16, torch.int64}


def test_of_a_further_seed_the_record_is_kept_and_no_weights(tiny_data, own_zoo, monkeypatch):
    recipe = tiny(RECIPES["r1-1-digits"])
    judge = recipes.build_network(tiny(RECIPES["features-digits"]), "network", None, None)
    monkeypatch.setattr(store, "_features", lambda _: judge)
    run = store.make(recipe)
    assert [path.suffix for path in own_zoo.glob(f"{recipe.id}.*")] == [".json"]
    assert zoo.record(recipe) == run and not any("tolerance" in row for row in run.figures.values())
    assert run.figures["frechet_distance"]["value"] > 0
    assert zoo.check(recipe, remeasure=True) == [] == zoo.replay(recipe)
    assert zoo.stored(recipe) is None
    assert "its weights are not kept" in zoo.recall(recipe, short=2).source
    with pytest.raises(CourseError, match="the record is kept, and no weights"):
        store.remeasure(recipe)
    for name in ("r1-0-digits", "concat-1-mnist", "classifier-cnn-1-mnist"):
        assert not store.record_only(RECIPES[name])


def stored(recipe, own_zoo):
    networks, history = zoo.train(recipe)
    run = Run(recipe.plain, store.stamp(), {}, history.seconds, runs.curves_of(history))
    run.replay = runs.replayed(recipe)
    store.write_run(own_zoo / recipe.id, networks, run)
    read = store.read_networks(recipe, own_zoo / recipe.id)
    run.figures = zoo.measure(recipe, read, store.data_of(recipe)[0], None)
    store.write_run(own_zoo / recipe.id, networks, run)
    return run


@pytest.mark.parametrize("damage", [b"", b"{}", b'{"recipe": 3}', b"\xff\xfe"])
def test_a_damaged_record_is_one_sentence(damage, tiny_data, own_zoo):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    (own_zoo / f"{recipe.id}.json").write_bytes(damage)
    with pytest.raises(CourseError, match="cannot be read as a run"):
        zoo.recall(recipe)


def test_damaged_or_foreign_weights_are_one_sentence(tiny_data, own_zoo):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    path = own_zoo / f"{recipe.id}.safetensors"
    whole = path.read_bytes()
    renamed = {f"{key}x": value for key, value in load(whole).items()}
    for content in (b"", whole[:100], save(renamed)):
        path.write_bytes(content)
        with pytest.raises(CourseError, match="cannot be read as networks of classifier-digits"):
            zoo.check(recipe)
    path.unlink()
    with pytest.raises(CourseError, match="cannot be read as networks"):
        zoo.recall(recipe)


def test_figures_taken_anew_notice_other_weights(tiny_data, own_zoo):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    path = own_zoo / f"{recipe.id}.safetensors"
    tensors = load(path.read_bytes())
    bias = tensors["network.head.bias"]
    tensors["network.head.bias"] = bias + 100 * torch.arange(10).half()
    path.write_bytes(save(tensors))
    (found,) = zoo.check(recipe, remeasure=True)
    assert "accuracy was" in found


def test_a_replay_notices_another_rate_and_stamps_what_is_the_same(tiny_data, own_zoo, monkeypatch):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    monkeypatch.setattr(store, "stamp", lambda: "edited")
    with monkeypatch.context() as patch:
        patch.setitem(recipes.TABLES["optimizer"], "adam", lambda lr: TABLES_ADAM(lr=2 * lr))
        assert any("norm network" in line for line in zoo.replay(recipe))
    assert store.read_run(own_zoo / recipe.id).stamp != "edited"
    assert zoo.replay(recipe) == []
    assert store.read_run(own_zoo / recipe.id).stamp == "edited"


TABLES_ADAM = recipes.TABLES["optimizer"]["adam"]


# Recalling


def test_recall_answers_from_the_zoo_else_trains_a_short_run_and_keeps_it(
    tiny_data, own_zoo, monkeypatch
):
    recipe = tiny(RECIPES["classifier-digits"])
    monkeypatch.setattr(zoo, "recall", partial(zoo.recall, short=5))
    first = zoo.recall(recipe)
    assert first.source.endswith("trained now, 5 of 8 steps, for nothing is stored of it.")
    assert len(first.run.curves["loss_loss"]) == 5
    again = zoo.recall(recipe)
    assert again.source.endswith("recalled from your cache, 5 of 8 steps.")
    one, two = (r.networks["network"].state_dict() for r in (first, again))
    assert all(torch.allclose(one[key], two[key], atol=1e-3) for key in one)
    stored(recipe, own_zoo)
    assert zoo.recall(recipe).source.endswith("recalled from the zoo.")
    assert zoo.recall(recipe).learnt and not first.learnt and not again.learnt
    assert zoo.record(recipe) == store.read_run(own_zoo / recipe.id)
    assert not zoo.recall(recipe).networks["network"].training
    monkeypatch.setenv("COURSEKIT_ZOO", "off")
    assert "5 of 8 steps" in zoo.recall(recipe).source
    assert zoo.stored(recipe) is None


def test_on_other_data_a_short_run_is_trained_on_them(own_zoo, rng):
    recipe = tiny(RECIPES["cgan-projection-mnist"])
    split = Split(torch.rand(24, 3, 8, 8, generator=rng), torch.arange(24) % 3)
    data = Dataset("mine", split, split, ("a", "b", "c"))
    assert zoo.recipe_for("cgan-projection", data) == RECIPES["cgan-projection-mnist"]
    found = zoo.recall(recipe, data=data, short=2)
    assert found.source.endswith("trained now, 2 of 8 steps, on mine.") and not found.learnt
    assert found.networks["generator"].sample(4, rng, torch.arange(4) % 3).shape == (4, 3, 8, 8)


def test_the_recipe_for_a_data_set_bears_its_name():
    data = Dataset("digits", *[Split(torch.rand(2, 1, 8, 8), torch.arange(2))] * 2, ("0", "1"))
    assert zoo.recipe_for("acgan-0", data) == RECIPES["acgan-0-digits"]
    small = replace(data, name="cifar10-small")
    assert zoo.recipe_for("features", small) == RECIPES["features-cifar10-10k"]


def test_an_edited_package_is_never_answered_with_an_old_network(tiny_data, own_zoo, monkeypatch):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    monkeypatch.setattr(store, "stamp", lambda: "edited")
    said = zoo.recall(recipe, short=5).source
    assert "trained now, 5 of 8 steps" in said and "code has changed" in said


def test_retraining_takes_the_recipes_own_steps_and_says_how_long_it_took(
    tiny_data, own_zoo, monkeypatch, capsys
):
    recipe = tiny(RECIPES["classifier-digits"])
    stored(recipe, own_zoo)
    assert "8 of 8 steps" in zoo.recall(recipe, retrain=True).source
    assert "8 steps took" in capsys.readouterr().out
    assert zoo.recall(recipe).source.endswith("recalled from your cache.")  # rather than the zoo's


def test_a_cache_that_cannot_be_written_warns_once_before_the_work(
    tiny_data, own_zoo, monkeypatch, tmp_path
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file"))
    with pytest.warns(UserWarning, match="The run will not be kept") as caught:
        found = zoo.recall(tiny(RECIPES["classifier-digits"]))
    assert len(caught) == 1 and "trained now" in found.source


def test_a_disk_that_fills_up_meanwhile_ends_no_work(tiny_data, own_zoo, monkeypatch):
    def full(*_):
        raise CourseError("no space left.")

    monkeypatch.setattr(store, "write_run", full)
    with pytest.warns(UserWarning, match="The run is not kept: no space left"):
        assert "trained now" in zoo.recall(tiny(RECIPES["classifier-digits"])).source


def test_json_has_a_line_for_each_entry_and_loses_nothing():
    value = {"b": {"x": [[1, 2.5], [3, None]], "a": {"deep": {"deeper": "é\n"}}}, "a": {}, "c": []}
    text = json_lines(value)
    assert json.loads(text) == value
    assert text.splitlines() == [
        "{", ' "a": {},', ' "b": {', '  "a": {"deep": {"deeper": "\\u00e9\\n"}},',
        '  "x": [[1, 2.5], [3, null]]', " },", ' "c": []', "}",
    ]  # fmt: skip


# What is committed


def test_something_is_stored_and_all_of_it_is_small():
    assert STORED
    files = [p for p in store.zoo_root().iterdir() if p.suffix in (".json", ".safetensors")]
    known = {f"{r.id}.json" for r in STORED}
    known |= {f"{r.id}.safetensors" for r in STORED if not store.record_only(r)}
    assert {p.name for p in files} == known, "a file that no recipe answers for"
    assert max(p.stat().st_size for p in files) < 3_000_000
    assert sum(p.stat().st_size for p in files) < 60_000_000  # 35 to 09, 25 for the electives
    twins = [p for p in files if "-digits-" in p.name and p.suffix == ".safetensors"]
    pairs = ("fvsbn-", "nade-", "made-")  # a weight for each pair of pixels, or two for each unit
    dense = [p for p in twins if p.name.startswith(("maxout-", *pairs))]
    assert max(p.stat().st_size for p in dense) < 1_200_000
    assert max(p.stat().st_size for p in twins if p not in dense) < 500_000


@pytest.mark.parametrize("recipe", STORED, ids=lambda r: r.name)
def test_a_stored_run_is_whole_and_of_this_code(recipe):
    assert zoo.check(recipe) == []
    if store.read_run(store.zoo_root() / recipe.id).stamp == store.stamp():
        return
    if store.absent(recipe):
        pytest.skip(f"stale, and {recipe.data} is not here to replay it")
    pytest.fail("run `coursekit zoo check --replay`: the code has changed since it was verified")


def one_of_each_kind():
    """The first stored run on digits of each network and each way to measure.

    All are measured by `coursekit zoo check --measure`, which the nightly workflow calls. The four
    that take longest are left to it, and to the lectures, which measure what they show of them.
    """
    kinds = {}
    for r in STORED:
        attacked = bool(r.attacked_at or r.objective[1].get("eps"))
        network = (r.network or r.generator)[0]
        if r.data == "digits" and not store.record_only(r):
            kinds.setdefault((network, r.task, measures.special_measure(r), attacked), r)
    return [r for r in kinds.values() if r.name not in DEAR]


@pytest.mark.parametrize("recipe", one_of_each_kind(), ids=lambda r: r.name)
def test_the_digits_twins_do_what_their_record_says(recipe):
    assert zoo.check(recipe, remeasure=True) == []


def one_of_each_part():
    """The stored runs on digits with which every part of every run on digits is replayed once.

    All are replayed by `coursekit zoo check --replay`, which the nightly workflow calls.
    """
    seen, first = set(), []
    for r in STORED:
        parts = set(enumerate(ingredients(r)))
        if r.data == "digits" and not parts <= seen:
            seen |= parts
            first.append(r)
    return first


@pytest.mark.parametrize("recipe", one_of_each_part(), ids=lambda r: r.name)
def test_the_digits_twins_are_replayed(recipe):
    written = store.read_run(store.zoo_root() / recipe.id).replay
    found = runs.replayed(recipe, norms=not store.record_only(recipe))
    assert found.keys() == written.keys()
    for name, value in written.items():
        assert found[name] == pytest.approx(value, rel=runs.REPLAY_TOLERANCE, abs=1e-5), name


# The command line


def test_the_command_line_lists_checks_and_says_what_it_skipped(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path))  # no data but the embedded
    run = partial(CliRunner().invoke, app)
    listed = run(["zoo", "list"])
    assert listed.exit_code == 0 and all(name in listed.output for name in RECIPES)
    checked = run(["zoo", "check"])
    assert checked.exit_code == 0 and f"{len(STORED)} checked, 0 skipped" in checked.output
    skipped = run(["zoo", "check", "--measure", "features-mnist"])
    assert skipped.exit_code == 3 and "skipped (no mnist)" in skipped.output
    trained = run(["zoo", "train", "--again", "features-mnist", "--out", str(tmp_path)])
    assert trained.exit_code == 3 and "skipped (no mnist)" in trained.output
    assert isinstance(run(["zoo", "check", "nobody"]).exception, CourseError)
    assert isinstance(run(["zoo", "train", "--again", "pgd-digits"]).exception, CourseError)


def test_a_run_is_trained_again_beside_the_store(tiny_data, own_zoo, monkeypatch, tmp_path):
    recipe = tiny(RECIPES["classifier-digits"])
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    run = partial(CliRunner().invoke, app, ["zoo", "train", recipe.name])
    assert "accuracy" in run().output and "Everything that was asked" in run().output
    before = (own_zoo / f"{recipe.id}.json").read_bytes()
    again = CliRunner().invoke(
        app, ["zoo", "train", "--again", recipe.name, "--out", str(tmp_path / "out")]
    )
    assert "(stored: " in again.output and (tmp_path / "out" / f"{recipe.id}.json").exists()
    assert (own_zoo / f"{recipe.id}.json").read_bytes() == before


def test_the_figures_of_a_stored_run_are_taken_anew(tiny_data, own_zoo, monkeypatch):
    recipe = tiny(RECIPES["classifier-digits"])
    monkeypatch.setitem(RECIPES, recipe.name, recipe)
    path = own_zoo / f"{recipe.id}.json"
    CliRunner().invoke(app, ["zoo", "train", recipe.name])
    before = json.loads(path.read_text())
    path.write_text(json.dumps(before | {"figures": {}}))
    measured = CliRunner().invoke(app, ["zoo", "measure", recipe.name])
    assert measured.exit_code == 0 and "accuracy" in measured.output
    assert json.loads(path.read_text()) == before
    path.unlink()
    assert isinstance(
        CliRunner().invoke(app, ["zoo", "measure", recipe.name]).exception, CourseError
    )


def test_binary_batches_are_drawn_once_or_anew():
    x, rng = torch.full((4, 1, 28, 28), 0.3), torch.Generator()
    split = Split(x, torch.arange(4))
    base = next(r for r in RECIPES.values() if r.name == "features-digits")
    seen = {}
    for task in ("static_binary", "dynamic_binary"):
        stream = tasks.batches_of(replace(base, task=task, batch=4), split, rng.manual_seed(0))
        drawn = [next(stream) for _ in range(50)]
        assert all(set(batch.x.unique().tolist()) == {0.0, 1.0} for batch in drawn)
        seen[task] = {tuple(x[y == 1][0].flatten().tolist()) for x, y in drawn if 1 in y}
    assert len(seen["static_binary"]) == 1 and len(seen["dynamic_binary"]) > 20
    assert float(binarise(x, rng).mean()) == pytest.approx(0.3, abs=0.03)
    with pytest.raises(CourseError, match=r"outside \[0, 1\]"):
        binarise(x + 1, rng)
