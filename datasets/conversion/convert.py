"""Convert a data set: write its TFRecord shards and its manifest."""

import collections
import contextlib
import os
from collections.abc import Callable

from common import labels, locks, processors, progress
from common.errors import UserError
from datasets.conversion import changes, duplicates, reports, shards, splits, workers, workspace
from datasets.conversion.convert_options import ConvertOptions
from datasets.conversion.spec import DatasetSpec
from datasets.records import label_files, manifest


def convert(
    spec: DatasetSpec,
    output_dir: str,
    options: ConvertOptions,
    report: Callable[[str], None] = print,
) -> manifest.Manifest:
    """Write a data set's shards, manifest, labels and reports into `output_dir`.

    Return the manifest. If nothing has changed, write nothing. Call `report` with each line of the
    summary.
    """
    if not spec.examples:
        raise UserError(f'{spec.name or output_dir}: there are no pictures to convert')
    name = spec.name or 'records'
    busy = f'{output_dir}: another conversion of {name} is running'
    with _writing(output_dir):
        os.makedirs(output_dir, exist_ok=True)
        with locks.Lock(manifest.lock_path(output_dir, spec.name), busy):
            space = workspace.Workspace(output_dir, spec.name)
            old = manifest.read(output_dir, spec.name)
            if old and not space.fenced and not options.overwrite:
                changes.require_unchanged(old, spec, options, output_dir)
                report(f'{name}: nothing has changed since the last conversion; nothing to do')
                return old
            return _Conversion(spec, output_dir, options, space, old, report).run()


@contextlib.contextmanager
def _writing(output_dir):
    """Turn a full disk, a read-only directory and the like into one clear line."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f'{output_dir}: the data set cannot be written ({reason}); no partial data set is left.'
            ' Free disk space or choose another directory, and run the same command again'
        ) from None


class _Conversion:
    """One run: plan the shards, write them to a hidden directory, publish them."""

    def __init__(self, spec, output_dir, options, space, old, report):
        self._spec = spec
        self._output_dir = output_dir
        self._options = options
        self._space = space
        self._old = old
        self._report = report
        self._quick = changes.quick_fingerprint(spec, options)
        # With keep_duplicates, the hashes that come with the records are enough.
        self._copies = {} if spec.keep_duplicates else duplicates.find_duplicates(spec.examples)
        self._splits = splits.choose(spec.examples, self._copies, options, spec.validation_count)
        self._plans = self._plan_shards()

    def _plan_shards(self):
        members = collections.defaultdict(list)
        for index, split in enumerate(self._splits):
            if split is not None:
                members[split].append(index)
        numbers = [example.label for example in self._spec.examples]
        plans = []
        for split in sorted(members):
            count = splits.shard_count(
                split, len(members[split]), self._options, self._spec.default_shards
            )
            seed = f'{self._options.random_seed} {split}'
            for place, indices in enumerate(splits.deal(members[split], numbers, count, seed)):
                file = manifest.shard_name(self._spec.name, split, place, count)
                plans.append(shards.ShardPlan(file, split, indices))
        return plans

    def run(self):
        """Convert, publish and report the result; return the manifest."""
        old_files = self._old.files if self._old else []
        self._space.refuse_foreign_files({plan.split for plan in self._plans}, old_files)
        try:
            self._space.begin(self._quick, old_files, self._command())
            outcome = reports.gather(
                self._spec,
                self._splits,
                self._copies,
                self._plans,
                self._write_shards(),
                self._output_dir,
            )
            self._require_enough(outcome)
            made = self._describe(outcome)
            self._space.publish(self._new_files(made))
        except (OSError, UserError):
            self._space.abandon()
            raise
        except KeyboardInterrupt:
            self._report('interrupted: the same command resumes the conversion')
            raise
        changes.remember(self._output_dir, self._spec.name, self._quick)
        for line in reports.summary(made, self._spec, self._options, outcome.copies):
            self._report(line)
        return made

    def _command(self):
        default = manifest.conversion_command(self._output_dir, self._spec.name)
        return self._options.command or default

    def _write_shards(self):
        finished = {}
        waiting = []
        for plan in self._plans:
            saved = self._space.saved_shard(plan.file)
            if saved:
                finished[plan.file] = saved
            else:
                waiting.append(plan)
        total = sum(len(plan.indices) for plan in self._plans)
        left = sum(len(plan.indices) for plan in waiting)
        if finished:
            self._report(f'resuming an interrupted conversion: {left:,} pictures left')
        with progress.Progress(total, self._spec.name or 'records', unit='pictures') as bar:
            bar.start_at(total - left)
            with workers.pool(self._num_processes(left)) as run:
                written = shards.write(
                    waiting, self._spec, self._options, self._space, run, bar.advance
                )
                finished.update((done.shard.file, done) for done in written)
        return [finished[plan.file] for plan in self._plans]

    def _num_processes(self, pictures):
        if self._options.num_processes:
            return self._options.num_processes
        # TensorFlow takes seconds to start in a process, which is too long for a few pictures.
        return max(1, min(processors.available(), pictures // 512))

    def _require_enough(self, outcome):
        """Raise a UserError if too many pictures cannot be used."""
        pictures = outcome.found - len(self._spec.ignored)
        allowed = self._options.max_skipped_fraction
        written = sum(split.examples for split in outcome.splits.values())
        if written and outcome.damaged <= allowed * pictures:
            return
        name = reports.skipped_name(self._spec.name)
        reports.write_skipped(os.path.join(self._output_dir, name), outcome.skipped)
        raise UserError(
            f'{outcome.damaged:,} of {pictures:,} pictures cannot be used, more than'
            f' --max_skipped_fraction={allowed:g} allows; no data set was written. Each is listed'
            f' with its reason in {os.path.join(self._output_dir, name)}'
        )

    def _describe(self, outcome):
        """Write the manifest, the reports and the labels to the hidden directory."""
        spec, path = self._spec, self._space.path
        other_files = [reports.skipped_name(spec.name)]
        reports.write_skipped(path(other_files[0]), outcome.skipped)
        if outcome.copies:
            other_files.append(reports.duplicates_name(spec.name))
            reports.write_duplicates(path(other_files[1]), outcome.copies)
        labels_file = label_files.choose(self._output_dir, spec, self._old)
        if labels_file != label_files.SHARED:
            other_files.append(labels_file)
        labels.write_labels(path(labels_file), spec.class_names)
        made = manifest.Manifest(
            dataset_name=spec.name,
            class_names=list(spec.class_names),
            splits=outcome.splits,
            labels_file=labels_file,
            background_class=spec.background_class,
            found=outcome.found,
            skipped=outcome.skipped,
            duplicates=sum(len(group) for group in outcome.copies),
            other_files=other_files,
            options=changes.recorded_options(self._options),
            fingerprint=changes.content_fingerprint(spec, outcome.digests),
        )
        manifest.write(path(manifest.manifest_name(spec.name)), made)
        return made

    def _new_files(self, made):
        """List the files to publish; an existing label file with the same names is kept."""
        if label_files.is_written(self._output_dir, made.labels_file, made.class_names):
            return made.files
        return [made.labels_file, *made.files]
