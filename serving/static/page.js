'use strict';

// Everything that comes from outside goes through textContent or setAttribute: never into markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const form = byId('form');
  const sentences = JSON.parse(byId('sentences').textContent);
  const maxBytes = Number(form.dataset.maxBytes);
  const maxFiles = Number(form.dataset.maxFiles);
  const atOnce = 2;
  const waiting = [];
  let running = 0;

  const tell = (key, values = {}) =>
    (sentences[key] || sentences.error_other).replace(/\{(\w+)\}/g, (gap, name) =>
      name in values ? String(values[name]) : gap);

  const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);
  const percent = (probability) => `${(100 * probability).toFixed(1)}%`;
  const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

  function showAlert(message) {
    const alert = byId('alert');
    alert.textContent = message;
    alert.hidden = !message;
  }

  function announce(message) {
    const line = document.createElement('span');
    line.textContent = `${message}. `;
    byId('status').append(line);
  }

  function addCard(file, name) {
    const card = copyOf('card');
    card.classList.add('waiting');
    card.setAttribute('aria-busy', 'true');
    const title = card.querySelector('.name');
    title.textContent = name;
    title.title = name;
    card.querySelector('.time').textContent = tell('working');
    const image = document.createElement('img');
    image.className = 'preview';
    image.alt = tell('preview', { name });
    image.addEventListener('error', () => image.remove());
    image.addEventListener('load', () => URL.revokeObjectURL(image.src));
    image.src = URL.createObjectURL(file);
    card.querySelector('.frame').append(image);
    byId('cards').append(card);
    byId('results').hidden = false;
    byId('clear').hidden = false;
    return card;
  }

  function finish(card, time) {
    card.classList.remove('waiting');
    card.removeAttribute('aria-busy');
    card.querySelector('.time').textContent = time;
  }

  function showProblem(card, name, problem) {
    const message = tell(`error_${problem.kind}`, problem);
    finish(card, '');
    const place = card.querySelector('.problem');
    place.textContent = message;
    place.hidden = false;
    announce(tell('announced_error', { name, message }));
  }

  function showClasses(card, name, result, seconds) {
    finish(card, tell('time', { milliseconds: Math.max(1, Math.round(1000 * seconds)) }));
    result.predictions.forEach((prediction, rank) => {
      const row = copyOf('class');
      row.classList.toggle('best', rank === 0);
      row.querySelector('.label').textContent = prediction.label;
      const value = row.querySelector('.percent');
      value.value = String(prediction.probability);
      value.textContent = percent(prediction.probability);
      row.querySelector('rect').setAttribute('width', String(100 * prediction.probability));
      card.querySelector('.classes').append(row);
    });
    const best = result.predictions[0];
    announce(tell('announced', { name, label: best.label, percent: percent(best.probability) }));
  }

  async function ask(file) {
    const body = new FormData();
    body.append('pictures', file, file.name);
    body.append('top', form.dataset.shown);
    const headers = {};
    const key = byId('key');
    if (key) headers.Authorization = `Bearer ${key.value}`;
    for (let attempt = 0; ; attempt += 1) {
      const answer = await fetch('api/classify', { method: 'POST', body, headers });
      const later = Number(answer.headers.get('Retry-After'));
      if (answer.status !== 503 || !later || attempt === 3) return answer.json();
      await pause(Math.min(later, 10));
    }
  }

  async function classify({ file, name, card }) {
    if (file.size > maxBytes) {
      showProblem(card, name, { kind: 'bytes', limit: maxBytes / 2 ** 20 });
      return;
    }
    try {
      const answer = await ask(file);
      const result = answer.results && answer.results[0];
      if (result && result.predictions) showClasses(card, name, result, answer.seconds);
      else showProblem(card, name, (result && result.error) || answer.error);
    } catch {
      showProblem(card, name, { kind: 'network' });
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
    showAlert(chosen.length > maxFiles ? tell('error_many', { limit: maxFiles }) : '');
    byId('status').textContent = '';
    for (const file of chosen.slice(0, maxFiles)) {
      const number = byId('cards').childElementCount + 1;
      const name = file.name || tell('unnamed', { number });
      waiting.push({ file, name, card: addCard(file, name) });
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
    byId('status').textContent = '';
    showAlert('');
    byId('pictures').focus();
  });

  form.addEventListener('submit', (event) => event.preventDefault());
  document.documentElement.classList.add('live');
  byId('submit').hidden = true;
})();
