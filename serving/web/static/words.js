// Shared by the other modules: the page's elements, its sentences and the format of numbers.

export const byId = (id) => document.getElementById(id);
export const form = byId('form');

// The same as in serving/web/page/shown_classes.py, which explains them.
export const rules = JSON.parse(form.dataset.rules);

const sentences = JSON.parse(byId('sentences').textContent);

export const translate = (key, values = {}) =>
  (sentences[key] || sentences.error_other).replace(/\{(\w+)\}/g, (gap, name) =>
    name in values ? String(values[name]) : gap);

export const percent = (probability) =>
  probability > 0 && probability < 0.0005 ? '<0.1%' : `${(100 * probability).toFixed(1)}%`;

export const copyOf = (id) => byId(id).content.firstElementChild.cloneNode(true);

export function announce(message) {
  const line = document.createElement('span');
  line.textContent = `${message}. `;
  byId('status').append(line);
}
