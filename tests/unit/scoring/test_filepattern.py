from datetime import date

import pytest

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.filepattern import (
    any_day,
    glob,
    is_by_slice,
    is_wild,
    problems,
)

DAY = date(2013, 6, 1)


def matched(pattern, *keys):
    assert list(problems(pattern)) == []
    found = glob(pattern, DAY)
    matching = [key for key in keys if found.keys.fullmatch(key)]
    assert all(key.startswith(found.start.key) for key in matching)
    return matching


@pytest.mark.parametrize(
    ("pattern", "start"),
    [
        ("s3://lake/flights/date={{ partition }}/*.csv", "flights/date=2013-06-01/"),
        ("s3://lake/{{year}}/{{month}}/{{ day }}/a.csv", "2013/06/01/a.csv"),
        ("s3://lake/*/{{ partition }}.csv", ""),
        ("s3://lake/f[a-z]?/{{ partition }}.csv", "f"),
        ("s3://lake/{{ partition }}/{{ year }}-*", "2013-06-01/2013-"),
    ],
)
def test_the_day_is_filled_in_and_the_fixed_beginning_is_what_is_listed(pattern, start):
    assert glob(pattern, DAY).start == S3Uri("lake", start)


def test_the_year_has_four_digits():
    early = date(13, 6, 1)
    assert glob("s3://lake/{{ year }}{{ month }}{{ day }}", early).start.key == "00130601"


@pytest.mark.parametrize(
    ("wildcards", "matching", "others"),
    [
        ("*.csv", ["a.csv", "ab c.csv", "a.b.csv"], ["a.csv.gz", "b/a.csv", "acsv", "a.csv\n"]),
        ("a?.csv", ["ab.csv", "a..csv"], ["a.csv", "abc.csv", "a/.csv"]),
        ("[a-c].csv", ["a.csv", "c.csv"], ["d.csv", "-.csv", "ab.csv"]),
        ("x[!a-c].csv", ["xd.csv", "x^.csv"], ["xa.csv", "x/.csv"]),
        ("[[]x[]].csv", ["[x].csv"], ["x.csv"]),
        ("[[].csv", ["[.csv"], ["X.csv"]),
        ("a+(b).csv", ["a+(b).csv"], ["aab.csv"]),
        ("*/x", ["a/x"], ["x", "a/b/x", "/x"]),
        ("**/x*", ["x", "xy", "a/x", "a/b/xc"], ["a/b/y", "x/y"]),
        ("**", ["x", "a/x", "a/b/x"], ["a/", ""]),
        ("*", ["x"], ["", "a/x"]),
        ("a/**/b/*.csv", ["a/b/x.csv", "a/c/d/b/x.csv"], ["a/x.csv", "ab/x.csv"]),
    ],
)
def test_wildcards(wildcards, matching, others):
    pattern = "s3://lake/2013/{{ partition }}/" + wildcards
    before = "2013/2013-06-01/"
    keys = [before + key for key in matching + others]
    assert matched(pattern, *keys, "2013/2013-06-02/x.csv") == [before + key for key in matching]


def test_what_begins_with_an_underscore_or_a_point_is_no_data():
    hidden = ["_SUCCESS", ".part.crc", "_temporary/x", "a/_SUCCESS", "a/.x/y"]
    assert matched("s3://lake/{{ partition }}/**", *(f"2013-06-01/{key}" for key in hidden)) == []
    assert matched("s3://lake/{{ partition }}/_raw/_*", "2013-06-01/_raw/_x")


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("lake/{{ partition }}/*.csv", "a pattern reads like s3://bucket/folder/*.parquet"),
        ("s3://lake", "a pattern reads like s3://bucket/folder/*.parquet"),
        ("s3://l*e/{{ partition }}/*.csv", "the bucket has no wildcards"),
        ("s3://{{ partition }}/*.csv", "the bucket has no wildcards"),
        ("s3://lake/*.csv", "or every run scores the same rows"),
        ("s3://lake/{{ year }}/{{ month }}/*.csv", "does not say which day"),
        ("s3://lake/{{ ds }}/*.csv", "nothing gives {{ ds }} a value; there are partition, year"),
        ("s3://lake/{{ partition }}/{a,b}.csv", "braces go around the name of a placeholder"),
        ("s3://lake/{{ partition | upper }}/x", "braces go around the name of a placeholder"),
        ("s3://lake/{{ partition }}/", "the pattern names a folder"),
        ("s3://lake/{{ partition }}/[a.csv", "a [ is never closed"),
        ("s3://lake/{{ partition }}/[z-a].csv", "is no set of characters"),
        ("s3://lake/{{ partition }}/[!].csv", "is no set of characters"),
        ("s3://lake/{{ partition }}/a**.csv", "** matches whole folders"),
    ],
)
def test_each_mistake_of_a_pattern_is_named(pattern, complaint):
    assert complaint in "; ".join(problems(pattern))


@pytest.mark.parametrize(
    ("pattern", "complaint"),
    [
        ("s3://lake/{{ partition }}/{{ slice }}-{{ slice }}", "more than once"),
        ("s3://lake/{{ partition }}/{{ slice }}/{{slice}}/{{ slice }}", "more than once"),
        ("s3://lake/{{ partition }}/a\nb", r"such as '\n'"),
        ("s3://lake/{{ partition }}/\x7f", "no other control characters"),
        ("s3://lake/{{ partition }}/}", "braces go around"),
        ("s3://lake/{{ ds }}/{{ partition }}", "nothing gives {{ ds }} a value"),
        ("s3://lake/{{ partition }}/[a.csv", "a [ is never closed"),
    ],
)
def test_one_mistake_is_one_problem(pattern, complaint):
    (problem,) = problems(pattern)
    assert complaint in problem


@pytest.mark.parametrize("key", ["XX", "{{ partition }}{{ slice }}.csv", "[X]", "a[ab]c", "a?X*"])
def test_what_is_no_mistake_has_no_problem(key):
    assert list(problems("s3://lake/{{ partition }}/" + key)) == []


def test_a_file_says_of_which_slice_it_is():
    found = glob("s3://lake/{{ partition }}/{{ slice }}/*.csv", DAY)
    assert found.start.key == "2013-06-01/"
    assert found.slice_of(S3Uri("lake", "2013-06-01/07/a.csv")) == 7
    assert found.slice_of(S3Uri("lake", "2013-06-01/a/a.csv")) == -1
    assert found.slice_of(S3Uri("lake", "2013-06-01/1234567890/a.csv")) == -1


@pytest.mark.parametrize(
    ("key", "by_slice", "wild"),
    [
        ("{{ partition }}.csv", False, False),
        ("{{ year }}/{{ month }}/{{ day }}", False, False),
        ("{{ partition }}/{{ slice }}.csv", True, True),
        ("{{ slice }}/{{ partition }}.csv", True, True),
        ("{{ partition }}/*.csv", False, True),
        ("{{ partition }}/a?", False, True),
        ("{{ partition }}/[ab]", False, True),
    ],
)
def test_a_pattern_of_several_files_is_told_from_one_of_one(key, by_slice, wild):
    assert is_by_slice(f"s3://lake/{key}") is by_slice
    assert is_wild(f"s3://lake/{key}") is wild


@pytest.mark.parametrize(
    ("key", "keys", "start"),
    [
        ("a/{{ partition }}/*.csv", "a/????-??-??/*.csv", "a/????-??-??/"),
        ("{{year}}/{{ month }}/{{ day }}/x", "????/??/??/x", "????/??/??/x"),
        ("a?/{{ partition }}", "a?/????-??-??", "a"),
        ("a[bc]/{{ partition }}", "a?/????-??-??", "a"),
        ("a/**/b/{{ partition }}-*-*", "a/*b/????-??-??-*-*", "a/"),
        ("{{ partition }}/{{ slice }}.csv", "????-??-??/*.csv", "????-??-??/"),
        ("{{ partition }}/**/x[0-9]?.csv", "????-??-??/*x??.csv", "????-??-??/"),
        ("{{ partition }}/*/**/**/*.csv", "????-??-??/*/*.csv", "????-??-??/"),
        ("{{ partition }}/**", "????-??-??/*", "????-??-??/"),
    ],
)
def test_policies_have_the_keys_of_any_day(key, keys, start):
    found = any_day(f"s3://lake/{key}")
    assert (found.bucket, found.keys, found.start) == (S3Uri("lake"), keys, start)
