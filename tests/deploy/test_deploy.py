"""deploy/: its three files agree, and the image has what the server needs."""

import fnmatch
import json
import shlex
import subprocess

import pytest
import yaml

from common import options
from serving.web import admission
from serving.web.server_options import ServerOptions
from support.checkout import ROOT
from support.shell.dockerfile import Dockerfile

DOCKERFILE = Dockerfile(ROOT / 'deploy/Dockerfile')
DEFAULTS = ServerOptions()


def read(name):
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all((ROOT / 'deploy' / name).read_text(encoding='utf-8')))


@pytest.fixture(scope='module')
def service():
    """Return the server of Docker Compose."""
    (content,) = read('compose.yaml')
    return content['services']['server']


@pytest.fixture(scope='module')
def manifests():
    """Return the manifests of Kubernetes by kind."""
    return {manifest['kind']: manifest for manifest in read('kubernetes.yaml')}


@pytest.fixture(scope='module')
def pod(manifests):
    """Return the pod of the Deployment."""
    return manifests['Deployment']['spec']['template']['spec']


def test_everything_that_is_copied_is_in_the_checkout_and_sent_to_docker():
    known = subprocess.run(['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True).stdout
    ignored = [line for line in (ROOT / '.dockerignore').read_text().splitlines() if line[0] != '#']
    sources = [source for sources, _ in DOCKERFILE.copied() for source in sources]
    assert len(sources) > 5
    for source in sources:
        assert f'\n{source}/' in known or f'\n{source}\n' in known, source
        assert not any(fnmatch.fnmatch(source, pattern) for pattern in ignored), source


def test_the_image_installs_only_locked_packages_and_runs_without_rights():
    installed = [shlex.split(text) for text in DOCKERFILE.all('RUN') if ' pip ' in text]
    assert len(installed) == 1
    assert '--require-hashes' in installed[0]
    assert installed[0][-2:] == ['-r', 'requirements-serve.txt']
    user, _, group = DOCKERFILE.one('USER').partition(':')
    assert int(user) > 0
    assert int(group) > 0
    # An exec form: the signal reaches the server, not a shell.
    assert json.loads(DOCKERFILE.one('ENTRYPOINT'))[:3] == ['python', '-u', 'server.py']
    assert DOCKERFILE.one('STOPSIGNAL') == 'SIGTERM'


def test_all_files_name_the_same_port(service, manifests, pod):
    port = DEFAULTS.listen.port
    assert DOCKERFILE.one('EXPOSE') == str(port)
    assert f'127.0.0.1:{port}/healthz' in DOCKERFILE.health_check()[-1]
    assert service['ports'] == [f'127.0.0.1:{port}:{port}']
    assert f'127.0.0.1:{port}/readyz' in service['healthcheck']['test'][-1]
    (container,) = pod['containers']
    assert container['ports'] == [{'name': 'http', 'containerPort': port}]
    assert manifests['Service']['spec']['ports'][0]['targetPort'] == 'http'


def test_all_files_name_the_same_directory_of_models(service, pod):
    (directory,) = [
        word.partition('=')[2]
        for word in json.loads(DOCKERFILE.one('ENTRYPOINT'))
        if word.startswith('--model_dir=')
    ]
    assert service['volumes'][0].endswith(f':{directory}:ro')
    mounts = {mount['name']: mount for mount in pod['containers'][0]['volumeMounts']}
    assert mounts['model'] == {'name': 'model', 'mountPath': directory, 'readOnly': True}
    assert set(mounts) == {volume['name'] for volume in pod['volumes']}


def test_the_flags_are_those_of_the_server(service, pod):
    names = {flag.name for flag in options.flags(ServerOptions)}
    words = [*json.loads(DOCKERFILE.one('ENTRYPOINT'))[3:], *json.loads(DOCKERFILE.one('CMD'))]
    for word in [*words, *service['command'], *pod['containers'][0]['args']]:
        assert word.removeprefix('--').partition('=')[0] in names


def test_the_server_has_time_to_answer_what_it_has_accepted(service, pod):
    drain = DEFAULTS.listen.drain_secs
    assert int(service['stop_grace_period'].removesuffix('s')) > drain
    pause = int(pod['containers'][0]['lifecycle']['preStop']['exec']['command'][-1])
    assert pod['terminationGracePeriodSeconds'] > drain + pause


def test_containers_may_write_only_to_tmp(service, pod):
    assert (service['read_only'], service['tmpfs']) == (True, ['/tmp'])
    assert service['cap_drop'] == ['ALL']
    assert service['security_opt'] == ['no-new-privileges:true']
    user, _, group = DOCKERFILE.one('USER').partition(':')
    assert pod['securityContext']['runAsNonRoot']
    assert pod['securityContext']['runAsUser'] == int(user)
    assert pod['securityContext']['runAsGroup'] == int(group)
    allowed = pod['containers'][0]['securityContext']
    assert allowed == {
        'allowPrivilegeEscalation': False,
        'readOnlyRootFilesystem': True,
        'capabilities': {'drop': ['ALL']},
    }


def test_the_probes_ask_addresses_of_the_server(pod):
    (container,) = pod['containers']
    asked = {
        name: container[name]['httpGet']['path']
        for name in ('startupProbe', 'livenessProbe', 'readinessProbe')
    }
    assert asked == {
        'startupProbe': '/healthz', 'livenessProbe': '/healthz', 'readinessProbe': '/readyz'
    }  # fmt: skip
    assert set(asked.values()) <= set(admission.HEALTH_CHECKS)


def test_the_number_of_servers_follows_the_load(manifests):
    deployment, scaler = manifests['Deployment'], manifests['HorizontalPodAutoscaler']
    assert 'replicas' not in deployment['spec']
    target = scaler['spec']['scaleTargetRef']
    assert (target['kind'], target['name']) == ('Deployment', deployment['metadata']['name'])
    # A utilisation is a share of what is requested.
    assert deployment['spec']['template']['spec']['containers'][0]['resources']['requests']['cpu']
    labels = deployment['spec']['template']['metadata']['labels']
    assert manifests['Service']['spec']['selector'] == labels
    assert deployment['spec']['selector']['matchLabels'] == labels
