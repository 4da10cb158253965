// The cards with the results. Names and answers are set with textContent or setAttribute, never as
// markup.

import { csvOf } from './csv.js';
import { announce, byId, copyOf, form, percent, translate } from './words.js';

// The same rules as in serving/web/page/shown_classes.py, which explains them.
const rules = JSON.parse(form.dataset.rules);

const answered = new WeakMap(); // Card -> its row in the CSV.

function choose(predictions, count) {
  const shown = predictions.filter((each, rank) =>
    rank === 0 || each.probability >= rules.folded_below);
  const [first, second = 0] = shown.map((each) => each.probability);
  const chance = count ? 1 / count : 0;
  const enough = chance + rules.sure_from * (1 - chance);
  return {
    shown,
    others: count - shown.length,
    othersProbability: Math.max(0, 1 - shown.reduce((sum, each) => sum + each.probability, 0)),
    isUnsure: first < enough || second > rules.closest_second * first,
  };
}

export function addCard(file, name) {
  const card = copyOf('card');
  card.classList.add('waiting');
  card.setAttribute('aria-busy', 'true');
  const title = card.querySelector('.name');
  title.textContent = name;
  title.title = name;
  card.querySelector('.time').textContent = translate('working');
  const image = document.createElement('img');
  image.className = 'preview';
  image.alt = translate('preview', { name });
  image.addEventListener('error', () => image.remove());
  image.addEventListener('load', () => URL.revokeObjectURL(image.src));
  image.src = URL.createObjectURL(file);
  card.querySelector('.frame').append(image);
  byId('cards').append(card);
  byId('results').hidden = false;
  byId('clear').hidden = false;
  return card;
}

function finish(card, time, row) {
  card.classList.remove('waiting');
  card.removeAttribute('aria-busy');
  card.querySelector('.time').textContent = time;
  answered.set(card, row);
  offerCsv();
}

function offerCsv() {
  const link = byId('csv');
  const rows = [...byId('cards').children].filter((card) => answered.has(card))
    .map((card) => answered.get(card));
  link.hidden = !rows.some((row) => row.predictions.length);
  if (link.hidden) return;
  URL.revokeObjectURL(link.href);
  // With this mark spreadsheets read the file as UTF-8.
  link.href = URL.createObjectURL(new Blob(['\ufeff', csvOf(rows)], { type: 'text/csv' }));
}

export function showProblem(card, name, problem) {
  const message = translate(`error_${problem.kind}`, problem);
  const place = card.querySelector('.problem');
  place.textContent = message;
  place.hidden = false;
  finish(card, '', { name, problem: message, predictions: [] });
  announce(translate('announced_error', { name, message }));
}

function addRow(card, kind, label, probability) {
  const row = copyOf(kind === 'best' ? 'best' : 'class');
  row.classList.toggle('others', kind === 'others');
  row.querySelector('.label').textContent = label;
  const value = row.querySelector('.percent');
  value.value = String(probability);
  value.textContent = percent(probability);
  row.querySelector('rect').setAttribute('width', String(100 * probability));
  card.querySelector('.classes').append(row);
}

export function showClasses(card, name, predictions, count, seconds) {
  const { shown, others, othersProbability, isUnsure } = choose(predictions, count);
  card.classList.toggle('unsure', isUnsure);
  shown.forEach(({ label, probability }, rank) =>
    addRow(card, rank === 0 ? 'best' : 'class', label, probability));
  if (others > 0) addRow(card, 'others', translate('others', { count: others }), othersProbability);
  const time = translate('time', { milliseconds: Math.max(1, Math.round(1000 * seconds)) });
  finish(card, time, { name, problem: '', predictions });
  const { label, probability } = shown[0];
  const key = isUnsure ? 'announced_unsure' : 'announced';
  announce(translate(key, { name, label, percent: percent(probability) }));
}
