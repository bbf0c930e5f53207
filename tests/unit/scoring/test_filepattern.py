from datetime import date

import pytest

from batch_transform.scoring.names import S3Uri
from batch_transform.scoring.pipeline.filepattern import any_day, glob, problems

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
    ("pattern", "keys", "start"),
    [
        ("s3://lake/a/{{ partition }}/*.csv", "a/????-??-??/*.csv", "a/????-??-??/"),
        ("s3://lake/{{ year }}/{{ month }}{{ day }}.csv", "????/????.csv", "????/????.csv"),
        ("s3://lake/{{ partition }}/**/x[0-9]?.csv", "????-??-??/*x??.csv", "????-??-??/"),
        ("s3://lake/{{ partition }}/{{ slice }}/x", "????-??-??/*/x", "????-??-??/"),
        ("s3://lake/{{ partition }}/*/**/**/*.csv", "????-??-??/*/*.csv", "????-??-??/"),
        ("s3://lake/{{ partition }}/**", "????-??-??/*", "????-??-??/"),
        ("s3://lake/x[ab]/{{ partition }}", "x?/????-??-??", "x"),
    ],
)
def test_a_policy_may_name_the_files_of_any_day(pattern, keys, start):
    found = any_day(pattern)
    assert (str(found.bucket), found.keys, found.start) == ("s3://lake/", keys, start)


def test_a_control_character_is_no_part_of_a_pattern():
    (problem,) = problems("s3://lake/{{ partition }}/a\n.csv")
    assert problem.startswith("a pattern has no line breaks and no other control characters")
