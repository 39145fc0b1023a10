"""Paired differences: permutation test against enumeration and scipy, Holm by hand, numbers of images by simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, ttest_1samp, wilcoxon

from nuseg.evaluation.paired import PERMUTATIONS, groups_needed, holm, paired_test, permutation_p
from nuseg.evaluation.statistics import bootstrap_ci, group_sums, ratio_interval

few = settings(max_examples=40, deadline=None)
values = st.lists(st.integers(-4, 4), min_size=2, max_size=8)


def enumerated_p(sums: list[int]) -> float:
    """Share of all choices of signs whose sum is as far from 0, each tail doubled as the test's is."""
    observed = sum(sums)
    all_sums = [sum(s * v for s, v in zip(signs, sums, strict=True)) for signs in product((1, -1), repeat=len(sums))]
    above = np.mean([each >= observed for each in all_sums])
    below = np.mean([each <= observed for each in all_sums])
    return float(min(1, 2 * min(above, below)))


@few
@given(values)
def test_p_is_the_share_of_all_signs(sums: list[int]) -> None:
    assert permutation_p(np.array(sums, float)) == pytest.approx(enumerated_p(sums))


@few
@given(values)
@example([0, 0, 0, 0, 0, -1, -2, 3])  # in units of 0.37 its sum is not 0 in the last bits
def test_p_does_not_depend_on_the_sign_or_the_unit(sums: list[int]) -> None:
    p = permutation_p(np.array(sums, float))
    assert permutation_p(-np.array(sums, float)) == pytest.approx(p)
    assert permutation_p(0.37 * np.array(sums, float)) == pytest.approx(p)
    assert 0 < p <= 1


def test_many_images_agree_with_other_tests() -> None:
    """Of normal differences the t test and Wilcoxon's say about the same; there are too many signs to count all."""
    differences = np.random.default_rng(0).normal(0.01, 0.03, 60)
    p = paired_test(differences).p
    assert p == pytest.approx(ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert p == pytest.approx(wilcoxon(differences).pvalue, abs=0.03)


def test_p_keeps_its_level_where_there_is_no_difference() -> None:
    """Also where images of one patient share a shift: then only groups keep it."""
    random = np.random.default_rng(1)
    owner = np.repeat(np.arange(8), 5)
    grouped, single = [], []
    for _ in range(200):
        differences = random.normal(0, 0.02, 8)[owner] + random.normal(0, 0.005, owner.size)
        grouped.append(permutation_p(group_sums(differences, owner.tolist())[0]) < 0.05)
        single.append(ttest_1samp(differences, 0).pvalue < 0.05)
    assert np.mean(grouped) < 0.1
    assert np.mean(single) > 0.2, "the case tests nothing"


def test_groups_are_one_observation_each() -> None:
    """The same images twice, under the same patients: no more is known."""
    differences = [0.1, 0.2, -0.05, 0.3, 0.12, 0.2]
    once = paired_test(differences)
    twice = paired_test([*differences, *differences], groups=[*"abcdef", *"abcdef"])
    assert (twice.p, twice.mean, twice.groups, twice.images) == pytest.approx((once.p, once.mean, 6, 12))
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert twice.spread == pytest.approx(once.spread) == pytest.approx(np.std(differences, ddof=1))


def test_too_few_groups_can_show_nothing() -> None:
    for groups in range(2, 8):
        test = paired_test([1.0] * groups)
        assert test.p == pytest.approx(test.smallest_p) == pytest.approx(2 * 0.5**groups)
    assert paired_test([1.0]).p == 1
    assert paired_test(np.full(200, 0.1)).p == pytest.approx(paired_test(np.full(200, 0.1)).smallest_p)
    assert paired_test(np.full(200, 0.1)).smallest_p == pytest.approx(2 / (PERMUTATIONS + 1))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]).tolist() == [1, 1]
    assert holm([0.2]).tolist() == [0.2]


@few
@given(st.lists(st.floats(0, 1), min_size=1, max_size=9))
def test_holm_lies_between_benjamini_hochberg_and_bonferroni(p: list[float]) -> None:
    corrected, given = holm(p), np.array(p)
    assert (corrected >= false_discovery_control(p) - 1e-12).all()
    assert (corrected <= np.minimum(given * given.size, 1) + 1e-12).all()
    order = np.argsort(given, kind="stable")
    assert (np.diff(corrected[order]) >= 0).all()
    assert corrected[order[0]] == pytest.approx(min(1, given.min() * given.size))


def test_groups_needed_are_those_of_cohens_table() -> None:
    """Cohen 1988, table 2.4.1 and the text on paired samples: two-sided 0.05, power 0.80."""
    assert groups_needed(0.5, 1) == 34
    assert groups_needed(0.2, 1) == 199
    assert groups_needed(0.8, 1) == 15


def test_so_many_groups_show_the_difference_in_four_of_five_cases() -> None:
    random = np.random.default_rng(2)
    needed = groups_needed(0.02, 0.03)
    assert needed is not None
    shown = [permutation_p(random.normal(0.02, 0.03, needed)) < 0.05 for _ in range(150)]
    assert 0.7 < np.mean(shown) < 0.9


def test_groups_needed_at_the_ends() -> None:
    assert groups_needed(0, 1) is None
    assert groups_needed(1e-9, 1) is None
    assert groups_needed(0.1, float("nan")) is None
    assert groups_needed(0.1, 0) == 6, "five images cannot have a p below 0.05"
    assert groups_needed(0.1, 0, 0.05 / 3) == 7
    assert groups_needed(0.02, 0.03, 0.05 / 3) > groups_needed(0.02, 0.03)  # type: ignore[operator]


def test_the_interval_of_groups_is_wider_where_images_resemble_each_other() -> None:
    random = np.random.default_rng(3)
    owner = np.repeat(np.arange(10), 6)
    scores = 0.6 + random.normal(0, 0.1, 10)[owner] + random.normal(0, 0.01, owner.size)
    mean, low, high = bootstrap_ci(scores, groups=owner.tolist())
    alone = bootstrap_ci(scores)
    assert mean == pytest.approx(scores.mean()) == pytest.approx(alone[0])
    assert high - low > 1.8 * (alone[2] - alone[1])


def test_groups_of_one_image_change_nothing() -> None:
    scores = [0.1, 0.5, 0.6, 0.9]
    assert bootstrap_ci(scores, groups=list("abcd")) == pytest.approx(bootstrap_ci(scores))
    assert np.isnan(bootstrap_ci(scores, groups=["a"] * 4)[1:]).all()


def test_images_without_the_score_leave_their_group() -> None:
    nothing = float("nan")
    expected = bootstrap_ci([0.2, 0.6, 0.3], groups=["a", "b", "b"])
    assert bootstrap_ci([0.2, nothing, 0.6, 0.3], groups=["a", "c", "b", "b"]) == pytest.approx(expected)


def test_the_cluster_bootstrap_is_the_definition_with_the_same_random_numbers() -> None:
    scores, groups = np.array([0.2, 0.4, 0.9, 0.5, 0.7, 0.1]), list("aabbbc")
    parts = [scores[[place for place, one in enumerate(groups) if one == name]] for name in "abc"]
    drawn = np.random.default_rng(7).integers(3, size=(10_000, 3))
    means = [np.concatenate([parts[number] for number in row]).mean() for row in drawn]
    expected = np.quantile(means, [0.025, 0.975])
    assert bootstrap_ci(scores, seed=7, groups=groups)[1:] == pytest.approx(tuple(expected))


def test_a_ratio_without_a_whole_is_nothing() -> None:
    assert ratio_interval(np.zeros(3), np.zeros(3)) == (0, 0)
    assert np.isnan(ratio_interval(np.ones(1), np.ones(1))).all()


@few
@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from("abc")), min_size=1, max_size=9))
def test_sums_and_numbers_of_groups(pairs: list[tuple[int, str]]) -> None:
    numbers, names = zip(*pairs, strict=True)
    sums, counts = group_sums(np.array(numbers, float), names)
    for name, total, count in zip(dict.fromkeys(names), sums, counts, strict=True):
        own = [number for number, one in pairs if one == name]
        assert (total, count) == (sum(own), len(own))
