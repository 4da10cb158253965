// What is said of a picture before its classes, as in serving/web/page/headlines.py.

import { copyOf, rules, translate } from './words.js';

const listed = (labels) => labels.join(translate('between'));

export function oneOf(labels) {
  const most = rules.most_named;
  if (labels.length > most) {
    const named = labels.slice(0, most - 1);
    return translate('or_more', { first: listed(named), count: labels.length - named.length });
  }
  return translate('or', { first: listed(labels.slice(0, -1)), last: labels.at(-1) });
}

const usualPercent = (pKnown) => Math.min(99, Math.floor(100 * (1 - pKnown) + .5));

function words({ kind, shown, likely }, pKnown) {
  if (kind === 'unknown') {
    const mostLike = translate('most_like', { label: shown[0].label });
    const unusual = translate('more_unusual', { percent: usualPercent(pKnown) });
    return [translate('unknown'), mostLike, unusual];
  }
  return kind === 'several' ? [oneOf(likely), translate('one_of_these')] : [];
}

// Adds nothing if the best class says it all.
export function addHeadline(card, chosen, pKnown) {
  const [statement, ...notes] = words(chosen, pKnown);
  if (!statement) return;
  const headline = copyOf('headline');
  headline.querySelector('.statement').textContent = statement;
  for (const note of notes) {
    const line = document.createElement('p');
    line.className = 'note';
    line.textContent = note;
    headline.append(line);
  }
  card.querySelector('.classes').before(headline);
}
