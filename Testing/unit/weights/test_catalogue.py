import json

import jsonschema
import pytest
import torch

from medsam2.errors import InputError
from medsam2.model.building import build_network
from medsam2.model.config import FAMILIES, PRESETS, network_config
from medsam2.resource_files import resource_path
from medsam2.weights.catalogue import catalogue, find_entry

NOT_LISTED = {"efficienttam_ti_1", "efficienttam_ti_2", "efficienttam_s_1", "efficienttam_s_2"}
"""Networks whose files only their owners can tell: they pool memories, which no tensor shows."""


def documents():
    return (json.loads(resource_path(name).read_text()) for name in ("models.json", "models.schema.json"))


def test_the_shipped_catalogue_obeys_its_schema():
    models, schema = documents()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(models)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("family", "sam4"),
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
    assert [entry.name for entry in entries if entry.shipped] == ["starter"]
    assert {entry.name for entry in entries if entry.why_not} == {"sam3"}
    usable = [entry for entry in entries if not entry.why_not]
    assert {entry.preset for entry in usable} == set(PRESETS) - NOT_LISTED
    assert {entry.family for entry in usable} == set(FAMILIES)


@pytest.mark.parametrize(
    "entry", [entry for entry in catalogue() if entry.preset in PRESETS], ids=lambda entry: entry.name
)
def test_sizes_follow_from_the_networks_own_parameters(entry):
    """torch adds its table to the tensors; SAM-Med2D's file has its optimiser too."""
    config = network_config(entry.preset, entry.family)
    with torch.device("meta"):
        parameters = sum(tensor.numel() for tensor in build_network(config).state_dict().values())
    bytes_each = 2 if entry.name in ("starter", "medsam-2-pretrain") else 4
    if entry.name == "sam-med2d":
        assert entry.size_bytes > 2 * parameters * bytes_each
    else:
        assert parameters * bytes_each * 0.995 < entry.size_bytes < parameters * bytes_each * 1.005


def test_every_checksum_says_where_it_was_read_and_what_has_none_says_so():
    for entry in catalogue():
        assert (entry.sha256 is None) == (entry.checksum_from is None)
    known = [entry.sha256 for entry in catalogue() if entry.sha256]
    assert len(set(known)) == len(known) == 21
    inexact = {entry.name for entry in catalogue() if not entry.size_is_exact and entry.sha256}
    assert inexact == {"medsam-2-pretrain", "lite-medsam"}


def test_every_entry_has_a_licence_and_a_way_to_its_file():
    for entry in catalogue():
        assert entry.licence_note.endswith(".")
        assert entry.shipped or entry.page
        assert not (entry.url and entry.why_not)
    by_hand = {entry.name for entry in catalogue() if not (entry.url or entry.shipped or entry.why_not)}
    assert by_hand == {"medsam", "lite-medsam", "sam-med2d"}


def test_contradicting_licences_are_told():
    assert "research and education only" in find_entry("medsam2-latest").licence_note
    assert find_entry("medsam2-latest").licence == "CC-BY-SA-4.0"
    assert "GPL" in find_entry("medsam-2-pretrain").licence_note


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(InputError, match=r"called 'MedSAM2-lastest'.*medsam2-latest"):
        find_entry("MedSAM2-lastest")
