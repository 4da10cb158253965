"""How many files a folder may hold before it needs sub-folders."""

import collections
import subprocess

from support.checkout import ROOT

MOST_FILES = 15
TABLES = ('.csv', '.json', '.json.gz', '.txt')  # Not counted.
# Folders that may hold more, and why.
EXCEPTIONS = {
    '.': 'programs, and the files that tools and readers expect at the top',
    'nets': "the module names are TF-Slim's",
    'scripts': 'each file is a command that people type',
}


def test_no_folder_holds_more_than_15_files():
    listed = subprocess.run(
        ['git', 'ls-files'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    files = [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]
    files = [path for path in files if not path.endswith(TABLES)]
    counts = collections.Counter(path.rpartition('/')[0] or '.' for path in files)
    large = {folder for folder, count in counts.items() if count > MOST_FILES}
    assert large == set(EXCEPTIONS)
