"""What can be said of deploy/'s files without an engine or a cluster: the alert
rules do what their unit tests say, and metrics are named as the server has
them. deploy/test runs the images."""
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / 'deploy'
SLURM_JOBS = [DEPLOY / 'slurm' / f'{name}.sbatch'
              for name in ('server', 'worker')]
METRIC = re.compile(r'\bmetastep_[a-z_]+')


def output_of(*command):
    ran = subprocess.run(command, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, check=False)
    return ran.returncode, ran.stdout


def server_metrics():
    """The names in the server's sources, with the series of histograms."""
    names = set()
    for file in (ROOT / 'server').glob('*metrics.cc'):
        names |= set(METRIC.findall(file.read_text(encoding='utf-8')))
    return names | {name + suffix for name in names
                    for suffix in ('_bucket', '_sum', '_count')}


def dashboard():
    path = DEPLOY / 'grafana/provisioning/dashboards/metastep.json'
    return json.loads(path.read_text(encoding='utf-8'))


def sbatch_options(job):
    """What sbatch reads: the #SBATCH lines of the comment at the head."""
    head = itertools.takewhile(
        lambda line: line.startswith('#'),
        job.read_text(encoding='utf-8').splitlines())
    return [line.split(maxsplit=1)[1] for line in head
            if line.startswith('#SBATCH ')]


class DeployFilesTest(unittest.TestCase):

    def test_alerts_do_what_their_tests_say(self):
        for arguments in (('check', 'config', 'prometheus.yml'),
                          ('test', 'rules', 'alerts_test.yml')):
            *verb, file = arguments
            status, output = output_of('promtool', *verb,
                                       str(DEPLOY / 'prometheus' / file))
            self.assertEqual(status, 0, output)

    def test_every_alert_has_a_test(self):
        alerts, tests = ((DEPLOY / 'prometheus' / file).read_text(
            encoding='utf-8') for file in ('alerts.yml', 'alerts_test.yml'))
        fires = set(re.findall(r'alertname: (\w+)\n\s+exp_alerts', tests))
        self.assertEqual(set(re.findall(r'- alert: (\w+)', alerts)), fires)

    def test_metrics_are_the_servers(self):
        known = server_metrics()
        self.assertIn('metastep_outer_loss', known)
        used = set()
        for file in DEPLOY.rglob('*'):
            if file.suffix in ('.yml', '.yaml', '.json'):
                text = file.read_text(encoding='utf-8')
                used |= set(METRIC.findall(text))
        self.assertLessEqual(used, known)

    def test_panels_do_not_overlap(self):
        taken = set()
        for panel in dashboard()['panels']:
            at = panel['gridPos']
            cells = {(x, y) for x in range(at['x'], at['x'] + at['w'])
                     for y in range(at['y'], at['y'] + at['h'])}
            self.assertFalse(taken & cells, panel['title'])
            self.assertLessEqual(at['x'] + at['w'], 24, panel['title'])
            taken |= cells

    def test_slurm_jobs_parse(self):
        for job in SLURM_JOBS:
            status, output = output_of('bash', '-n', str(job))
            self.assertEqual(status, 0, output)

    def test_slurm_reads_the_jobs_options(self):
        # sbatch takes no #SBATCH line after the first command. A SIGTERM before
        # the time limit could not be told from the one of a requeue, which
        # reaches the program by itself.
        for job in SLURM_JOBS:
            options = sbatch_options(job)
            self.assertIn('--requeue', options, job)
            self.assertIn('--signal=B:USR1@60', options, job)
            self.assertIn('--open-mode=append', options, job)
            self.assertEqual(len(options),
                             job.read_text(encoding='utf-8').count('#SBATCH'))

    def test_slurm_workers_are_an_array(self):
        options = sbatch_options(DEPLOY / 'slurm/worker.sbatch')
        self.assertTrue(any(option.startswith('--array=')
                            for option in options), options)

    @unittest.skipUnless(shutil.which('kubectl'), 'kubectl is not here')
    def test_kustomization_renders(self):
        status, output = output_of('kubectl', 'kustomize',
                                   str(DEPLOY / 'kubernetes'))
        self.assertEqual(status, 0, output)
        kinds = set(re.findall(r'^kind: (\w+)', output, re.MULTILINE))
        self.assertLessEqual(
            {'StatefulSet', 'Deployment', 'HorizontalPodAutoscaler',
             'PodDisruptionBudget', 'NetworkPolicy', 'ServiceMonitor'}, kinds)


if __name__ == '__main__':
    unittest.main()
