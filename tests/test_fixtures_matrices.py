"""The recipes of TCGA's public matrices, on small tables as three portals distribute them."""

import dataclasses
import gzip
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

FOLDER = Path(__file__).parents[1] / "fixtures"
sys.path.append(str(FOLDER))

from recipes import tcga_matrices, tcga_tables  # noqa: E402
from recipes.fixture import BuildError, Places  # noqa: E402

GENES = {"mrna": 12, "cnv": 8, "rppa": 6}
KINDS = {
    "BRCA": ["Luminal A", "Luminal B", "Basal-like"],
    "LIHC": ["Stage I", "Stage II", "Stage IIIA"],
    "KIPAN": [
        "Kidney Clear Cell Renal Carcinoma",
        "Kidney Papillary Renal Cell Carcinoma",
        "Kidney Chromophobe",
    ],
}
ATTRIBUTES = {"BRCA": "PAM50", "LIHC": "pathologic_stage", "KIPAN": "histological_type"}


def patient(number):
    return f"TCGA-A{number % 10}-{number:04d}"


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join("\t".join(map(str, row)) + "\n" for row in rows)
    with gzip.open(path, "wt") if path.suffix == ".gz" else path.open("w") as file:
        file.write(text)


def tumours(name, numbers, seed=0):
    """Return values (n_genes, n_patients) of the tables, logarithms for mrna, and kinds."""
    rng = np.random.default_rng(seed)
    kinds = [number % 3 for number in numbers]
    values = {
        "mrna": rng.uniform(0, 5, (GENES["mrna"], len(numbers))) + 2 * np.array(kinds),
        "cnv": rng.integers(-2, 3, (GENES["cnv"], len(numbers))),
        "rppa": rng.normal(size=(GENES["rppa"], len(numbers))) + np.array(kinds),
    }
    return values, [KINDS[name][kind] for kind in kinds]


def table(corner, barcodes, values, names="gene"):
    return [[corner, *barcodes]] + [[f"{names}{i}", *row] for i, row in enumerate(values)]


def write_xena(folder, name, numbers, cohort=None):
    """As UCSC Xena: barcodes of 15 characters, a clinical table of samples by attributes."""
    cohort = cohort or name
    values, kinds = tumours(name, numbers)
    barcodes = [f"{patient(n)}-01" for n in numbers]
    prefix = f"TCGA.{cohort}.sampleMap"
    write(folder / f"{prefix}_HiSeqV2.gz", table("sample", barcodes, values["mrna"]))
    write(
        folder / f"{prefix}%2FGistic2_CopyNumber_Gistic2_all_thresholded.by_genes.gz",
        table("Gene Symbol", barcodes, values["cnv"]),
    )
    write(folder / f"{prefix}_RPPA_RBN", table("Sample_description", barcodes, values["rppa"]))
    clinical = [["sampleID", "other", ATTRIBUTES[name].replace("PAM50", "PAM50Call_RNAseq")]]
    clinical += [[barcode, 1, kind] for barcode, kind in zip(barcodes, kinds)]
    clinical += [[f"{patient(n)}-11", 1, "none of this"] for n in numbers]
    write(folder / f"{cohort}_clinicalMatrix", clinical)
    return values, kinds


def write_firehose(folder, name, numbers):
    """As Broad Firehose: whole barcodes, counts of RSEM below a second line of names."""
    values, kinds = tumours(name, numbers)
    barcodes = [f"{patient(n)}-01A-11R-A41B-07" for n in numbers]
    counts = table("Hybridization REF", barcodes, 2 ** values["mrna"] - 1)
    counts.insert(1, ["gene_id"] + ["normalized_count"] * len(numbers))
    write(folder / f"{name}.rnaseqv2__Level_3__{tcga_tables.RSEM}", counts)
    cnv = table("Gene Symbol", barcodes, values["cnv"])
    cnv = [
        [row[0], *(("Locus ID", "Cytoband") if not i else (i, "1p")), *row[1:]]
        for i, row in enumerate(cnv)
    ]
    write(folder / f"gdac_{name}-TP.CopyNumber_Gistic2" / "all_thresholded.by_genes.txt", cnv)
    write(folder / f"{name}.rppa.txt", table("Composite.Element.REF", barcodes, values["rppa"]))
    clinical = [
        ["Hybridization REF", *(patient(n).lower() for n in numbers)],
        ["Composite Element REF", *("value" for _ in numbers)],
        [ATTRIBUTES[name], *(kind.lower() for kind in kinds)],
    ]
    write(folder / f"{name}.clin.merged.picked.txt", clinical)
    return values, kinds


def write_linkedomics(folder, name, numbers):
    """As LinkedOmics: patients with dots, kinds without blanks."""
    values, kinds = tumours(name, numbers)
    barcodes = [patient(n).replace("-", ".") for n in numbers]
    for view, file in {
        "mrna": "UNC__RNAseq__HiSeq_RNA__01_28_2016__BI__Gene__Firehose_RSEM_log2.cct.gz",
        "cnv": "BI__SCNA__SNP_6.0__01_28_2016__BI__Gene__Firehose_GISTIC2_threshold.cgt.gz",
        "rppa": "MDA__RPPA__MDA_RPPA__01_28_2016__BI__Gene__Firehose_RPPA.cct",
    }.items():
        write(folder / f"Human__TCGA_{name}__{file}", table("attrib_name", barcodes, values[view]))
    clinical = [["attrib_name", *barcodes], ["years_to_birth", *(50 for _ in numbers)]]
    clinical += [[ATTRIBUTES[name], *(kind.lower().replace(" ", "") for kind in kinds)]]
    file = "MS__Clinical__Clinical__01_28_2016__BI__Clinical__Firehose.tsi"
    write(folder / f"Human__TCGA_{name}__{file}", clinical)
    return values, kinds


@pytest.mark.parametrize("name", ["BRCA", "KIPAN", "LIHC"])
@pytest.mark.parametrize("portal", [write_xena, write_firehose, write_linkedomics])
def test_tables_of_each_portal_give_the_same_rows(tmp_path, portal, name):
    numbers = [7, 3, 5, 1, 2, 9]
    values, kinds = portal(tmp_path, name, numbers)
    places = Places(tmp_path, tmp_path)
    views, labels, patients, n_twice = tcga_matrices.read_matrices(places, name)
    order = np.argsort([patient(number) for number in numbers])
    assert patients.tolist() == [patient(numbers[i]) for i in order]
    meanings = {  # "Stage IIIA" is late
        "BRCA": ["LumA", "LumB", "Basal"],
        "LIHC": ["early", "early", "late"],
        "KIPAN": ["KIRC", "KIRP", "KICH"],
    }[name]
    assert labels.tolist() == [meanings[KINDS[name].index(kinds[i])] for i in order]
    for view, x in values.items():
        np.testing.assert_allclose(views[view], x.T[order], err_msg=view)
    assert n_twice == 0
    again, same_labels = tcga_matrices.read_cancer(places, name)
    assert list(again) == ["mrna", "cnv", "rppa"]
    assert same_labels.tolist() == labels.tolist()


def test_three_cohorts_are_joined_by_their_common_genes(tmp_path):
    parts = {"KIRC": range(6), "KIRP": range(10, 14), "KICH": range(20, 25)}
    for cohort, numbers in parts.items():
        write_xena(tmp_path, "KIPAN", [*numbers], cohort)
    rows = [
        line.split("\t")
        for line in (tmp_path / "TCGA.KIRP.sampleMap_RPPA_RBN").read_text().split("\n")
    ]
    before = {number: row for number, row in enumerate(rows) if row[0]}
    shuffled = [before[0], before[4], before[1], ["other"] + ["0.5"] * 4, before[3]]
    write(tmp_path / "TCGA.KIRP.sampleMap_RPPA_RBN", shuffled)
    views, labels, patients, _ = tcga_matrices.read_matrices(Places(tmp_path, tmp_path), "KIPAN")
    assert views["mrna"].shape == (15, GENES["mrna"])
    assert views["rppa"].shape == (15, 3)  # gene0, gene2 and gene3, in the order of the first
    place = patients.tolist().index(patient(10))
    np.testing.assert_allclose(views["rppa"][place], [float(before[line][1]) for line in (1, 3, 4)])
    assert set(labels) == {"KIRC", "KIRP", "KICH"}


def test_other_tissues_are_left_out_and_a_second_sample_is_counted(tmp_path):
    path = tmp_path / "m.txt"
    header = ["TCGA-A0-0001-01B", "TCGA-A0-0001-01A", "TCGA-A0-0002-11", "TCGA-A0-0003-06", "x"]
    rows = [["gene", *header], ["a", 1, 2, 3, 4, 5], ["b", "NA", 7, "", 8, 9], []]
    write(path, rows)
    genes, patients, x, again = tcga_tables.read_matrix(path)
    assert genes == ["a", "b"]
    assert patients == ["TCGA-A0-0001"]
    assert x.tolist() == [[2, 7]]  # of vial A
    assert again == {"TCGA-A0-0001"}


def test_columns_with_missing_values_are_left_out(tmp_path):
    values, _ = write_xena(tmp_path, "LIHC", [1, 2, 3, 4])
    rppa = values["rppa"].astype(object)
    rppa[2, 1] = "NA"
    barcodes = [f"{patient(n)}-01" for n in (1, 2, 3, 4)]
    write(tmp_path / "TCGA.LIHC.sampleMap_RPPA_RBN", table("x", barcodes, rppa))
    views, _, _, _ = tcga_matrices.read_matrices(Places(tmp_path, tmp_path), "LIHC")
    np.testing.assert_allclose(views["rppa"], np.delete(values["rppa"], 2, axis=0).T)
    rppa[:, 1] = "NA"
    write(tmp_path / "TCGA.LIHC.sampleMap_RPPA_RBN", table("x", barcodes, rppa))
    with pytest.raises(BuildError, match="every column of rppa has missing values"):
        tcga_matrices.lihc_matrices(Places(tmp_path, tmp_path))


@pytest.mark.parametrize("name", ["BRCA", "KIPAN", "LIHC"])
def test_the_whole_recipe_on_few_patients(tmp_path, monkeypatch, name):
    cancer = dataclasses.replace(tcga_matrices.CANCERS[name], n_train=30)
    monkeypatch.setitem(tcga_matrices.CANCERS, name, cancer)
    write_linkedomics(tmp_path, name, [*range(90)])
    recipe = getattr(tcga_matrices, f"{name.lower()}_matrices")
    fixture = recipe(Places(tmp_path, tmp_path))
    assert list(fixture.representations) == ["mrna", "cnv", "rppa", "cnv_rppa"]
    study = (FOLDER / "studies" / "matrices.yaml").read_text()
    pairs = yaml.safe_load(study)["pairs"]
    assert {side for pair in pairs for side in pair.split("->")} == set(fixture.representations)
    widths = [x.shape for x in fixture.representations.values()]
    assert widths == [(60, 8)] * 3 + [(60, 16)]
    assert len(fixture.labels) == len(set(fixture.ids)) == 60
    assert "the first sample of 0 who have several" in fixture.recipe


def test_too_few_patients_are_counted(tmp_path):
    write_xena(tmp_path, "BRCA", [*range(20)])
    with pytest.raises(BuildError, match="BRCA: 20 patients have all tables and a label"):
        tcga_matrices.brca_matrices(Places(tmp_path, tmp_path))


def test_what_is_missing_is_said_in_one_sentence(tmp_path):
    write_firehose(tmp_path, "BRCA", [1, 2, 3])
    clinical = [["Hybridization REF", patient(1)], ["gender", "female"]]
    write(tmp_path / "BRCA.clin.merged.picked.txt", clinical)  # Firehose has no PAM50
    with pytest.raises(BuildError, match="no attribute PAM50Call_RNAseq or PAM50"):
        tcga_matrices.brca_matrices(Places(tmp_path, tmp_path))
    (tmp_path / "BRCA.rppa.txt").unlink()
    with pytest.raises(BuildError, match=r"TCGA BRCA: rppa not found: --source .*RPPA_RBN or RPPA"):
        tcga_matrices.brca_matrices(Places(tmp_path, tmp_path))
    with pytest.raises(BuildError, match=r"mrna, cnv, rppa, clinical.*KIPAN or KIRC and KIRP and"):
        tcga_matrices.kipan_matrices(Places(tmp_path, tmp_path))
    with pytest.raises(BuildError, match="TCGA LIHC: everything not found"):
        tcga_matrices.lihc_matrices(Places(tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"gene\tsample_1\na\t1\n", "no barcode of a primary tumour"),
        (b"gene\tTCGA-A0-0001-01\na\tmany\n", "a: could not convert string to float: 'many'"),
        (b"gene\tx\tTCGA-A0-0001-01\na\t1\n", "not a table of genes by samples"),
        (b"", "no barcode of a primary tumour"),
    ],
)
def test_another_table_is_named(tmp_path, content, message):
    (tmp_path / "m.txt").write_bytes(content)
    with pytest.raises(BuildError, match=message):
        tcga_tables.read_matrix(tmp_path / "m.txt")


def test_a_broken_gz_is_named(tmp_path):
    (tmp_path / "m.gz").write_bytes(gzip.compress(b"gene\tTCGA-A0-0001-01\na\t1\n")[:-9])
    with pytest.raises(BuildError, match=r"m\.gz: not a table"):
        tcga_tables.read_matrix(tmp_path / "m.gz")
