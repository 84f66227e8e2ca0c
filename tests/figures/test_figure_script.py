"""scripts/figure.py through its `main(argv)`, on files as the workflow writes them."""

import json
import zlib

import pytest
from PIL import Image

import figure
from made_up import drawn
from made_up.study import DATASETS
from sensitivity.base.errors import DamagedFile
from sensitivity.files import measurements
from sensitivity.files.storage import write_arrays, write_table


@pytest.fixture
def files(study, tmp_path):
    """The made-up study as files -> {option: paths}."""
    options = {}
    for option in ("networks", "models", "correlations", "pairs", "factors", "curves_table"):
        frame = getattr(study, option)
        parts = [frame]
        if option in ("networks", "models"):
            parts = [group for _, group in frame.groupby("dataset", sort=False)]
        options[option] = [tmp_path / f"{option}{place}.csv" for place in range(len(parts))]
        for path, part in zip(options[option], parts):
            write_table(path, part, {"study": "made up"})
    for option in ("points", "curves"):
        records = getattr(study, option)
        options[option] = [tmp_path / f"{option}{place}.npz" for place in range(len(records))]
        for path, record in zip(options[option], records):
            write(path, option, record)
    for option in ("boundaries", "sampling"):
        options[option] = [tmp_path / f"{option}.npz"]
        write(options[option][0], option, getattr(study, option))
    options["data"] = [tmp_path / "mnist5k.npz"]
    write_arrays(options["data"][0], study.images.arrays, {"dataset": "mnist5k"})
    return options


def write(path, measure, record):
    part = measurements.Part(record.arrays, {})
    measurements.write(path, record.dataset, {record.model: {measure: part}})


def draw(name, tmp_path, settings, **options):
    pdf, png = tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"
    arguments = [name, "--settings", json.dumps(settings), "--pdf", pdf, "--png", png]
    arguments += ["--module", drawn.MODULES.get(name, name)]
    for option, paths in options.items():
        arguments += [f"--{option.replace('_', '-')}", *paths]
    figure.main([str(argument) for argument in [*arguments, "--log", tmp_path / f"{name}.log"]])
    return pdf, png


NEEDS = {
    "capacity": ("models", "correlations"),
    "trajectories": ("curves", "curves_table", "networks"),
    "boundaries": ("boundaries",),
    "factors": ("pairs", "factors"),
    "gap": ("models", "correlations"),
    "points": ("points", "networks"),
    "loop": ("data",),
    "transitions": ("models", "correlations"),
    "points_all": ("points", "networks"),
    "capacity_all": ("models", "correlations"),
    "arch": ("points", "networks"),
    "on_off_manifold": ("models", "correlations"),
    "sampling": ("sampling",),
    "measures": ("correlations",),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NEEDS)
def test_every_figure_from_its_files(name, files, tmp_path, settings):
    settings |= {
        "dots_per_inch": 100,
        "code": "0123",
        "datasets": drawn.datasets_of(name, DATASETS, "mnist5k"),
    }
    given = {option: files[option] for option in NEEDS[name]}
    pdf, png = draw(name, tmp_path, settings, **given)
    image = Image.open(png)
    assert image.width in (340, 700)
    provenance = json.loads(image.text["Provenance"])
    assert provenance["figure"] == name
    assert provenance["code"] == "0123"
    assert "matplotlib" in provenance["environment"]
    content = pdf.read_bytes()
    assert content.startswith(b"%PDF")
    assert b"in this study" not in drawn_text(content)
    assert "drew" in (tmp_path / f"{name}.log").read_text()


def drawn_text(pdf):
    """The PDF's page streams, unpacked."""
    parts = pdf.split(b"stream\n")[1:]
    unpacked = b""
    for part in parts:
        try:
            unpacked += zlib.decompressobj().decompress(part)
        except zlib.error:
            continue
    return unpacked


def test_same_files_same_bytes(files, tmp_path, settings):
    given = {option: files[option] for option in NEEDS["gap"]}
    first = [path.read_bytes() for path in draw("gap", tmp_path, settings, **given)]
    second = [path.read_bytes() for path in draw("gap", tmp_path, settings, **given)]
    assert first == second


def test_a_damaged_file_is_named_and_nothing_is_written(files, tmp_path, settings):
    path = files["models"][0]
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedFile, match=path.name):
        draw("gap", tmp_path, settings, models=files["models"])
    assert not (tmp_path / "gap.pdf").exists()
    assert not (tmp_path / "gap.png").exists()


def test_without_files_the_figure_explains_itself(tmp_path, settings):
    pdf, _ = draw("boundaries", tmp_path, settings)
    assert pdf.exists()
