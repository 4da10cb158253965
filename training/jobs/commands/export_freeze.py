"""Export the network of the training that env_set.sh names, and freeze its checkpoint."""

import os
import sys

from classifiers import model_info
from common import files
from common.errors import UserError
from training.jobs import arguments, programs, settings, stages

PROGRAM = 'export_inference_graph.py'
_FREEZE = 'freeze_graph.py'
_CALIBRATE = 'calibrate_image_classifier.py'
# How pictures are prepared: where the user changes it, it is so in the calibration too.
_PRESENTATION = ('image_size', 'preprocessing_name', 'labels_offset')
_AVERAGES = ('use_moving_averages', 'nouse_moving_averages')


def main(call):
    """Write the graph, learn its limits, add the weights, and propose the next commands."""
    call.answer_help(PROGRAM)
    known = settings.read()
    typed, for_freezing = _divided(call.arguments, known.data_flags)
    if arguments.value(typed, 'summarize'):
        programs.replace_with(programs.command(PROGRAM, *call.arguments), known.environment)
    wanted = arguments.value(typed, 'format', 'graph_def')
    if wanted != 'graph_def':
        raise UserError(
            f'--format={wanted}: only a graph_def is frozen here; '
            f'{programs.ROOT / PROGRAM} writes other formats directly'
        )
    graph, frozen = _write(known, typed, for_freezing)
    print(f'the network:        {graph}')
    print(f'with its weights:   {frozen}')
    for path in _onnx_files(frozen):
        print(f'for ONNX Runtime:   {path}')
    print(f'names of classes:   {model_info.beside_graph(frozen, model_info.LABEL_SUFFIX)}')
    print(f'what it is:         {model_info.beside_graph(frozen)}')
    # The other scripts find it by themselves only under its usual name.
    usual = frozen == known.frozen_graph
    call.propose(known, 'classify.sh', *([] if usual else [f'--model={frozen}']), 'PICTURES')
    call.propose(known, 'server.sh', *([] if usual else [f'--model_name={frozen}']))


def _divided(typed, data_flags):
    """Return the arguments of the export and those of the freezing.

    The latter are those after `--`, and --int8, which needs the data set.
    """
    end = typed.index('--') if '--' in typed else len(typed)
    typed, for_freezing = list(typed[:end]), list(typed[end + 1 :])
    # Both programs must agree on these.
    switches = (*_AVERAGES, 'limits', 'nolimits')
    shared = [argument for argument in typed if arguments.has([argument], *switches)]
    int8 = [argument for argument in typed if arguments.has([argument], 'int8', 'noint8')]
    typed = [argument for argument in typed if argument not in int8]
    if arguments.is_on([*int8, *for_freezing], 'int8'):
        shared += data_flags
    return typed, [*shared, *int8, *for_freezing]


def _write(known, typed, for_freezing):
    """Run the programs, and return the paths of the two graphs."""
    os.makedirs(known.export_dir, exist_ok=True)
    for_export = [*_source(known, typed), *typed]
    graph = f'{known.frozen_graph.removesuffix("_freeze.pb")}.pb'
    graph = arguments.value(for_export, 'output_file', graph)
    programs.run(
        programs.command(PROGRAM, f'--output_file={graph}', *for_export), known.environment
    )
    for_freezing = [
        f'--input_graph={graph}',
        '--input_binary=True',
        f'--input_checkpoint={arguments.value(for_export, "checkpoint_path")}',
        f'--output_graph={known.frozen_graph}',
        f'--output_node_names={files.read_json(model_info.beside_graph(graph))["nodes"]["output"]}',
        *_pictures(known),
        *_calibrate(known, for_export, for_freezing),
        *for_freezing,
    ]
    programs.run(programs.command(_FREEZE, *for_freezing), known.environment)
    return graph, arguments.value(for_freezing, 'output_graph')


def _calibrate(known, for_export, typed):
    """Learn the limits of the checkpoint if there are pictures; return the flags that follow.

    A data set that is too small for it does not prevent the export, unless --limits asks for them.
    """
    data = _pictures(known)
    is_asked_for = arguments.is_on(typed, 'limits')
    if not data or (arguments.has(typed, 'limits', 'nolimits') and not is_asked_for):
        return []
    same = [flag for flag in typed if arguments.has([flag], *_AVERAGES)]
    for name in ('checkpoint_path', 'model_name', *_PRESENTATION):
        if value := arguments.value(for_export, name):
            same.append(f'--{name}={value}')
    command = programs.command(_CALIBRATE, *same, *data, '--only_if_stale')
    status = programs.attempt(command, known.environment)
    if is_asked_for or status not in (0, 1):  # Such as Ctrl-C.
        programs.exit_unless_good(status)
    if status:
        print('exported without limits, for the reason above', file=sys.stderr)
    return ['--nolimits'] if status else []


def _pictures(known):
    """Return the flags of the data set, if its records are there and complete."""
    beside_records = os.path.join(known.dataset_dir, known.dataset_name)
    is_whole = not os.path.exists(f'{beside_records}.converting')
    is_there = os.path.exists(f'{beside_records}.manifest.json')
    return known.data_flags if is_there and is_whole else []


def _onnx_files(frozen):
    """List the ONNX files that were written beside a frozen graph."""
    description = model_info.beside_graph(frozen)
    listed = files.read_json(description).get('onnx', ()) if os.path.exists(description) else ()
    return [
        model_info.onnx_path(frozen, precision)
        for precision in model_info.ONNX_ENDINGS
        if precision in listed
    ]


def _source(known, typed):
    """Return the flags that select what is exported."""
    stage = known.train_dir
    if not arguments.value(typed, 'checkpoint_path'):
        stage = stages.chosen(known)
    flags = [f'--checkpoint_path={stage}', f'--model_name={known.model_name}']
    if not os.path.exists(os.path.join(stage, model_info.FILE_NAME)):
        # A training directory of TF-Slim does not say what its classes are.
        flags += known.data_flags
    return flags
