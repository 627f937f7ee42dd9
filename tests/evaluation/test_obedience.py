"""`evaluate_obedience` and the column of it, their figures counted by hand."""

import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, recall_score

from keras_tsvae.data import Split
from keras_tsvae.evaluation.obedience import evaluate_obedience
from keras_tsvae.metrics import ObedienceReport, flip_test
from tests import conditioned, tiny
from tests.callbacks import linear
from tests.conditioned import WIDTH, Conditions, PixelJudge
from tests.conditions import toy

NAMES = ("hat", "smile", "beard")
CLASSES = Conditions("classes", ("zero", "one", "two"))
NUMBER = Conditions("number", ("a number",), 1)


@pytest.fixture(scope="module")
def judge():
    return PixelJudge()


@pytest.fixture(scope="module")
def class_judge():
    return PixelJudge(has_classes=True)


def balanced(asked, shown):
    return [balanced_accuracy_score(asked[:, i] > 0, shown[:, i]) for i in range(WIDTH)]


def column(report, key):
    return [row[key] for row in report.values()]


def test_every_figure_of_attributes(judge, capsys):
    model = conditioned.FakeModel()
    images, labels = conditioned.real(90, model.conditions)
    split = Split(images, labels)
    report = evaluate_obedience(
        model, split, judge, num_samples=60, flips=40, seed=2, strength=0.8, batch_size=25
    )
    assert list(report) == list(NAMES)
    assert column(report, "ceiling") == pytest.approx(balanced(labels, images[:, 0, :3, 0] > 127))
    kept = np.sort(np.random.default_rng(0).permutation(90)[:60])
    seen = conditioned.reconstructed(images[kept])[:, 0, :3, 0] > 0.5
    assert column(report, "reconstruction") == pytest.approx(balanced(labels[kept], seen))
    codes = conditioned.draw(model.conditions, 60, 2)
    shown = conditioned.shows(model.conditions, codes, seed=2, strength=0.8)
    assert column(report, "samples") == pytest.approx(balanced(codes, shown))
    shuffled = np.random.default_rng(2).permutation(codes)
    assert column(report, "floor") == pytest.approx(balanced(shuffled, shown))

    assert report.visible == ("hat", "smile")  # the judge is wrong about a quarter of beards
    flips = flip_test(model, judge, 40, report.visible, seed=2, strength=0.8)
    for name in report.visible:
        assert report[name]["flip_target"] == flips[name]["target"]
        assert report[name]["flip_others"] == flips[name]["others"]
    assert np.isnan(report["beard"]["flip_target"])
    for key in ("samples", "flip_target"):
        assert report.mean[key] == pytest.approx(np.mean(column(report, key)[:2]))
    printed = capsys.readouterr().out
    assert all(f"Measuring: {w}" in printed for w in ("real", "reconstruction", "samples", "flips"))


@pytest.mark.parametrize("conditions", [CLASSES, NUMBER])
def test_every_figure_of_classes(class_judge, conditions):
    model = conditioned.FakeModel(conditions)
    images, labels = conditioned.real(70, conditions)
    report = evaluate_obedience(
        model, (images, labels), class_judge, num_samples=80, flips=30, stage=1, verbose=0
    )
    assert list(report) == (["0", "1", "2"] if conditions is NUMBER else ["zero", "one", "two"])
    assert column(report, "ceiling") == [1, 1, 1] and len(report.visible) == WIDTH
    codes = conditioned.draw(conditions, 80, 0)
    asked = np.rint(conditions.decode(codes)).astype(int)
    shown = conditioned.shows(conditions, codes, stage=1).argmax(1)
    expected = recall_score(asked, shown, average=None)
    assert column(report, "samples") == pytest.approx(expected)
    shuffled = np.random.default_rng(0).permutation(asked)
    expected = recall_score(shuffled, shown, average=None)
    assert column(report, "floor") == pytest.approx(expected)
    flips = flip_test(model, class_judge, 30, stage=1)
    assert column(report, "flip_target") == [row["target"] for row in flips.values()]
    assert np.isnan(column(report, "flip_others")).all()
    assert {stage for _, stage, _ in model.calls} == {1}
    assert "recall, 80 samples of stage 1" in report.caption


def test_equal_seeds_give_equal_reports(judge):
    model = conditioned.FakeModel()
    test = conditioned.real(40, model.conditions)
    reports = [
        evaluate_obedience(model, test, judge, 50, flips=20, seed=seed, verbose=0).to_dict()
        for seed in (1, 1, 2)
    ]
    assert reports[0] == reports[1] != reports[2]


def test_the_table_and_its_numbers():
    row = {"ceiling": 0.9, "reconstruction": 0.8, "samples": 0.7, "floor": 0.5}
    row |= {"flip_target": 0.6, "flip_others": 0.1}
    blank = {**row, "ceiling": 0.79, "flip_target": np.nan, "flip_others": np.nan}
    never = dict.fromkeys(row, np.nan)
    edge = {**row, "ceiling": 0.8, "samples": 0.6, "flip_others": np.nan}
    rows = {"hat": row, "smile": edge, "beard": blank, "nose": never}
    report = ObedienceReport(rows, "in common")
    assert report.visible == ("hat", "smile")
    assert report.mean["samples"] == pytest.approx(0.65)
    assert report.mean["flip_others"] == 0.1
    text = str(report)
    for part in ("hat", "(beard)", "(nose)", "0.790", "mean of 2 visible", "0.650", "in common"):
        assert part in text
    assert "nan" not in text
    numbers = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert numbers["each"]["nose"] == {} and numbers["visible"] == ["hat", "smile"]
    assert numbers["each"]["hat"] == row and numbers["mean"]["ceiling"] == pytest.approx(0.85)
    nothing = ObedienceReport({"nose": never}, "")
    assert nothing.visible == () and nothing.to_dict()["mean"] == {}
    assert "mean of 0 visible" in str(nothing)


def test_a_judge_that_sees_nothing_leaves_nothing_to_flip(judge):
    model = conditioned.FakeModel()
    images, labels = conditioned.real(40, model.conditions)
    report = evaluate_obedience(model, (images, -labels), judge, 30, flips=10, verbose=0)
    assert report.visible == () and np.isnan(column(report, "flip_target")).all()


def test_bad_arguments_are_refused(judge, class_judge):
    model = conditioned.FakeModel()
    images, labels = conditioned.real(20, model.conditions)
    cases = [
        (images, "`test` must be a Split or a pair"),
        ((images, labels[:, :2]), r"`test` must have shape \(n, 3\)"),
        ((images, labels[1:]), "`test` must hold images of the model's shape .* as many labels"),
        ((tiny.images(20, (16, 16, 1)), labels), "`test` must hold images of the model's shape"),
        ((images, 3 * labels), r"`test` of attributes must be \+1 and -1"),
        ((images / 100, labels), "`test` must hold finite values"),
    ]
    for test, rule in cases:
        with pytest.raises(ValueError, match=rule):
            evaluate_obedience(model, test, judge, verbose=0)
    for name, value in (("num_samples", 0), ("flips", 0), ("seed", -1)):
        with pytest.raises(ValueError, match=f"`{name}` must be"):
            evaluate_obedience(model, (images, labels), judge, verbose=0, **{name: value})
    with pytest.raises(ValueError, match="`judge` must know the attributes or classes"):
        evaluate_obedience(model, (images, labels), class_judge)
    with pytest.raises(ValueError, match="kind 'vector'"):
        vector = conditioned.FakeModel(Conditions("vector", None))
        evaluate_obedience(vector, (images, labels), judge)
    with pytest.raises(ValueError, match="`model` must be a ConditionalTwoStageVAE"):
        evaluate_obedience(linear.two_stage(), (images, labels), judge)


@pytest.mark.filterwarnings("ignore:FID of")
def test_the_table_of_generation_has_a_column_of_obedience(judge, class_judge):
    model = conditioned.FakeModel()
    images, labels = conditioned.real(60, model.conditions)
    split = Split(images, labels)

    def report(model, test, judge, **kwargs):
        arguments = {"num_samples": 50, "seed": 4, "batch_size": 20, "verbose": 0, **kwargs}
        return model.evaluate_generation(test, judge, **arguments)

    table = report(model, split, judge, train=images)
    codes = conditioned.draw(model.conditions, 50, 4)
    for name, stage in (("stage1", 1), ("stage2", 2)):
        shown = conditioned.shows(model.conditions, codes, stage, seed=4)
        assert table[name]["obedience"] == pytest.approx(np.mean(balanced(codes, shown)))
    kept = np.sort(np.random.default_rng(0).permutation(60)[:50])
    seen = conditioned.reconstructed(images[kept])[:, 0, :3, 0] > 0.5
    expected = np.mean(balanced(labels[kept], seen))
    assert table["reconstruction"]["obedience"] == pytest.approx(expected)
    assert "obedience" not in table["train"]  # an array has no labels
    assert "obedience ↑" in str(table) and table.to_dict()["stage2"]["obedience"] <= 1

    other = Split(images, labels[:, :2])  # not the conditions
    table = report(model, other, judge, train=split)
    assert "obedience" in table["train"] and "obedience" not in table["reconstruction"]
    for other_judge in (class_judge, lambda x: x.reshape(len(x), -1)[:, :4]):
        assert "obedience" not in report(model, split, other_judge)["stage2"]

    model = conditioned.FakeModel(CLASSES)
    images, labels = conditioned.real(60, CLASSES)
    table = report(model, Split(images, labels), class_judge)
    codes = conditioned.draw(CLASSES, 50, 4)
    shown = conditioned.shows(CLASSES, codes, seed=4).argmax(1)
    assert table["stage2"]["obedience"] == pytest.approx(np.mean(shown == codes.argmax(1)))


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"stage": 3}, "`stage` must be 1, 2 or"),
        ({"strength": -1}, "`strength` must be a number"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer"),
    ],
)
def test_what_samples_cannot_be_drawn_with_is_found_first(wrong, message, monkeypatch):
    model = toy.linear(seen=toy.ROWS.astype("float32"))
    judge = PixelJudge(width=model.conditions.size)
    monkeypatch.setattr("keras_tsvae.evaluation.obedience._judged", None)  # not called
    images, labels = toy.data(20)
    with pytest.raises(ValueError, match=message):
        evaluate_obedience(model, (images, labels), judge, num_samples=20, verbose=0, **wrong)
