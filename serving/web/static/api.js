// The requests that the page sends to the server.

import { showModel } from './about.js';
import { byId, form } from './words.js';

const pause = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

// The number of classes by version of the model, which may change while the page is open.
const counts = new Map([[form.dataset.version, Number(form.dataset.classes)]]);

function keyHeaders() {
  const key = byId('key');
  return key ? { Authorization: `Bearer ${key.value}` } : {};
}

export async function classify(file) {
  const body = new FormData();
  body.append('pictures', file, file.name);
  body.append('top', form.dataset.shown);
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch('api/classify', { method: 'POST', body, headers: keyHeaders() });
    const later = Number(answer.headers.get('Retry-After'));
    if (answer.status !== 503 || !later || attempt === 3) return answer.json();
    await pause(Math.min(later, 10));
  }
}

// Returns NaN if the server does not answer.
export async function countClasses(version) {
  const name = String(version);
  if (!counts.has(name)) {
    try {
      const answer = await fetch('api/model', { headers: keyHeaders() });
      const model = await answer.json();
      counts.set(name, model.classes.length);
      showModel(model);
    } catch {
      return NaN;
    }
  }
  return counts.get(name);
}
