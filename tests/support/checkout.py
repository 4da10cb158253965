"""The directory of this checkout, for tests that run its programs and read its files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / 'tests' / 'golden'
SHARED = ROOT.parent / 'shared' / 'reference'
