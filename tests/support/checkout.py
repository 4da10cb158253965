"""Where this checkout lies: tests that run its programs and read its files ask here."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / 'tests' / 'golden'
SHARED = ROOT.parent / 'shared' / 'reference'
