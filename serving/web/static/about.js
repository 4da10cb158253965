// The section about the model, and the examples for programs.

import { announce, byId, translate } from './words.js';

// A server with API keys describes its model only to visitors with a key.
export function showModel(model) {
  const known = byId('known');
  const names = model.classes;
  const most = Number(known.dataset.mostNamed);
  const count = translate('classes', { count: names.length });
  const lines = names.slice(0, most);
  if (names.length > most) lines.push(translate('more_classes', { count: names.length - most }));
  const list = known.querySelector('ul');
  list.setAttribute('aria-label', count);
  list.replaceChildren(...lines.map((line) => {
    const item = document.createElement('li');
    item.textContent = line;
    return item;
  }));
  known.querySelector('summary').textContent = count;
  known.open = names.length <= Number(known.dataset.mostOpen);
  known.hidden = false;
  const version = translate('version', { version: model.version });
  byId('model').textContent = [model.network || model.name, count, version].join(' · ');
}

function select(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}

async function copy(button, code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
  } catch {
    // Without TLS there is no clipboard API: fall back to execCommand, else select the text.
    select(code);
    if (!document.execCommand('copy')) {
      announce(translate('copy_by_hand'));
      button.textContent = translate('copy_by_hand');
      return;
    }
  }
  announce(translate('copied'));
  button.textContent = translate('copied');
  setTimeout(() => { button.textContent = translate('copy_text'); }, 2000);
}

export function prepareExamples() {
  // An address may contain these characters, which end the quotes of a shell.
  const address = new URL('api/classify', document.baseURI).href
    .replace(/[$`\\!']/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`);
  for (const place of document.querySelectorAll('.address')) place.textContent = address;
  for (const button of document.querySelectorAll('.copy')) {
    button.hidden = false;
    button.addEventListener('click', () =>
      copy(button, button.closest('.snippet').querySelector('code')));
  }
}
