"""What a program's flag defaults to is what its library defaults to."""

import dataclasses
import runpy

import pytest

from serving.export import export, freeze
from serving.model.model_options import ModelOptions
from serving.model.predictor import PredictorOptions
from serving.terminal import classify
from serving.web import server_options
from serving.web.lifecycle import ServeOptions
from support.shell.programs import ROOT

RECORDS = {
    'classify_image.py': (ModelOptions, classify.ClassifyOptions),
    'export_inference_graph.py': (export.ExportOptions,),
    'freeze_graph.py': (freeze.FreezeOptions,),
    'server.py': (
        ModelOptions,
        PredictorOptions,
        ServeOptions,
        server_options.AppConfig,
        server_options.ListenOptions,
    ),
}

# What names the network elsewhere names the graph's file here.
_OF_ANOTHER_MEANING = ('server.py', 'model_name')


@pytest.mark.parametrize('program', RECORDS)
def test_flags_and_records_have_the_same_defaults(program):
    groups = runpy.run_path(str(ROOT / program))['_GROUPS']
    flags = {name: default for rows in groups.values() for _, name, default, *_ in rows}
    fields = [field for record in RECORDS[program] for field in dataclasses.fields(record)]
    compared = {
        field.name: (flags[field.name], _plain(field.default))
        for field in fields
        if field.name in flags
        and field.default is not dataclasses.MISSING
        and (program, field.name) != _OF_ANOTHER_MEANING
    }
    assert compared
    assert {name: pair for name, pair in compared.items() if pair[0] != pair[1]} == {}


def _plain(default):
    return list(default) if isinstance(default, tuple) else default
