from pathlib import Path

import pytest

from cch_audit.distillation.read_runs import Trained, out_of_range, read_runs
from cch_audit.errors import InputError

HEADER = "arm,seed,score\n"


def written(folder: Path, content: bytes | str, name: str = "runs.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_is_read_whatever_wrote_it(tmp_path):
    """With a mark of UTF-8, CRLF, quotes, blanks, other columns, and numbers as pandas has them."""
    content = (
        '\ufeff"Arm", Seed ,score,epoch,Train_Size,split,teacher\r\n'
        '"baseline",0.0,0.5, 3,100.0,a,\r\n'
        "\r\n"
        ",,,,,,\r\n"
        ' DISTILLED ,"0",".75e0","x, ""y""",1e2,a,"big\nteacher"\r\n'
    )
    assert read_runs(written(tmp_path, content), "accuracy") == [
        Trained("baseline", "0", 0.5, "a", 100, "", line=2),
        Trained("distilled", "0", 0.75, "a", 100, "big\nteacher", line=6),
    ]


def test_tabs_where_the_name_says_so(tmp_path):
    path = written(tmp_path, "arm\tseed\tscore\nbaseline\t7\t-3\n", "runs.tsv")
    assert read_runs(path, "r2") == [Trained("baseline", "7", -3.0, line=2)]


def test_seeds_are_the_same_however_they_are_written(tmp_path):
    content = HEADER + "a,1,.5\na,1.0,.5\na,+1,.5\na,x1,.5\n"
    assert [run.seed for run in read_runs(written(tmp_path, content), "accuracy")] == [
        *("1", "1", "1", "x1")
    ]


BAD = {
    "empty": ("", "is empty; write a line with the names of the columns"),
    "blank": ("\n,\n", "is empty"),
    "names alone": (HEADER, "has no training run below"),
    "no score": ("arm,seed\na,1\n", "line 1 has no column score (it has arm, seed)"),
    "no names": ("baseline,1,0.5\n", "line 1 has no column arm, seed, score"),
    "semicolons": ("arm;seed;score\na;1;0,5\n", "another mark than a comma"),
    "a column twice": ("arm,seed,Score,score\na,1,1,1\n", "has the column score twice"),
    "a short line": (HEADER + "a,1\n", "line 2 has 2 values, and the first line names 3"),
    "a long line": (HEADER + "a,1,.5,7\n", "line 2 has 4 values"),
    "an open quote": (HEADER + 'a,1,"0.5\n', "is no CSV"),
    "no arm": (HEADER + "a,1,.5\n,2,.5\n", "line 3 has no arm"),
    "no seed": (HEADER + "a,,.5\n", "line 2 has no seed"),
    "an empty score": (HEADER + "a,1, \n", "line 2 has no score"),
    "nan": (HEADER + "a,1,nan\n", "line 2 has the score 'nan', which is no finite number"),
    "inf": (HEADER + "a,1,inf\n", "no finite number"),
    "too large": (HEADER + "a,1,1e999\n", "no finite number"),
    "text": (HEADER + "a,1,good\n", "the score 'good'"),
    "a comma in a number": (HEADER + 'a,1,"0,93"\n', "the score '0,93'"),
    "underscores": (HEADER + "a,1,0.9_3\n", "the score '0.9_3'"),
    "percent": (HEADER + "a,1,93.1\n", "from 0 to 1; divide percentages by 100"),
    "negative": (HEADER + "a,1,-0.1\n", "accuracy is from 0 to 1; name what it is"),
    "half a row": ("arm,seed,score,train_size\na,1,.5,1.5\n", "the train_size '1.5'"),
    "no rows": ("arm,seed,score,train_size\na,1,.5,0\n", "the train_size '0'"),
    "sizes in part": (
        "arm,seed,score,train_size\na,1,.5,10\na,2,.5,\n",
        "line 3 has no train_size, and others have",
    ),
    "splits in part": ("arm,seed,score,split\na,1,.5,\na,2,.5,x\n", "line 2 has no split"),
    "UTF-16": ("\ufeffarm,seed".encode("utf-16"), "UTF-16 text, or no text"),
    "Latin-1": (HEADER.encode() + b"\xe9,1,.5\n", "no UTF-8 text (byte 15)"),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no text"),
    "a long field": (HEADER + "a" * 200_000 + ",1,.5\n", "field larger than field limit"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_refused_in_one_sentence(tmp_path, name):
    content, said = BAD[name]
    path = written(tmp_path, content)
    with pytest.raises(InputError) as refused:
        read_runs(path, "accuracy")
    message = str(refused.value)
    assert message.startswith(str(path))
    assert said in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("name", ["missing.csv", ".", "null\0.csv"])
def test_what_is_no_file_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot be read"):
        read_runs(tmp_path / name, "accuracy")


@pytest.mark.parametrize(
    ("metric", "score", "said"),
    [
        ("mse", -1e-9, "mse is at least 0"),
        ("log_loss", -1.0, "log_loss is at least 0"),
        ("brier", 2.5, "brier is from 0 to 2; name"),
        ("r2", 1.1, "r2 is at most 1; divide percentages"),
    ],
)
def test_a_score_that_the_metric_cannot_have(metric, score, said):
    assert said in out_of_range(score, metric)
    assert out_of_range(0.5, metric) is None
