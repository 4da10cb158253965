// The cards with the results. Names and answers are set with textContent or setAttribute, never as
// markup.

import { csvOf } from './csv.js';
import { addHeadline, oneOf } from './headlines.js';
import { announce, byId, copyOf, percent, rules, translate } from './words.js';

const answered = new WeakMap(); // Card -> its row in the CSV.

function isUnsure(shown, count) {
  const [first, second = 0] = shown.map((each) => each.probability);
  const chance = count ? 1 / count : 0;
  const enough = chance + rules.sure_from * (1 - chance);
  return first < enough || second > rules.closest_second * first;
}

function kindOf(shown, count, isKnown, likely) {
  if (isKnown === false) return 'unknown';
  if (likely.length) return likely.length > 1 ? 'several' : '';
  return isUnsure(shown, count) ? 'unsure' : '';
}

// The same rules as in serving/web/page/shown_classes.py, which explains them.
function choose({ predictions, is_known: isKnown, likely = [] }, count) {
  const shown = predictions
    .map((each) => ({ label: each.label, probability: each.calibrated ?? each.probability }))
    .filter((each, rank) => rank === 0 || each.probability >= rules.folded_below);
  return {
    shown,
    others: count - shown.length,
    othersProbability: Math.max(0, 1 - shown.reduce((sum, each) => sum + each.probability, 0)),
    kind: kindOf(shown, count, isKnown, likely),
    likely,
  };
}

function kindOfLine({ kind, likely }, rank) {
  if (kind === 'several') return rank < likely.length ? 'likely' : '';
  return rank === 0 && kind !== 'unknown' ? 'best' : '';
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
  if (kind) row.classList.add(kind);
  row.querySelector('.label').textContent = label;
  const value = row.querySelector('.percent');
  value.value = String(probability);
  value.textContent = percent(probability);
  row.querySelector('rect').setAttribute('width', String(100 * probability));
  card.querySelector('.classes').append(row);
}

function announceClasses(name, { shown, kind, likely }) {
  const [{ label, probability }] = shown;
  const key = kind ? `announced_${kind}` : 'announced';
  const labels = kind === 'several' ? oneOf(likely) : '';
  announce(translate(key, { name, label, labels, percent: percent(probability) }));
}

// A result is one of the API's, without an error.
export function showClasses(card, name, result, count, seconds) {
  const chosen = choose(result, count);
  const { shown, others, othersProbability, kind } = chosen;
  if (kind) card.classList.add(kind);
  addHeadline(card, chosen, result.p_known);
  shown.forEach(({ label, probability }, rank) =>
    addRow(card, kindOfLine(chosen, rank), label, probability));
  if (others > 0) addRow(card, 'others', translate('others', { count: others }), othersProbability);
  const time = translate('time', { milliseconds: Math.max(1, Math.round(1000 * seconds)) });
  finish(card, time, { ...result, name, problem: '' });
  announceClasses(name, chosen);
}
