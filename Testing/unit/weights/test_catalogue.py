import json

import jsonschema
import pytest
import torch

from medsam2.errors import InputError
from medsam2.model.config import FAMILIES, PRESETS, network_config
from medsam2.model.network import MedSAM2
from medsam2.resource_files import resource_path
from medsam2.weights.catalogue import catalogue, find_entry


def documents():
    return (json.loads(resource_path(name).read_text()) for name in ("models.json", "models.schema.json"))


def test_the_shipped_catalogue_obeys_its_schema():
    models, schema = documents()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(models)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "sam3"),
        ("url", "http://insecure"),
        ("sha256", "abc"),
        ("filename", "../x.pt"),
        ("extra", 1),
    ],
)
def test_the_schema_refuses_a_wrong_entry(key, value):
    models, schema = documents()
    models["models"][0][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(models)


def test_names_and_files_are_unique_and_networks_exist():
    entries = catalogue()
    assert (
        len({entry.name for entry in entries}) == len({entry.filename for entry in entries}) == len(entries)
    )
    assert {entry.preset for entry in entries} <= set(PRESETS)
    assert {entry.family for entry in entries} <= set(FAMILIES)
    assert [entry.name for entry in entries if entry.shipped] == ["starter"]


@pytest.mark.parametrize("entry", catalogue(), ids=lambda entry: entry.name)
def test_sizes_follow_from_the_networks_own_parameters(entry):
    config = network_config(entry.preset, entry.family)
    with torch.device("meta"):
        parameters = sum(tensor.numel() for tensor in MedSAM2(config).state_dict().values())
    bytes_each = 2 if entry.name in ("starter", "medsam-2-pretrain") else 4
    assert entry.size_bytes == pytest.approx(parameters * bytes_each, rel=0.005)


def test_contradicting_licences_are_told():
    assert "research and education only" in find_entry("medsam2-latest").licence_note
    assert find_entry("medsam2-latest").licence == "CC-BY-SA-4.0"
    assert "GPL" in find_entry("medsam-2-pretrain").licence_note


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(InputError, match=r"called 'MedSAM2-lastest'.*medsam2-latest"):
        find_entry("MedSAM2-lastest")
