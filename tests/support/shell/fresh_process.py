"""Run models in a process that uses TensorFlow and nothing of this project."""

import json
import os
import subprocess
import sys

# Reads a request from standard input, and answers with plain numbers.
_GRAPH = """
import base64, json, sys
import tensorflow.compat.v1 as tf
request = json.load(sys.stdin)
graph_def = tf.GraphDef()
graph_def.ParseFromString(open(request['path'], 'rb').read())
answers = []
with tf.Graph().as_default(), tf.Session() as session:
    tf.import_graph_def(graph_def, name='')
    for name, value in request['feeds']:
        if name == 'image_bytes':
            value = [base64.b64decode(text) for text in value]
        answers.append(session.run(request['fetch'] + ':0', {name + ':0': value}).tolist())
assert not {'nets', 'serving', 'classifiers'} & set(sys.modules)
json.dump(answers, sys.stdout)
"""
_SAVED_MODEL = """
import base64, json, sys
import tensorflow as tf
request = json.load(sys.stdin)
model = tf.saved_model.load(request['path'])
call = model.signatures['serving_default']
found = call(image_bytes=tf.constant([base64.b64decode(text) for text in request['pictures']]))
answers = {name: tensor.numpy().tolist() for name, tensor in found.items()}
answers['classes'] = [[name.decode() for name in row] for row in answers['classes']]
json.dump(answers, sys.stdout)
"""


def run_graph(directory, path, feeds, fetch):
    """Run a frozen graph for each of `feeds`, pairs (node, value)."""
    return _run(directory, _GRAPH, {'path': path, 'feeds': feeds, 'fetch': fetch})


def run_saved_model(directory, path, pictures):
    """Call a SavedModel's default signature with pictures in base64."""
    return _run(directory, _SAVED_MODEL, {'path': path, 'pictures': pictures})


def _run(directory, program, request):
    environment = {**os.environ, 'PYTHONPATH': '', 'TF_CPP_MIN_LOG_LEVEL': '3'}
    done = subprocess.run(
        [sys.executable, '-c', program],
        input=json.dumps(request),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=directory,
        env=environment,
    )
    return json.loads(done.stdout)
