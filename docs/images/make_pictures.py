"""Make the README's pictures: the server's page, and TensorBoard's curves of a run.

    python docs/images/make_pictures.py MODEL LOGDIR

MODEL is a frozen graph or a training directory. LOGDIR contains the event files of its training
and evaluations. The README shows the first recipe of docs/training.md with
--save_interval_steps=140 --keep_checkpoints=0 and evaluations of six of its checkpoints. The
program starts server.py and TensorBoard, and takes screenshots of their pages in a headless
Chromium. It needs chromium, chromedriver and, for the names of the languages, a font like Noto Sans
CJK.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tests'))

from datasets.samples import painters
from support.network.browser import Browser

ROOT = Path(__file__).resolve().parents[2]
# The accuracy of the training batches, the accuracy of the evaluations, and the loss.
_TAGS = 'accuracy|Accuracy|total_loss'


@contextlib.contextmanager
def running(pattern, *command):
    """Run a program during a block, and return the address that matches `pattern` in its output."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            if found := re.search(pattern, line):
                yield found[1]
                return
        raise SystemExit(f'{command}: exited without printing its address')
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def write_uploads(folder):
    """Draw the pictures to upload."""
    pictures = {
        'sunflower.jpg': painters.draw_flower('sunflowers', 'README/1'),
        'rose.jpg': painters.draw_flower('roses', 'README/2'),
        'tulip.jpg': painters.draw_flower('tulips', 'README/3'),
    }
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    return [str(folder / name) for name in pictures]


def shoot_page(browser, address, uploads, path):
    """Upload pictures, and take a screenshot of the page with the results."""
    browser.open(address)
    browser.type('#pictures', '\n'.join(uploads))
    answered = 'return document.querySelectorAll(".card:not(.waiting)").length === arguments[0]'
    browser.wait_until(answered, len(uploads))
    browser.screenshot(path)


def shoot_curves(browser, address, path):
    """Take a screenshot of the curves of accuracy and loss, without smoothing."""
    browser.screen(1480, 470)
    browser.open(f'{address}#scalars&_smoothingWeight=0&tagFilter={_TAGS}')
    browser.wait_until('return document.querySelector("tf-scalar-dashboard")')
    # The page does not signal that its charts are drawn, so wait until the screenshot is stable.
    before, shot = None, b''
    while shot != before:
        time.sleep(3)
        browser.screenshot(path)
        before, shot = shot, path.read_bytes()


def shrink(path, colours=256):
    """Reduce the colours to make the file smaller."""
    with Image.open(path) as picture:
        picture.convert('RGB').quantize(colours).save(path, optimize=True)
    print(f'{path}: {os.path.getsize(path):,} bytes')


def main():
    """Make both pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('model')
    parser.add_argument('logdir')
    parser.add_argument('--output_dir', type=Path, default=ROOT / 'docs' / 'images')
    arguments = parser.parse_args()
    server = [sys.executable, '-u', ROOT / 'server.py', '--port=0', '--title=Flowers']
    board = [sys.executable, '-m', 'tensorboard.main', '--port=0', f'--logdir={arguments.logdir}']
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / 'profile').mkdir()
        browser = Browser(folder / 'profile', width=1000, height=640)
        stack.callback(browser.close)
        page = arguments.output_dir / 'server.png'
        with running(r'(http://\S+)', *server, f'--model_name={arguments.model}') as address:
            shoot_page(browser, address, write_uploads(folder), page)
        shrink(page)
        curves = arguments.output_dir / 'tensorboard.png'
        with running(r'(http://\S+)', *board) as address:
            shoot_curves(browser, address, curves)
        shrink(curves)


if __name__ == '__main__':
    main()
