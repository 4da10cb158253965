"""A headless Chromium, driven through chromedriver's WebDriver protocol: plain HTTP and JSON."""

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

_ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # The key of an element's number (WebDriver, 12).
_FLAGS = (
    '--headless=new',
    '--no-sandbox',  # Containers have no user namespaces.
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--no-first-run',
    '--no-default-browser-check',
    '--hide-scrollbars',
)


def missing():
    """Name what is missing for a browser test, or return ''."""
    browser = shutil.which('chromium') or shutil.which('google-chrome')
    found = {'chromium': browser, 'chromedriver': shutil.which('chromedriver')}
    return ', '.join(name for name, path in found.items() if not path)


class Browser:
    """One window; `folder` takes its profile, which is new."""

    def __init__(self, folder, language='en', dark=False, width=1000, height=900):
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self._address = f'http://127.0.0.1:{port}'
        environment = {**os.environ, 'HOME': str(folder), 'LANGUAGE': language}
        self._driver = subprocess.Popen(
            [shutil.which('chromedriver'), f'--port={port}'],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        flags = [*_FLAGS, f'--user-data-dir={folder}', f'--lang={language}']
        flags += [f'--window-size={width},{height}']
        options = {
            'args': flags,
            'binary': shutil.which('chromium') or shutil.which('google-chrome'),
            'prefs': {'intl.accept_languages': language},
        }
        try:
            self._wait_for_driver()
            wanted = {'alwaysMatch': {'goog:chromeOptions': options}}
            self._session = self._call('POST', '/session', {'capabilities': wanted})['sessionId']
            self.screen(width, height)
            if dark:
                self.prefer('prefers-color-scheme', 'dark')
        except BaseException:
            self._driver.kill()
            raise

    def close(self):
        """End the browser."""
        with contextlib.suppress(OSError):
            self._call('DELETE', f'/session/{self._session}')
        self._driver.terminate()
        self._driver.wait(30)

    def open(self, address):
        """Show a page."""
        self._ask('url', {'url': address})

    def run(self, script, *arguments):
        """Return what a piece of JavaScript returns."""
        return self._ask('execute/sync', {'script': script, 'args': list(arguments)})

    def element(self, selector):
        """Return the first element of a CSS selector."""
        return self._ask('element', {'using': 'css selector', 'value': selector})[_ELEMENT]

    def texts(self, selector):
        """List the text of every element of a CSS selector."""
        script = 'return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)'
        return [text.strip() for text in self.run(script, selector)]

    def type(self, selector, text):
        """Type into an element; into a file input, the paths of files, one a line."""
        self._ask(f'element/{self.element(selector)}/value', {'text': text})

    def click(self, selector):
        """Click on an element."""
        self._ask(f'element/{self.element(selector)}/click', {})

    def download(self, selector, path, secs=60):
        """Click on a link that downloads a file to `path`; remove it, and return its text."""
        folder = str(path.parent)
        self.command('Page.setDownloadBehavior', behavior='allow', downloadPath=folder)
        self.click(selector)
        until = time.monotonic() + secs
        while not path.exists():
            assert time.monotonic() < until, f'{path.name} was not downloaded'
            time.sleep(0.05)
        text = path.read_text(encoding='utf-8')
        path.unlink()
        return text

    def press(self, key):
        """Press a key, wherever the focus is."""
        keys = [{'type': 'keyDown', 'value': key}, {'type': 'keyUp', 'value': key}]
        self._ask('actions', {'actions': [{'type': 'key', 'id': 'keys', 'actions': keys}]})

    def command(self, name, **parameters):
        """Send a command of Chromium's own protocol."""
        return self._ask('goog/cdp/execute', {'cmd': name, 'params': parameters})

    def prefer(self, feature, value):
        """Set a media feature."""
        self.command('Emulation.setEmulatedMedia', features=[{'name': feature, 'value': value}])

    def screen(self, width, height, is_phone=False):
        """Set the size of the window's content."""
        self.command(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=is_phone,
        )
        self.command('Emulation.setTouchEmulationEnabled', enabled=is_phone)

    def drop(self, selector, paths):
        """Drop files on the middle of an element."""
        place = self.run(
            'const b = document.querySelector(arguments[0]).getBoundingClientRect();'
            'return [b.x + b.width / 2, b.y + b.height / 2]',
            selector,
        )
        data = {'items': [], 'files': [str(path) for path in paths], 'dragOperationsMask': 1}
        for kind in ('dragEnter', 'dragOver', 'drop'):
            self.command('Input.dispatchDragEvent', type=kind, x=place[0], y=place[1], data=data)

    def screenshot(self, path):
        """Write a picture of the whole page."""
        height = self.run('return document.documentElement.scrollHeight')
        size = self.run('return [innerWidth, innerHeight]')
        clip = {'x': 0, 'y': 0, 'width': size[0], 'height': max(height, size[1]), 'scale': 1}
        found = self.command('Page.captureScreenshot', captureBeyondViewport=True, clip=clip)
        with open(path, 'wb') as stream:
            stream.write(base64.b64decode(found['data']))

    def wait_until(self, script, *arguments, secs=60):
        """Return what JavaScript returns once it is true."""
        until = time.monotonic() + secs
        while time.monotonic() < until:
            if found := self.run(script, *arguments):
                return found
            time.sleep(0.05)
        raise AssertionError(f'never true: {script}')

    def _wait_for_driver(self):
        until = time.monotonic() + 60
        while True:
            try:
                if self._call('GET', '/status')['ready']:
                    return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _ask(self, what, content):
        return self._call('POST', f'/session/{self._session}/{what}', content)

    def _call(self, method, path, content=None):
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._address + path, data, method=method)
        request.add_header('Content-Type', 'application/json')
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)['value']['message']) from None
