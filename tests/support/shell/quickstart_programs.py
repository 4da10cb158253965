"""Stand-ins for the programs that quickstart.sh runs."""

import json

STEPS = ['download_and_convert_data', 'train_image_classifier', 'eval_image_classifier',
         'calibrate_image_classifier', 'export_inference_graph', 'freeze_graph',
         'classify_image']  # fmt: skip
# Stands in for every program: records its call, and writes the files that the next one reads.
PROGRAM = """
import json, os, signal, sys
name = os.path.basename(sys.argv[0])[:-3]
flags = dict(flag[2:].split('=', 1) for flag in sys.argv[1:] if '=' in flag)
with open(os.environ['CALLS'], 'a') as stream:
    print(json.dumps([name, *sys.argv[1:]]), file=stream)
def put(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'a') as stream:
        stream.write(text)
if name == os.environ.get('FAILS'):
    print('INFO:tensorflow:so far, so good')
    sys.exit('error: --batch_size=0: must be at least 1')
if name == os.environ.get('WAITS'):
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    put(flags['train_dir'] + '/begun', 'x')
    signal.sigwait([signal.SIGTERM])
    put(flags['train_dir'] + '/saved', 'x')
    sys.exit()
if name == 'download_and_convert_data':
    data = flags.get('output_directory', flags['dataset_dir'])
    os.makedirs(data, exist_ok=True)
    open('%s/%s.manifest.json' % (data, flags['dataset_name']), 'w').write(
        '{"edition": "%s", "splits": {"train": {"examples": 20}}}' % os.environ['EDITION'])
if name == 'train_image_classifier':
    put(flags['train_dir'] + '/model', 'x')
if name == 'eval_image_classifier':
    put(flags['eval_dir'] + '/metrics.json', '{"accuracy": 0.97249}')
    rows = ['file_name,true_class', 'other/a b.png,other', 'one kind/a b.png,one kind',
            'other/later.png,other']
    put(flags['eval_dir'] + '/predictions.csv', '\\n'.join(rows))
if name == 'export_inference_graph':
    put(os.path.splitext(flags['output_file'])[0] + '.json', '{"nodes": {"output": "Out"}}')
if name == 'classify_image':
    print('INFO:tensorflow:noise', file=sys.stderr)
    print('tulip.jpg  97.13% tulips')
"""


def write_programs(checkout):
    """Write the stand-ins into the root of a checkout."""
    for name in (*STEPS, 'server'):
        (checkout / f'{name}.py').write_text(PROGRAM)
    (checkout / 'scripts' / 'setup_env.sh').write_text('#!/bin/sh\necho ready\n')


def read_calls(path):
    """List the calls of the stand-ins: [program, flags...]."""
    return [json.loads(line) for line in path.read_text().splitlines()]
