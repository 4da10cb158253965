// Pictures that are chosen, dropped or pasted, and the queue in which they wait.

import { prepareExamples } from './about.js';
import * as api from './api.js';
import * as results from './results.js';
import { byId, form, translate } from './words.js';

const maxBytes = Number(form.dataset.maxBytes);
const maxFiles = Number(form.dataset.maxFiles);
const atOnce = 2;
const waiting = [];
let running = 0;

function showAlert(message) {
  const alert = byId('alert');
  alert.textContent = message;
  alert.hidden = !message;
}

async function classify({ file, name, card }) {
  if (file.size > maxBytes) {
    results.showProblem(card, name, { kind: 'bytes', limit: maxBytes / 2 ** 20 });
    return;
  }
  try {
    const answer = await api.classify(file);
    const result = answer.results?.[0];
    if (result?.predictions) {
      const count = await api.countClasses(answer.model.version);
      results.showClasses(card, name, result, count, answer.seconds);
    } else {
      results.showProblem(card, name, result?.error || answer.error);
    }
  } catch {
    results.showProblem(card, name, { kind: 'network' });
  }
}

async function work() {
  if (running >= atOnce || !waiting.length) return;
  running += 1;
  await classify(waiting.shift());
  running -= 1;
  work();
}

function add(files) {
  const chosen = Array.from(files);
  if (!chosen.length) return;
  const key = byId('key');
  if (key && !key.reportValidity()) return;
  showAlert(chosen.length > maxFiles ? translate('error_many', { limit: maxFiles }) : '');
  byId('status').textContent = '';
  for (const file of chosen.slice(0, maxFiles)) {
    const number = byId('cards').childElementCount + 1;
    const name = file.name || translate('unnamed', { number });
    waiting.push({ file, name, card: results.addCard(file, name) });
    work();
  }
}

for (const input of form.querySelectorAll('input[type=file]')) {
  input.addEventListener('change', () => {
    add(input.files);
    input.value = '';
  });
}

let depth = 0;
const carriesFiles = (event) => Array.from(event.dataTransfer?.types ?? []).includes('Files');
document.addEventListener('dragenter', (event) => {
  if (!carriesFiles(event)) return;
  depth += 1;
  document.body.classList.add('over');
});
document.addEventListener('dragleave', () => {
  depth = Math.max(0, depth - 1);
  document.body.classList.toggle('over', depth > 0);
});
document.addEventListener('dragover', (event) => {
  if (carriesFiles(event)) event.preventDefault();
});
document.addEventListener('drop', (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.body.classList.remove('over');
  add(event.dataTransfer.files);
});
document.addEventListener('paste', (event) => {
  if (event.clipboardData?.files.length) {
    event.preventDefault();
    add(event.clipboardData.files);
  }
});

byId('clear').addEventListener('click', () => {
  waiting.length = 0;
  byId('cards').replaceChildren();
  byId('results').hidden = true;
  byId('csv').hidden = true;
  byId('status').textContent = '';
  showAlert('');
  byId('pictures').focus();
});

form.addEventListener('submit', (event) => event.preventDefault());
document.documentElement.classList.add('live');
byId('submit').hidden = true;
prepareExamples();
